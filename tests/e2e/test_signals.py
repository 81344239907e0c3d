"""What a signal does: a command cancels and cleans up, the run of a deployment is left to its retry.

CI takes a part; the mark `matrix` has the others.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.jobs import Run
from databricks_blocks.job.cluster import JobCluster
from databricks_flows.renewable.analysis import renewable_analysis
from databricks_local import Faults
from dbflow.local.processes import marked_processes, marker
from dbflow.local.stack import NAMES, LocalStack
from dbflow.local.state import StateStore
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

from .conftest import ImportNotebook, Stack, until
from .flow_processes import (
    ROOT,
    create_flow_run,
    flow_process,
    kill,
    prefect_environment,
    press_retry,
    run,
    state_of,
)
from .matrix import cases
from .single_task import outcome, single_task
from .terminals import Terminal, in_terminal
from .test_crash import waiting_for

DBFLOW = [sys.executable, "-m", "dbflow"]
HANGS = {"task_key": "*", "effect": "hang", "count": -1}
CANCEL = {"path": "/api/*/jobs/runs/cancel"}


@dataclass(frozen=True)
class Way:
    """A way in which a person or the system ends a command.

    Attributes:
        end: Sends the signal.
        exit_code: What the command ends with.
        again: Sent once more while the command cancels its run.
    """

    end: Callable[[Terminal], None]
    exit_code: int
    again: Callable[[Terminal], None] | None = None


def send(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda terminal: terminal.process.send_signal(number)


WAYS = {
    "Ctrl-C": Way(Terminal.press_ctrl_c, 130),
    "Ctrl-C twice": Way(Terminal.press_ctrl_c, 130, again=Terminal.press_ctrl_c),
    "SIGTERM": Way(send(signal.SIGTERM), 143),
    "SIGHUP": Way(send(signal.SIGHUP), 129),
    "terminal closed": Way(Terminal.close, 129),
}


def ways(*in_ci: str) -> pytest.MarkDecorator:
    """All ways; CI goes some of them."""
    return cases("way", WAYS, *in_ci)


@pytest.fixture
def new_runs(stack: Stack) -> Callable[[], list[Run]]:
    """The Databricks runs that were launched since the test began."""
    client = stack.databricks()
    before = {run.run_id for run in client.jobs.list_runs()}
    return lambda: [run for run in client.jobs.list_runs(expand_tasks=True) if run.run_id not in before]


def works(runs: list[Run]) -> bool:
    """Whether a task of the runs is at work."""
    states = [task.state.life_cycle_state for run in runs for task in run.tasks or () if task.state]
    return any(state is not None and state.value == "RUNNING" for state in states)


@pytest.fixture
def active_flow_runs(stack: Stack) -> Callable[[], list[str]]:
    """The flow runs that were created since the test began, and have not ended."""
    began = FlowRunFilterExpectedStartTime(after_=datetime.now(UTC))
    states = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
    filtered = FlowRunFilter(state=FlowRunFilterState(type=states), expected_start_time=began)

    def names() -> list[str]:
        with get_client(sync_client=True) as client:
            return [run.name for run in client.read_flow_runs(flow_run_filter=filtered)]

    return names


def end(terminal: Terminal, way: Way, faults: Faults) -> None:
    """End a command that has launched a run, and see with what it ends."""
    if way.again is not None:
        faults.add(**CANCEL, delay_seconds=1)
    way.end(terminal)
    if way.again is not None:
        until(lambda: faults.show()[-1]["applied"] > 0)
        way.again(terminal)
    assert terminal.process.wait(60) == way.exit_code, terminal.text
    assert "Traceback" not in terminal.text
    if way.end is not Terminal.close:
        assert terminal.text.rstrip().endswith("Cancelled.")


@ways("Ctrl-C twice", "terminal closed")
def test_a_run_that_is_ended_leaves_nothing(
    clean_stack: Stack,
    faults: Faults,
    new_runs: Callable[[], list[Run]],
    active_flow_runs: Callable[[], list[str]],
    tmp_path: Path,
    way: Way,
) -> None:
    faults.add(**HANGS)
    command = [*DBFLOW, "run", "--country", "Peru", "--out", str(tmp_path / "out")]
    with in_terminal(command, clean_stack.directory, os.environ) as terminal:
        until(lambda: works(new_runs()))
        end(terminal, way, faults)
    assert [outcome(run) for run in new_runs()] == ["CANCELED"]
    assert list((tmp_path / "out").iterdir()) == []
    assert active_flow_runs() == []


@ways("Ctrl-C", "SIGTERM", "SIGHUP")
def test_a_job_run_that_is_ended_cancels_its_run(
    stack: Stack,
    faults: Faults,
    notebook: ImportNotebook,
    new_runs: Callable[[], list[Run]],
    active_flow_runs: Callable[[], list[str]],
    tmp_path: Path,
    way: Way,
) -> None:
    faults.add(**HANGS)
    task = {"task_key": "only", "notebook_task": {"notebook_path": notebook("hangs", "pass")}}
    job = {"name": "ended", "tasks": [{**task, "new_cluster": JobCluster().specification()}]}
    (tmp_path / "job.json").write_text(json.dumps(job))
    environment = {
        **os.environ,
        "PREFECT_API_URL": stack.endpoints.prefect.api_url,
        "PREFECT_API_AUTH_STRING": stack.endpoints.prefect.auth_string,
        "DATABRICKS_HOST": stack.endpoints.workspace.url,
        "DATABRICKS_TOKEN": stack.endpoints.workspace.token,
    }
    with in_terminal([*DBFLOW, "job", "run", "job.json"], tmp_path, environment) as terminal:
        until(lambda: works(new_runs()))
        end(terminal, way, faults)
    assert [outcome(run) for run in new_runs()] == ["CANCELED"]
    assert active_flow_runs() == []


SCRIPT = """
import asyncio, sys
from databricks_flows import JobSpecification, RunPolicy
from tests.e2e.outer_flow import outer
asyncio.run(outer(JobSpecification.model_validate_json(sys.argv[1]), RunPolicy()))
"""


@ways("SIGHUP")
def test_a_flow_in_a_script_that_is_ended_cancels_its_run(
    faults: Faults,
    notebook: ImportNotebook,
    new_runs: Callable[[], list[Run]],
    active_flow_runs: Callable[[], list[str]],
    way: Way,
) -> None:
    faults.add(**HANGS)
    job = single_task(notebook("hangs", "pass")).model_dump_json()
    with in_terminal([sys.executable, "-c", SCRIPT, job], ROOT, prefect_environment()) as terminal:
        until(lambda: works(new_runs()))
        way.end(terminal)
        assert terminal.process.wait(60) == 128 - way.exit_code, "the signal ends the process"
    assert [outcome(run) for run in new_runs()] == ["CANCELED"]
    assert active_flow_runs() == []


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack of a directory in which only commands start one."""
    local = LocalStack(tmp_path_factory.mktemp("started by commands") / ".dbflow")
    yield local
    local.stop()


