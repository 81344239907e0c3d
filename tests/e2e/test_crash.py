"""Flow processes that are killed, told to go, or cancelled: the Databricks run is neither doubled nor lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.service.jobs import Run

from blocks.databricks.cluster import JobCluster
from blocks.databricks.job_spec import JobSpecification, Launch
from blocks.databricks.repair import RepairPolicy
from blocks.databricks.run_policy import RunPolicy
from blocks.databricks.tasks import notebook_task
from deployments.local.workspace.testing import Faults

from .conftest import ImportNotebook, Stack, until
from .flow_processes import create_flow_run, flow_process, kill, run_again

POLICY = RunPolicy(repair=RepairPolicy(max_repairs=2, wait_seconds=0))
HELD = 600.0
"""Seconds for which an answer is held back: until the process that waits for it is gone."""


@dataclass(frozen=True)
class Crash:
    """A step at which the flow's process is killed.

    Attributes:
        faults: What brings the flow to that step, and holds it there; the last one is waited for.
        runs: How many runs there are in the end: one a generation.
        attempts: At the task, in all runs.
    """

    launch: Launch = "submit"
    faults: tuple[dict[str, Any], ...] = ()
    runs: int = 1
    attempts: int = 1


FAILS_ONCE = {"task_key": "only", "error": "OSError: away"}
SUBMIT, RUN_NOW, REPAIR, GET = (f"/api/*/jobs/{call}" for call in ("runs/submit", "run-now", "runs/repair", "runs/get"))
HELD_BEFORE = {"status": 503, "count": -1}
HELD_AFTER = {"when": "after", "delay_seconds": HELD}

CRASHES = {
    "before submit": Crash(faults=({"path": SUBMIT, **HELD_BEFORE},)),
    "before run-now": Crash("run_now", ({"path": RUN_NOW, **HELD_BEFORE},)),
    "after submit, before its answer": Crash(faults=({"path": SUBMIT, **HELD_AFTER},)),
    "after run-now, before its answer": Crash("run_now", ({"path": RUN_NOW, **HELD_AFTER},)),
    "polling": Crash(faults=({"path": GET, "offset": 1, **HELD_AFTER},)),
    "before repair": Crash("run_now", (FAILS_ONCE, {"path": REPAIR, **HELD_BEFORE}), attempts=2),
    "after repair, before its answer": Crash("run_now", (FAILS_ONCE, {"path": REPAIR, **HELD_AFTER}), attempts=2),
    "before the submit in place of a repair": Crash(
        faults=(FAILS_ONCE, {"path": SUBMIT, "offset": 1, **HELD_BEFORE}), runs=2, attempts=2
    ),
    "after the submit in place of a repair": Crash(
        faults=(FAILS_ONCE, {"path": SUBMIT, "offset": 1, **HELD_AFTER}), runs=2, attempts=2
    ),
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
def test_killed_and_run_again_it_is_one_run_a_generation(
    stack: Stack, faults: Faults, notebook: ImportNotebook, crash: Crash
) -> None:
    job = one_task(notebook("quick", "dbutils.notebook.exit('done')"), crash.launch)
    flow_run_id = create_flow_run(job, POLICY)
    for fault in crash.faults:
        faults.add(**fault, **({} if "path" in fault else {"run_name": job.name}))
    with flow_process(flow_run_id) as process:
        until(lambda: faults.show()[-1]["applied"] > 0)
        kill(process)
    faults.clear()
    assert run_again(flow_run_id) == "COMPLETED"
    runs = runs_of(stack, job)
    assert len(runs) == crash.runs
    assert sum(len(run.tasks or ()) for run in runs) == crash.attempts
    assert ended(runs[0]) == "SUCCESS"


def one_task(path: str, launch: Launch = "submit", **fields: Any) -> JobSpecification:
    return JobSpecification(
        name=f"crash {uuid4()}",
        launch=launch,
        job_clusters={"shared": JobCluster().specification()},
        tasks=[notebook_task("only", path, job_cluster_key="shared")],
        **fields,
    )


def runs_of(stack: Stack, job: JobSpecification) -> list[Run]:
    """The runs of a job, the latest first, with all attempts."""
    client = stack.databricks()
    found = [run.run_id for run in client.jobs.list_runs() if run.run_name == job.name]
    return [client.jobs.get_run(run_id, include_history=True) for run_id in found if run_id]


def ended(run: Run) -> str:
    """How a run ended, or that it did not."""
    if run.state is None or run.state.result_state is None:
        return "not ended"
    return run.state.result_state.value
