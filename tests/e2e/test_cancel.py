"""Whoever ends the flow ends its Databricks run, and nothing of it counts as a success."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psutil
import pytest
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.subflow import run_databricks_job
from databricks_local import Faults
from prefect import flow, get_client, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.states import Cancelling
from prefect.task_runners import ThreadPoolTaskRunner

from .conftest import ImportNotebook, Stack, task_runs, until
from .flow_processes import cancel, create_flow_run, flow_process, flow_run, kill, state_of, worker
from .outer_flow import outer
from .single_task import is_running, outcome, runs_of, single_task

POOL = "cancelled"
SECONDS_TO_CANCEL = 10
REPAIR_AT_ONCE = RunPolicy(repair=RepairPolicy(wait_seconds=0))
FAILS_ONCE = {"task_key": "only", "error": "OSError: away"}
SUBMIT_NOT_ANSWERED = {"path": "/api/*/jobs/runs/submit", "when": "after", "delay_seconds": 600}
SLEEPS = "import time; time.sleep(600)"


@pytest.fixture(scope="module")
def working(stack: Stack) -> Iterator[psutil.Process]:
    with worker(POOL) as process:
        yield process


def test_a_cancel_in_prefect_ends_the_run(
    stack: Stack, notebook: ImportNotebook, working: psutil.Process
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    flow_run_id = create_flow_run(outer, POOL, job=job, policy=RunPolicy())
    until(lambda: is_running(stack, job))
    cancel(flow_run_id)
    until(lambda: [outcome(run) for run in runs_of(stack, job)] == ["CANCELED"], SECONDS_TO_CANCEL)
    until(lambda: state_of(flow_run_id) == "CANCELLED")
    for passed in (flow_run_id, subflow_of(flow_run_id)):
        assert "CRASHED" not in states_of(passed), states_of(passed)
    assert [mirror.state_name for mirror in task_runs(flow_run_id)["only"]] == ["Cancelled"]


@pytest.mark.parametrize(
    ("faults_before", "ends"),
    [
        ([], ["CANCELED"]),
        ([SUBMIT_NOT_ANSWERED], ["CANCELED"]),
        ([FAILS_ONCE, {**SUBMIT_NOT_ANSWERED, "offset": 1}], ["CANCELED", "FAILED"]),
    ],
    ids=["running", "being launched", "being launched in place of a repair"],
)
def test_the_hook_of_a_cancel_knows_nothing_but_the_flow_run_and_ends_its_run(
    stack: Stack,
    faults: Faults,
    notebook: ImportNotebook,
    faults_before: list[dict[str, Any]],
    ends: list[str],
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    for fault in faults_before:
        faults.add(**fault, **({} if "path" in fault else {"run_name": job.name}))
    flow_run_id = create_flow_run(outer, job=job, policy=REPAIR_AT_ONCE)
    with flow_process(flow_run_id) as process:
        until(lambda: [outcome(run) for run in runs_of(stack, job)] == ["not ended", *ends[1:]])
        until(lambda: is_running(stack, job))
        kill(process)
    # What Prefect's runner does in a process of its own when that of the flow cannot do it.
    asyncio.run(cancel_databricks_runs(outer, flow_run(flow_run_id), Cancelling()))
    until(lambda: [outcome(run) for run in runs_of(stack, job)] == ends, SECONDS_TO_CANCEL)


@pytest.mark.parametrize("waits", ["paused", "for its repair"])
def test_the_hook_of_a_cancel_launches_nothing(
    stack: Stack, faults: Faults, notebook: ImportNotebook, waits: str
) -> None:
    job = single_task(notebook("quick", "dbutils.notebook.exit('done')"))
    faults.add(**FAILS_ONCE, run_name=job.name)
    paused = RepairPolicy(max_repairs=0, ask=True)
    policy = RunPolicy(repair=paused if waits == "paused" else RepairPolicy(wait_seconds=600))
    flow_run_id = create_flow_run(outer, job=job, policy=policy)
    with flow_process(flow_run_id) as process:
        until(lambda: [outcome(run) for run in runs_of(stack, job)] == ["FAILED"])
        until(lambda: len(task_runs(flow_run_id)) == 1)
        if waits == "paused":
            until(lambda: state_of(subflow_of(flow_run_id)) == "PAUSED")
        kill(process)
    asyncio.run(cancel_databricks_runs(outer, flow_run(flow_run_id), Cancelling()))
    assert [outcome(run) for run in runs_of(stack, job)] == ["FAILED"]


def test_the_hook_of_a_cancel_launches_nothing_that_the_workspace_did_not_take(
    stack: Stack, faults: Faults, notebook: ImportNotebook
) -> None:
    job = single_task(notebook("quick", "dbutils.notebook.exit('done')"))
    faults.add(path="/api/*/jobs/runs/submit", status=503, count=-1)
    flow_run_id = create_flow_run(outer, job=job, policy=REPAIR_AT_ONCE)
    with flow_process(flow_run_id) as process:
        until(lambda: faults.show()[0]["applied"] > 0)
        kill(process)
    faults.clear()
    asyncio.run(cancel_databricks_runs(outer, flow_run(flow_run_id), Cancelling()))
    assert runs_of(stack, job) == []


@pytest.mark.parametrize("paused", [True, False])
def test_a_cancel_of_the_subflow_itself_ends_it_in_seconds(
    stack: Stack, faults: Faults, notebook: ImportNotebook, paused: bool
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    if paused:
        faults.add(**FAILS_ONCE, run_name=job.name)
    policy = RunPolicy(repair=RepairPolicy(max_repairs=0, ask=paused))
    flow_run_id = create_flow_run(outer, job=job, policy=policy)
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job) or bool(runs_of(stack, job)))
        subflow_id = subflow_of(flow_run_id)
        until(lambda: state_of(subflow_id) == "PAUSED" if paused else is_running(stack, job))
        cancel(subflow_id)
        process.wait(60)
    assert state_of(subflow_id) == "CANCELLED"
    assert [outcome(run) for run in runs_of(stack, job)] == ["FAILED" if paused else "CANCELED"]


def states_of(flow_run_id: UUID) -> list[str]:
    """The types of all states of a flow run."""
    with get_client(sync_client=True) as client:
        return [state.type.value for state in client.read_flow_run_states(flow_run_id)]


def subflow_of(flow_run_id: UUID) -> UUID:
    """The only subflow run of a flow run, once it is there."""
    parent = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        until(lambda: len(client.read_flow_runs(flow_run_filter=parent)) == 1)
        return client.read_flow_runs(flow_run_filter=parent)[0].id


def test_a_time_out_of_the_flow_ends_the_run(stack: Stack, notebook: ImportNotebook) -> None:
    job = single_task(notebook("sleeps", SLEEPS))

    @flow(timeout_seconds=4)
    async def limited() -> None:
        await run_databricks_job(job, "workspace")

    state = asyncio.run(limited(return_state=True))
    assert state.name == "TimedOut"
    assert [outcome(run) for run in runs_of(stack, job)] == ["CANCELED"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_end_of_the_flow_ends_the_run_of_a_call_in_the_thread_of_a_task(
    stack: Stack, notebook: ImportNotebook, error: type[BaseException]
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))

    @task
    def call() -> None:
        run_databricks_job(job, "workspace")

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))  # type: ignore[arg-type]
    def parent() -> None:
        call.submit()
        until(lambda: is_running(stack, job))
        raise error

    with pytest.raises(error):
        parent()
    assert [outcome(run) for run in runs_of(stack, job)] == ["CANCELED"]


def test_a_failure_beside_it_in_the_parent_ends_the_run(stack: Stack, notebook: ImportNotebook) -> None:
    job = single_task(notebook("sleeps", SLEEPS))

    @flow
    async def parent() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(run_databricks_job(job, "workspace"))
            await asyncio.to_thread(until, lambda: is_running(stack, job))
            raise RuntimeError("beside it")

    state = asyncio.run(parent(return_state=True))
    assert state.is_failed()
    assert [outcome(run) for run in runs_of(stack, job)] == ["CANCELED"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancel_while_it_is_launched_leaves_no_run(
    stack: Stack, faults: Faults, notebook: ImportNotebook, when: str
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    faults.add(path="/api/*/jobs/runs/submit", when=when, delay_seconds=1)

    async def cancel_at_once() -> None:
        running = asyncio.create_task(run_databricks_job(job, "workspace"))
        await asyncio.to_thread(until, lambda: faults.show()[0]["applied"] > 0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel_at_once())
    assert [outcome(run) for run in runs_of(stack, job)] == ["CANCELED"]
