"""A run is launched once, found again, watched through every blip, and believed only when it has ended."""

from __future__ import annotations

import pytest
import requests
from databricks_blocks.errors import (
    DatabricksRunCancelled,
    DatabricksRunFailed,
    DatabricksRunRefused,
    DatabricksRunSkipped,
    DatabricksUnreachable,
)
from databricks_blocks.run.repair_policy import GiveUp, Repair
from databricks_blocks.workspace.polling import PollingPolicy

from .fake_workspace import EPOCH, FakeWorkspace
from .life_lab import ENDED_BADLY, Notes, attempts, chain, live, policy, results

HTML = "<html><body>Bad gateway</body></html>"
BLIPS = {
    "429 with Retry-After": (429, "", {"Retry-After": "7"}),
    "429": 429,
    "500": (500, '{"error_code": "INTERNAL_SERVER_ERROR", "message": "try again later"}'),
    "502 as HTML": (502, HTML, {"Content-Type": "text/html"}),
    "503": 503,
    "504": 504,
    "520": (520, HTML),
    "connection reset": requests.ConnectionError("Connection reset by peer"),
    "time-out": requests.ReadTimeout("Read timed out."),
    "broken off": requests.exceptions.ChunkedEncodingError("IncompleteRead"),
    "200 with a login page": (200, HTML, {"Content-Type": "text/html"}),
    "200 with half of an answer": (200, '{"run_id": 10'),
    "200 with nothing": (200, ""),
    "lock clash": (400, '{"error_code": "COULD_NOT_ACQUIRE_LOCK", "message": "Could not acquire lock"}'),
    "aborted": (409, '{"error_code": "ABORTED", "message": "Please retry"}'),
}
blips = pytest.mark.parametrize("blip", BLIPS.values(), ids=BLIPS.keys())


@pytest.fixture
def workspace() -> FakeWorkspace:
    return FakeWorkspace()


@pytest.mark.parametrize("launch", ["submit", "run_now"])
@blips
def test_a_blip_at_any_call_is_outlived(workspace: FakeWorkspace, blip: object, launch: str) -> None:
    for endpoint in ("runs/submit", "list", "create", "run-now", "runs/get", "runs/repair"):
        workspace.fail(endpoint, blip, blip)
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    run = live(workspace, chain(launch))
    assert results(run) == {"join": "SUCCESS", "plot": "SUCCESS"}
    assert workspace.active == []


@pytest.mark.parametrize("launch", ["submit", "run_now"])
@blips
def test_an_answer_to_the_launch_that_is_lost_starts_no_second_run(
    workspace: FakeWorkspace, blip: object, launch: str
) -> None:
    workspace.fail("runs/submit", blip, after=True)
    workspace.fail("run-now", blip, after=True)
    run = live(workspace, chain(launch))
    assert list(workspace.runs) == [run.run_id]


@blips
def test_an_answer_to_the_creation_of_a_job_that_is_lost_leaves_one_job(
    workspace: FakeWorkspace, blip: object
) -> None:
    workspace.fail("create", blip, after=True)
    live(workspace, chain("run_now"))
    assert len(workspace.jobs) == 1


