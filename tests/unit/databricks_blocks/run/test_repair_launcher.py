"""The repair of a run that a person asks for: made once, waited for, taken up by a retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from unittest.mock import create_autospec

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InternalError, InvalidParameterValue
from databricks_blocks.errors import DatabricksRunFailed, DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.run.repair_launcher import RepairLauncher, launch_parameters
from databricks_blocks.run.repair_policy import Repair
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.runs_api import get_run

from .fake_workspace import FakeWorkspace, Time
from .life_lab import ENDED_BADLY, attempts, chain, life_of, live, policy, run_async

ENDED = {"life_cycle_state": "TERMINATED", "result_state": "FAILED"}
ACTIVE = {"life_cycle_state": "RUNNING"}
SUCCEEDED = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}


class Workspace:
    """One run, which shows a repair at once."""

    def __init__(self, state: dict[str, str] = ENDED) -> None:
        self.state = state
        self.requests: list[dict[str, Any]] = []
        self.refusals: list[Exception] = []

    def run(self) -> dict[str, Any]:
        history = [{"type": "ORIGINAL"}, *([{"type": "REPAIR", "id": 7}] if self.requests else [])]
        return {"run_id": 9, "state": self.state, "repair_history": history}

    def answer(self, method: str, path: str, *, query: Any = None, body: Any = None) -> dict[str, Any]:
        if path.endswith("runs/repair"):
            if self.refusals:
                raise self.refusals.pop(0)
            self.requests.append(body)
            return {"repair_id": 7}
        assert path.endswith("runs/get")
        return self.run()

    def repair(self, repair: Repair | None = None, **options: Any) -> RepairLauncher:
        client = create_autospec(WorkspaceClient, instance=True)
        client.config.host = "https://dbc.example"
        client.api_client.do = cast(Callable[..., Any], self.answer)
        return RepairLauncher(client, self.run(), repair or Repair(), **options)


def ended(time: Time | None = None) -> tuple[FakeWorkspace, int]:
    """A workspace with a failed run, which succeeds when it is repaired."""
    workspace = FakeWorkspace(time)
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    with pytest.raises(DatabricksRunFailed):
        live(workspace, chain("run_now"), wishes=policy(max_repairs=0))
    (run_id,) = workspace.runs
    return workspace, run_id


def repaired(workspace: FakeWorkspace, run_id: int) -> RunSnapshot:
    client = workspace.client()
    launcher = RepairLauncher(client, get_run(client, run_id), Repair())
    return run_async(life_of(workspace, launcher=launcher, wishes=policy(max_repairs=0)).to_the_end())


def test_the_repair_is_asked_for_as_it_was_wished() -> None:
    workspace = Workspace()
    assert workspace.repair(Repair(("plot",), False)).start(0) == 9
    assert workspace.requests == [{"run_id": 9, "rerun_tasks": ["plot"], "rerun_dependent_tasks": False}]


@pytest.mark.parametrize("seconds", [0.0, 30.0, 400.0])
def test_a_repair_that_is_not_seen_at_once_is_waited_for(seconds: float) -> None:
    workspace, run_id = ended()
    workspace.repair_shown_after = seconds
    assert attempts(repaired(workspace, run_id), "plot") == ["FAILED", "SUCCESS"]
    assert len(workspace.called("runs/repair")) == 1


@pytest.mark.parametrize("seconds", [0.0, 30.0, 400.0])
@pytest.mark.parametrize("seconds_of_a_task", [0.0, 10.0])
def test_a_repair_whose_answer_is_lost_is_waited_for_too(seconds: float, seconds_of_a_task: float) -> None:
    workspace, run_id = ended()
    workspace.default_seconds = seconds_of_a_task
    workspace.repair_shown_after = seconds
    workspace.fail("runs/repair", 500, after=True)
    assert attempts(repaired(workspace, run_id), "plot") == ["FAILED", "SUCCESS"]
    assert len(workspace.runs[run_id].repairs) == 1


def test_a_repair_that_is_never_seen_is_told_as_such() -> None:
    workspace, run_id = ended()
    workspace.repair_shown_after = 1e9
    with pytest.raises(DatabricksUnreachable, match=rf"{run_id} does not show its repair \d+ after 9"):
        repaired(workspace, run_id)


def test_started_again_it_is_the_same_repair() -> None:
    workspace = Workspace()
    repair = workspace.repair()
    assert [repair.start(0), repair.start(0)] == [9, 9]
    assert len(workspace.requests) == 1


@pytest.mark.parametrize(
    ("state", "requests"), [(ACTIVE, 0), (SUCCEEDED, 0), (ENDED, 1)], ids=["active", "succeeded", "failed"]
)
def test_a_retry_takes_up_the_repair_and_makes_another_only_if_that_failed(
    state: dict[str, str], requests: int
) -> None:
    workspace = Workspace(state=state)
    assert workspace.repair(taken_up=True).start(0) == 9
    assert len(workspace.requests) == requests


def test_a_refusal_is_told_unless_an_earlier_request_was_heard() -> None:
    refusal = InvalidParameterValue("Run 9 is active: it cannot be repaired.")
    active = Workspace(state=ACTIVE)
    active.refusals = [refusal]
    with pytest.raises(DatabricksRunRefused, match=r"refused jobs/runs/repair: Run 9 is active"):
        active.repair().start(0)

    heard = Workspace()
    repair = heard.repair()
    heard.requests.append({})
    heard.refusals = [InternalError("lost"), refusal]
    with pytest.raises(DatabricksUnreachable):
        repair.start(0)
    assert repair.start(0) == 9

    other = Workspace()
    other.refusals = [InvalidParameterValue("There are no failed tasks to repair.")]
    with pytest.raises(DatabricksRunRefused, match="no failed tasks"):
        other.repair().start(0)


@pytest.mark.parametrize(
    ("run", "sent"),
    [
        ({}, {}),
        (
            {"job_parameters": [{"name": "a", "default": "1", "value": "2"}, {"name": "b", "default": "3"}]},
            {"job_parameters": {"a": "2"}},
        ),
        ({"overriding_parameters": {"notebook_params": {"x": "y"}}}, {"notebook_params": {"x": "y"}}),
    ],
)
def test_what_a_run_was_launched_with_is_sent_again(run: dict[str, Any], sent: dict[str, Any]) -> None:
    assert launch_parameters(run) == sent
