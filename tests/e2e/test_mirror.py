"""Databricks tasks as Prefect task runs: one each, with edges, attempts, states and output."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_flows.job.subflow import run_databricks_job
from databricks_local import Faults
from prefect import flow, get_client
from prefect.client.schemas.filters import LogFilter, LogFilterTaskRunId
from prefect.client.schemas.objects import Log, TaskRun
from prefect.states import State

from .conftest import ImportNotebook, Stack, task_runs

CLUSTER = JobCluster().specification()
NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))


def mirrored(*tasks: DatabricksTask, policy: RunPolicy = NO_REPAIR) -> tuple[State[Any], dict[str, TaskRun]]:
    """Run the tasks; how the flow ended, and the task run of each."""

    @flow
    async def outer() -> None:
        await run_databricks_job(JobSpecification(name="mirrored", tasks=list(tasks)), "workspace", policy)

    state = asyncio.run(outer(return_state=True))
    assert state.state_details.flow_run_id is not None
    runs = task_runs(state.state_details.flow_run_id)
    assert all(len(of_key) == 1 for of_key in runs.values())
    return state, {key: run for key, (run,) in runs.items()}


def upstream_of(run: TaskRun) -> set[UUID]:
    return {link.id for links in run.task_inputs.values() for link in links if link.input_type == "task_run"}


def logs_of(run: TaskRun, beginning: str) -> list[Log]:
    """The log of a task run, once a line is there."""

    async def read() -> list[Log]:
        async with get_client() as client:
            for _ in range(100):
                logs = await client.read_logs(LogFilter(task_run_id=LogFilterTaskRunId(any_=[run.id])))
                if any(log.message.startswith(beginning) for log in logs):
                    return logs
                await asyncio.sleep(0.05)
        raise AssertionError("the logs did not arrive")

    return asyncio.run(read())


def condition(key: str, left: str) -> DatabricksTask:
    return DatabricksTask(
        task_key=key, body={"condition_task": {"op": "EQUAL_TO", "left": left, "right": "yes"}}
    )


def outcome(value: str) -> dict[str, str]:
    return {"task_key": "ask", "outcome": value}


def test_edges_outcomes_and_what_is_left_out(stack: Stack, notebook: ImportNotebook) -> None:
    path = notebook("echo", "dbutils.notebook.exit('said')")
    state, runs = mirrored(
        condition("ask", "yes"),
        notebook_task("then", path, new_cluster=CLUSTER, depends_on=[outcome("true")]),
        notebook_task("else", path, new_cluster=CLUSTER, depends_on=[outcome("false")]),
        notebook_task("last", path, new_cluster=CLUSTER, depends_on=["then", "else"], run_if="NONE_FAILED"),
    )
    assert state.is_completed()
    assert {key: run.state_name for key, run in runs.items()} == {
        "ask": "Completed",
        "then": "Completed",
        "else": "Excluded",
        "last": "Completed",
    }
    assert upstream_of(runs["then"]) == upstream_of(runs["else"]) == {runs["ask"].id}
    assert upstream_of(runs["last"]) == {runs["then"].id, runs["else"].id}
    assert "databricks" in runs["ask"].tags
    assert logs_of(runs["ask"], "Outcome: true")
    assert logs_of(runs["then"], "Exit value: said")


def test_what_depends_on_a_failure_has_an_end_and_what_asks_for_one_runs(
    stack: Stack, notebook: ImportNotebook
) -> None:
    fails = notebook("fails", "print('so far')\nraise ValueError('no such column')")
    fine = notebook("fine", "pass")
    state, runs = mirrored(
        notebook_task("load", fails, new_cluster=CLUSTER),
        notebook_task("plot", fine, new_cluster=CLUSTER, depends_on=["load"]),
        notebook_task("later", fine, new_cluster=CLUSTER, depends_on=["plot"]),
        notebook_task("tell", fine, new_cluster=CLUSTER, depends_on=["load"], run_if="AT_LEAST_ONE_FAILED"),
    )
    assert state.is_failed()
    assert (state.message or "").splitlines()[0].count("Task `load` failed: ValueError: no such column") == 1
    assert {key: run.state_name for key, run in runs.items()} == {
        "load": "Failed",
        "plot": "UpstreamFailed",
        "later": "UpstreamFailed",
        "tell": "Completed",
    }
    assert {key for key, run in runs.items() if run.state and run.state.is_final()} == set(runs)
    assert upstream_of(runs["plot"]) == {runs["load"].id}
    assert upstream_of(runs["later"]) == {runs["plot"].id}
    (error,) = [log for log in logs_of(runs["load"], "Traceback") if log.message.startswith("Traceback")]
    ended = stack.databricks().jobs.list_runs(limit=1)
    run = stack.databricks().jobs.get_run(next(ended).run_id or 0)
    (load,) = [task for task in run.tasks or () if task.task_key == "load"]
    assert error.timestamp.timestamp() * 1000 == pytest.approx(load.end_time, abs=1)


def test_attempts_of_databricks_itself_are_retries(notebook: ImportNotebook, faults: Faults) -> None:
    path = notebook("fine", "pass")
    faults.add(task_key="shaky", error="OSError: away", count=2)
    state, runs = mirrored(
        notebook_task("shaky", path, new_cluster=CLUSTER, max_retries=2, min_retry_interval_millis=50)
    )
    assert state.is_completed()
    assert (runs["shaky"].state_name, runs["shaky"].run_count) == ("Completed", 3)


def test_the_iterations_of_a_loop_are_counted(notebook: ImportNotebook) -> None:
    path = notebook("fine", "pass")
    inner = {"task_key": "each", "notebook_task": {"notebook_path": path}, "new_cluster": CLUSTER}
    loop = DatabricksTask(task_key="loop", body={"for_each_task": {"inputs": "[1, 2, 3]", "task": inner}})
    state, runs = mirrored(loop)
    assert state.is_completed()
    assert logs_of(runs["loop"], "3 of 3 iterations ended")


def test_a_workspace_that_stays_away_ends_the_flow_and_the_task_runs_while_the_run_goes_on(
    stack: Stack, notebook: ImportNotebook, faults: Faults
) -> None:
    path = notebook("sleeps", "import time; time.sleep(600)")
    faults.add(path="/api/*/jobs/runs/get", status=500, offset=10, count=1_000_000)
    impatient = RunPolicy(polling=PollingPolicy(max_unreachable=1))
    state, runs = mirrored(notebook_task("slow", path, new_cluster=CLUSTER), policy=impatient)
    faults.clear()
    assert state.is_failed()
    assert "DatabricksUnreachable" in (state.message or "")
    assert runs["slow"].state_name == "Crashed"
    (active,) = stack.databricks().jobs.list_runs(active_only=True)
    stack.databricks().jobs.cancel_run(active.run_id or 0)