def test_retry_after_is_obeyed(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/submit", (429, "", {"Retry-After": "20"}))
    live(workspace)
    first, second = workspace.called("runs/submit")
    assert second.at - first.at >= 20


def test_a_workspace_that_stays_away_is_given_up_in_time_and_the_run_is_left_alone(
    workspace: FakeWorkspace,
) -> None:
    workspace.default_seconds = 7200
    wishes = policy(PollingPolicy(max_unreachable=600))
    notes = Notes()
    workspace.fail("runs/get", 500, count=-1)
    with pytest.raises(DatabricksUnreachable) as unreachable:
        live(workspace, wishes=wishes, notes=notes)
    assert unreachable.value.may_retry
    assert 600 < workspace.time.passed <= 600 + 60
    assert workspace.called("runs/cancel") == []
    assert workspace.active == notes.runs


def test_a_workspace_that_is_away_at_the_launch_is_given_up_in_time(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/submit", requests.ConnectionError("refused"), count=-1)
    with pytest.raises(DatabricksUnreachable):
        live(workspace, wishes=policy(PollingPolicy(max_unreachable=600)))
    assert 600 < workspace.time.passed <= 600 + 90
    assert workspace.runs == {}


def test_many_blips_with_answers_between_are_no_outage(workspace: FakeWorkspace) -> None:
    workspace.default_seconds = 3600
    asked = 0

    def every_other() -> tuple[int, dict[str, str], str]:
        nonlocal asked
        asked += 1
        if asked % 2:
            return 500, {}, ""
        return workspace._answer("runs/get", workspace.calls[-1].body)

    workspace.fail("runs/get", every_other, count=-1)
    run = live(workspace, wishes=policy(PollingPolicy(max_unreachable=60)))
    assert results(run) == {"join": "SUCCESS", "plot": "SUCCESS"}


def test_an_hour_costs_at_most_250_calls_and_its_end_is_noticed_within_30_seconds(
    workspace: FakeWorkspace,
) -> None:
    workspace.seconds = {"only": 3600.0}
    live(workspace, chain(edges={"only": ()}))
    assert len(workspace.calls) <= 250
    assert workspace.time.passed - 3600 <= 30


@pytest.mark.parametrize("seconds", [0.0, 0.5, 3.0, 20.0, 60.0, 400.0, 1000.0, 20_000.0])
def test_the_end_is_noticed_within_1_second_or_5_percent(workspace: FakeWorkspace, seconds: float) -> None:
    workspace.seconds = {"only": seconds}
    live(workspace, chain(edges={"only": ()}))
    assert workspace.time.passed - seconds <= min(max(1.0, 0.05 * seconds), 30.0) + 1e-6


def test_1000_tasks_are_seen_on_all_pages_and_one_of_the_last_is_repaired(workspace: FakeWorkspace) -> None:
    edges = {f"t{number}": () for number in range(1000)}
    workspace.outcomes = {"t990": [ENDED_BADLY]}
    workspace.default_seconds = 0
    run = live(workspace, chain("run_now", edges))
    assert len(run.tasks) == 1000
    assert attempts(run, "t990") == ["FAILED", "SUCCESS"]
    assert sum(attempt.state.is_success for attempt in run.attempts) == 1000


# A flow that is started again: by its retry, by the Retry button, on another worker after a crash.


def test_a_retry_attaches_to_the_run_that_is_active(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/get", 400)
    with pytest.raises(DatabricksRunRefused):
        live(workspace)
    assert len(workspace.active) == 1
    notes = Notes()
    run = live(workspace, started=2, notes=notes)
    assert list(workspace.runs) == [run.run_id] == notes.runs
    assert results(run) == {"join": "SUCCESS", "plot": "SUCCESS"}


def test_a_retry_uses_the_run_that_succeeded(workspace: FakeWorkspace) -> None:
    first = live(workspace)
    calls = len(workspace.calls)
    assert live(workspace, started=2).run_id == first.run_id
    assert [call.endpoint for call in workspace.calls[calls:]] == ["runs/submit", "runs/get"]


@pytest.mark.parametrize("launch", ["submit", "run_now"])
@pytest.mark.parametrize("error", [ENDED_BADLY, "AnalysisException: no such column"])
def test_a_retry_repairs_the_run_that_failed_whatever_the_error(
    workspace: FakeWorkspace, launch: str, error: str
) -> None:
    workspace.outcomes = {"plot": [error]}
    with pytest.raises(DatabricksRunFailed):
        live(workspace, chain(launch), wishes=policy(max_repairs=0))
    run = live(workspace, chain(launch), wishes=policy(max_repairs=0), started=2)
    assert attempts(run, "join") == ["SUCCESS"]
    assert attempts(run, "plot") == ["FAILED", "SUCCESS"]


def test_a_retry_repairs_a_run_that_was_cancelled_when_all_its_tasks_had_succeeded(
    workspace: FakeWorkspace,
) -> None:
    first = workspace.runs[live(workspace, chain("run_now")).run_id]
    first.cancelled_at = first.end
    run = live(workspace, chain("run_now"), started=2)
    assert run.run_id == first.run_id
    assert attempts(run, "join") == attempts(run, "plot") == ["SUCCESS", "SUCCESS"]


def test_each_start_of_the_flow_has_its_own_repairs(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY] * 50}
    tries = []
    for started in (1, 2, 3):
        with pytest.raises(DatabricksRunFailed):
            live(workspace, chain("run_now"), wishes=policy(max_repairs=2), started=started)
        (run,) = workspace.runs.values()
        tries.append(sum(attempt.key == "join" for attempt in run.attempts))
    assert tries == [3, 6, 9]


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_a_start_does_not_take_the_repairs_that_earlier_starts_left(
    workspace: FakeWorkspace, launch: str
) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY] * 50}
    notes = Notes()
    with pytest.raises(DatabricksRunFailed):
        live(workspace, chain(launch), wishes=policy(max_repairs=2), started=5, notes=notes)
    repairs, last = notes.decisions[:-1], notes.decisions[-1]
    assert [str(repair).partition(" in ")[0] for repair in repairs] == ["repair 1 of 2", "repair 2 of 2"]
    assert last == GiveUp("2 of 2 repairs are used up")


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_the_first_repair_of_a_start_waits_no_longer_than_that_of_the_first_start(
    workspace: FakeWorkspace, launch: str
) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY] * 50}
    waits = []
    for started in (1, 2, 3):
        notes = Notes()
        with pytest.raises(DatabricksRunFailed):
            live(
                workspace,
                chain(launch),
                wishes=policy(max_repairs=2, wait_seconds=10, jitter=0),
                started=started,
                notes=notes,
            )
        repairs = [each for each in notes.decisions if isinstance(each, Repair)]
        waits.append([each.wait_seconds for each in repairs if each.wait_seconds])
    assert waits == [[10, 20]] * 3