def assert_stopped(local: LocalStack) -> None:
    assert {service.state for service in local.status()} == {"stopped"}
    assert [process for name in NAMES for process in marked_processes(marker(local.root, name))] == []


@ways("terminal closed")
def test_a_stack_in_the_foreground_stops(own_stack: LocalStack, way: Way) -> None:
    with in_terminal([*DBFLOW, "up"], own_stack.root.parent, os.environ) as terminal:
        until(lambda: "Ctrl-C stops it." in terminal.text, 120)
        way.end(terminal)
        if way.again is not None:
            way.again(terminal)
        assert terminal.process.wait(60) == way.exit_code
    assert "Traceback" not in terminal.text
    assert_stopped(own_stack)


@ways("SIGTERM")
def test_a_start_that_is_interrupted_stops_what_it_started(own_stack: LocalStack, way: Way) -> None:
    store = StateStore(own_stack.root)
    with in_terminal([*DBFLOW, "up", "--detach"], own_stack.root.parent, os.environ) as terminal:
        until(lambda: bool(store.load().services), 120)
        way.end(terminal)
        assert terminal.process.wait(120) == way.exit_code
    assert "Traceback" not in terminal.text
    assert_stopped(own_stack)


@ways("Ctrl-C")
def test_a_run_that_is_ended_while_it_loads_stops_the_stack_that_it_started(
    own_stack: LocalStack, way: Way
) -> None:
    directory = own_stack.root.parent
    with in_terminal([*DBFLOW, "run", "--country", "Peru"], directory, os.environ) as terminal:
        until(lambda: "load_csv" in terminal.text, 120)
        way.end(terminal)
        if way.again is not None:
            way.again(terminal)
        assert terminal.process.wait(60) == way.exit_code
    assert "Traceback" not in terminal.text
    assert list((directory / "output").iterdir()) == []
    assert_stopped(own_stack)


NUMBERS = {number.name: number for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)}


@cases("number", NUMBERS, "SIGHUP")
def test_the_run_of_a_deployment_is_left_to_its_retry(
    clean_stack: Stack,
    notebook: ImportNotebook,
    new_runs: Callable[[], list[Run]],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    go = tmp_path / "go"
    code = {name: (ROOT / "notebooks" / f"{name}.py").read_text() for name in ("join_data", "transform_data")}
    notebook("join_data", code["join_data"])
    notebook("transform_data", f"{waiting_for(go)}\n\n# COMMAND ----------\n\n{code['transform_data']}")
    parameters: dict[str, Any] = {"countries": ["Peru"], "output_directory": str(tmp_path / "out")}
    flow_run_id = create_flow_run(renewable_analysis, notebook_directory="/Shared/tests", **parameters)
    with flow_process(flow_run_id) as process:
        until(lambda: works(new_runs()))
        kill(process, number)
    assert process.returncode == -number
    assert state_of(flow_run_id) == ("RUNNING" if number is signal.SIGKILL else "CRASHED")
    assert [outcome(run) for run in new_runs()] == ["not ended"]
    assert len(clean_stack.left_behind()) > 1, "a schema and staged files"
    go.touch()
    press_retry(flow_run_id)
    assert run(flow_run_id, 180) == "COMPLETED"
    assert [outcome(run) for run in new_runs()] == ["SUCCESS"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shw.csv", "shw.png"]
