"""Whoever ends the flow ends its Databricks run, and nothing of it counts as a success."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import psutil
import pytest
from prefect import flow

from blocks.databricks.run_policy import RunPolicy
from deployments.local.workspace.testing import Faults
from flows.databricks_job import run_databricks_job

from .conftest import ImportNotebook, Stack, until
from .flow_processes import cancel, create_flow_run, flow_processes_of, state_of, worker
from .outer_flow import outer
from .single_task import is_running, outcome, runs_of, single_task

POOL = "cancelled"
SECONDS_TO_CANCEL = 10
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


@pytest.mark.parametrize("launching", [False, True], ids=["while it runs", "while it is launched"])
def test_a_cancel_in_prefect_ends_the_run_of_a_process_that_cannot(
    stack: Stack, faults: Faults, notebook: ImportNotebook, working: psutil.Process, launching: bool
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    if launching:
        faults.add(path="/api/*/jobs/runs/submit", when="after", delay_seconds=600)
    flow_run_id = create_flow_run(outer, POOL, job=job, policy=RunPolicy())
    until(lambda: is_running(stack, job))
    (process,) = flow_processes_of(working)
    # It does not react, so that whoever cancels it has to kill it.
    process.send_signal(signal.SIGSTOP)
    cancel(flow_run_id)
    until(lambda: state_of(flow_run_id) == "CANCELLING")
    process.kill()
    until(lambda: [outcome(run) for run in runs_of(stack, job)] == ["CANCELED"], SECONDS_TO_CANCEL)
    until(lambda: state_of(flow_run_id) == "CANCELLED")


def test_a_time_out_of_the_flow_ends_the_run(stack: Stack, notebook: ImportNotebook) -> None:
    job = single_task(notebook("sleeps", SLEEPS))

    @flow(timeout_seconds=4)
    async def limited() -> None:
        await run_databricks_job(job, "workspace")

    state = asyncio.run(limited(return_state=True))
    assert state.name == "TimedOut"
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