def test_each_start_of_the_flow_has_its_own_runs_in_place_of_repairs(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY] * 50}
    runs = []
    for started in (1, 2, 3):
        with pytest.raises(DatabricksRunFailed):
            live(workspace, wishes=policy(max_repairs=1), started=started)
        runs.append(len(workspace.runs))
    assert runs == [2, 4, 6]


def test_another_call_is_another_run(workspace: FakeWorkspace) -> None:
    first = live(workspace, call="first")
    assert live(workspace, call="second").run_id != first.run_id


# Inputs that were written again before the retry.


def after(workspace: FakeWorkspace, seconds: float) -> int:
    workspace.time.sleep(seconds)
    return int((EPOCH + workspace.time.now) * 1000)


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_a_run_that_succeeded_on_older_inputs_is_run_again(workspace: FakeWorkspace, launch: str) -> None:
    first = live(workspace, chain(launch))
    inputs_since = after(workspace, 60)
    again = live(workspace, chain(launch), started=2, inputs_since=inputs_since)
    assert again.run_id != first.run_id
    assert results(again) == {"join": "SUCCESS", "plot": "SUCCESS"}
    assert attempts(again, "join") == ["SUCCESS"]
    third = live(workspace, chain(launch), started=3, inputs_since=inputs_since)
    assert third.run_id == again.run_id, "the inputs are the same, and so is the run"


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_of_a_run_that_failed_on_older_inputs_all_tasks_run_again(
    workspace: FakeWorkspace, launch: str
) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    with pytest.raises(DatabricksRunFailed):
        live(workspace, chain(launch), wishes=policy(max_repairs=0))
    run = live(workspace, chain(launch), started=2, inputs_since=after(workspace, 60))
    assert attempts(run, "join") == ["SUCCESS", "SUCCESS"]
    assert attempts(run, "plot") == ["FAILED", "SUCCESS"]


def test_a_clock_that_is_ahead_of_the_workspace_launches_no_run_after_run(workspace: FakeWorkspace) -> None:
    live(workspace)
    an_hour_ahead = after(workspace, 60) + 3_600_000
    live(workspace, started=2, inputs_since=an_hour_ahead)
    assert len(workspace.runs) == 2


# States.


@pytest.mark.parametrize("state", ["QUEUED", "PENDING", "BLOCKED", "WAITING_FOR_RETRY", "NEXT_YEARS_STATE"])
def test_no_state_before_the_end_ends_the_watch(workspace: FakeWorkspace, state: str) -> None:
    def begin() -> tuple[int, dict[str, str], str]:
        (run,) = workspace.runs.values()
        run.state = {"life_cycle_state": state} if workspace.time.passed < 100 else None
        return workspace._answer("runs/get", workspace.calls[-1].body)

    workspace.fail("runs/get", begin, count=-1)
    assert results(live(workspace)) == {"join": "SUCCESS", "plot": "SUCCESS"}
    assert workspace.time.passed >= 100


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"life_cycle_state": "TERMINATED", "result_state": "NEXT_YEARS_RESULT"}, DatabricksRunFailed),
        ({"life_cycle_state": "NEXT_YEARS_STATE", "result_state": "NEXT_YEARS_RESULT"}, DatabricksRunFailed),
        ({"life_cycle_state": "TERMINATED"}, DatabricksRunFailed),
        ({"life_cycle_state": "INTERNAL_ERROR"}, DatabricksRunFailed),
        ({"life_cycle_state": "SKIPPED"}, DatabricksRunSkipped),
        ({"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}, DatabricksRunCancelled),
    ],
)
def test_no_end_but_success_passes(
    workspace: FakeWorkspace, state: dict[str, str], kind: type[Exception]
) -> None:
    def end() -> tuple[int, dict[str, str], str]:
        (run,) = workspace.runs.values()
        run.state = state if workspace.time.passed >= 20 else None
        return workspace._answer("runs/get", workspace.calls[-1].body)

    workspace.fail("runs/get", end, count=-1)
    with pytest.raises(kind) as error:
        live(workspace)
    assert type(error.value) is kind
    assert "https://dbc.example/jobs/0/runs/" in str(error.value).splitlines()[0]
    assert workspace.called("runs/repair") == []


@pytest.mark.parametrize("accept", [True, False])
def test_a_success_with_failures_is_one_only_where_that_is_wished(
    workspace: FakeWorkspace, accept: bool
) -> None:
    def end() -> tuple[int, dict[str, str], str]:
        (run,) = workspace.runs.values()
        ended = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS_WITH_FAILURES"}
        run.state = ended if workspace.time.passed >= 20 else None
        return workspace._answer("runs/get", workspace.calls[-1].body)

    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.fail("runs/get", end, count=-1)
    wishes = policy(accept_failures=accept, max_repairs=0)
    if accept:
        assert live(workspace, wishes=wishes).state.result_state == "SUCCESS_WITH_FAILURES"
    else:
        with pytest.raises(DatabricksRunFailed, match="Task `plot` failed: OSError"):
            live(workspace, wishes=wishes)
