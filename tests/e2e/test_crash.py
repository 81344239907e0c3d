"""Flow processes that are killed or told to go: the Databricks run is neither doubled nor lost."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.job.specification import LaunchMode
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_local import Faults

from .calling_flows import submits
from .conftest import ImportNotebook, Stack, until
from .flow_processes import create_flow_run, flow_process, kill, press_retry, run, state_of
from .outer_flow import outer
from .single_task import is_running, outcome, runs_of, single_task

POLICY = RunPolicy(repair=RepairPolicy(max_repairs=2, wait_seconds=0))

FAILS_ONCE = {"task_key": "only", "error": "OSError: away"}
NOT_DONE = {"status": 503, "count": -1}
DONE_BUT_NOT_ANSWERED = {"when": "after", "delay_seconds": 600}
SUBMIT = {"path": "/api/*/jobs/runs/submit"}
SECOND_SUBMIT = {**SUBMIT, "offset": 1}
RUN_NOW = {"path": "/api/*/jobs/run-now"}
REPAIR = {"path": "/api/*/jobs/runs/repair"}
SECOND_LOOK = {"path": "/api/*/jobs/runs/get", "offset": 1}


@dataclass(frozen=True)
class Crash:
    """A step at which the flow's process is killed.

    Attributes:
        held: The fault that holds the flow at that step.
        fails: Whether the task fails at first.
        runs: How many runs there are in the end: one a generation.
    """

    held: dict[str, Any]
    launch: LaunchMode = "submit"
    fails: bool = False
    runs: int = 1


CRASHES = {
    "before submit": Crash({**SUBMIT, **NOT_DONE}),
    "after submit": Crash({**SUBMIT, **DONE_BUT_NOT_ANSWERED}),
    "before run-now": Crash({**RUN_NOW, **NOT_DONE}, "run_now"),
    "after run-now": Crash({**RUN_NOW, **DONE_BUT_NOT_ANSWERED}, "run_now"),
    "while polling": Crash({**SECOND_LOOK, **DONE_BUT_NOT_ANSWERED}),
    "before repair": Crash({**REPAIR, **NOT_DONE}, "run_now", fails=True),
    "after repair": Crash({**REPAIR, **DONE_BUT_NOT_ANSWERED}, "run_now", fails=True),
    "before a submit in place of a repair": Crash({**SECOND_SUBMIT, **NOT_DONE}, fails=True, runs=2),
    "after a submit in place of a repair": Crash(
        {**SECOND_SUBMIT, **DONE_BUT_NOT_ANSWERED}, fails=True, runs=2
    ),
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
def test_killed_and_run_again_it_is_one_run_a_generation(
    stack: Stack, faults: Faults, notebook: ImportNotebook, tmp_path: Path, crash: Crash
) -> None:
    go = tmp_path / "go"
    job = single_task(notebook("waits", waiting_for(go)), crash.launch)
    flow_run_id = create_flow_run(outer, job=job, policy=POLICY)
    if crash.fails:
        faults.add(**FAILS_ONCE, run_name=job.name)
    faults.add(**crash.held)
    with flow_process(flow_run_id) as process:
        until(lambda: faults.show()[-1]["applied"] > 0)
        kill(process)
    faults.clear()
    go.touch()
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    runs = runs_of(stack, job)
    assert len(runs) == crash.runs
    assert sum(len(one.tasks or ()) for one in runs) == (2 if crash.fails else 1)
    assert outcome(runs[0]) == "SUCCESS"


def test_a_flow_run_that_still_counts_as_running_is_picked_up_too(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    job = single_task(notebook("waits", waiting_for(go)))
    flow_run_id = create_flow_run(outer, job=job, policy=POLICY)
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job))
        kill(process)
    go.touch()
    assert run(flow_run_id) == "COMPLETED"
    assert [outcome(one) for one in runs_of(stack, job)] == ["SUCCESS"]


def test_sigterm_leaves_the_run_to_the_retry(stack: Stack, notebook: ImportNotebook, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = single_task(notebook("waits", waiting_for(go)))
    flow_run_id = create_flow_run(outer, job=job, policy=POLICY)
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job))
        kill(process, signal.SIGTERM)
    assert state_of(flow_run_id) == "CRASHED"
    assert is_running(stack, job)
    go.touch()
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    assert [outcome(one) for one in runs_of(stack, job)] == ["SUCCESS"]


def test_sigterm_leaves_the_run_of_a_call_in_the_thread_of_a_task(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    gives_back = "dbutils.notebook.exit(dbutils.widgets.get('n'))"
    path = notebook("waits", f"{waiting_for(go)}\n{gives_back}")
    job = single_task(path, "run_now", job_parameters={"n": ""})
    flow_run_id = create_flow_run(submits, job=job, ns=["1"])
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job))
        kill(process, signal.SIGTERM)
    assert state_of(flow_run_id) == "CRASHED"
    assert is_running(stack, job)
    go.touch()
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    assert [outcome(one) for one in runs_of(stack, job)] == ["SUCCESS"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_run_ends_with_the_process_where_that_is_wanted(
    stack: Stack, notebook: ImportNotebook, number: signal.Signals
) -> None:
    policy = RunPolicy(on_crash="cancel") if number == signal.SIGTERM else POLICY
    job = single_task(notebook("sleeps", "import time; time.sleep(600)"))
    flow_run_id = create_flow_run(outer, job=job, policy=policy)
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job))
        kill(process, number)
    assert state_of(flow_run_id) == "CRASHED"
    assert [outcome(one) for one in runs_of(stack, job)] == ["CANCELED"]


def waiting_for(path: Path) -> str:
    """The code of a notebook that ends when there is a file."""
    return f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists():\n    time.sleep(.05)"
