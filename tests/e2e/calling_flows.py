"""Ways to call `run_databricks_job` more than once. Each call checks that the result is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.job.subflow import run_databricks_job
from prefect import flow, task
from prefect.deployments import arun_deployment
from prefect.runtime import flow_run, task_run
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from .conftest import until

NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))
CHILD = "child/children"
SECONDS_BETWEEN_CALLS = 0.5


async def one(job: JobSpecification, n: str) -> None:
    """Call the job with a parameter that it gives back."""
    result = await run_databricks_job(job, "workspace", NO_REPAIR, {"n": n})
    if result.exit_values["only"] != n:
        raise RuntimeError(f"asked for {n}, got {result.exit_values['only']}")


async def all_of(calls: list[Coroutine[Any, Any, None]]) -> None:
    """Wait for all calls, and fail if one has failed."""
    for failed in await asyncio.gather(*calls, return_exceptions=True):
        if failed is not None:
            raise failed


async def gathered(job: JobSpecification, ns: list[str]) -> None:
    """Call at once; in a retry the calls reach the subflow in the other order."""
    order = ns if flow_run.get_run_count() == 1 else list(reversed(ns))

    async def later(position: int, n: str) -> None:
        await asyncio.sleep(SECONDS_BETWEEN_CALLS * position)
        await one(job, n)

    await all_of([later(position, n) for position, n in enumerate(order)])


@flow(retries=1)
async def gathers(job: JobSpecification, ns: list[str]) -> None:
    """Calls at once."""
    await gathered(job, ns)


@flow
async def gathers_without_retries(job: JobSpecification, ns: list[str]) -> None:
    """Calls at once, in a flow that only a person retries."""
    await gathered(job, ns)


@task(persist_result=False)
def in_a_task(job: JobSpecification, n: str) -> None:
    asyncio.run(one(job, n))


@task(persist_result=False, retries=1)
def in_a_task_with_retries(job: JobSpecification, n: str) -> None:
    asyncio.run(one(job, n))


@flow(retries=1, task_runner=ThreadPoolTaskRunner(max_workers=4))
def submits(job: JobSpecification, ns: list[str]) -> None:
    """Calls in tasks of a thread pool."""
    for future in [in_a_task.submit(job, n) for n in ns]:
        future.result()


@flow(retries=1, task_runner=ThreadPoolTaskRunner(max_workers=10))
def maps(job: JobSpecification, ns: list[str]) -> None:
    """Calls in mapped tasks."""
    in_a_task.map([job] * len(ns), ns).result()


@flow(retries=1, task_runner=ProcessPoolTaskRunner(max_workers=3))
def uses_processes(job: JobSpecification, ns: list[str]) -> None:
    """Calls in tasks of a process pool."""
    in_a_task.map([job] * len(ns), ns).result()


@flow
def retries_in_tasks(job: JobSpecification, ns: list[str]) -> None:
    """Calls in tasks that are retried."""
    in_a_task_with_retries.map([job] * len(ns), ns).result()


@flow
async def inner(job: JobSpecification, n: str) -> None:
    """A subflow that calls the job."""
    await one(job, n)


@flow(retries=1)
async def has_subflows(job: JobSpecification, ns: list[str]) -> None:
    """Calls in a subflow that is called several times at once."""
    await all_of([inner(job, n) for n in ns])


@task(persist_result=False, retries=1)
async def subflow_in_a_task(job: JobSpecification, n: str) -> None:
    await inner(job, n)


@flow
async def has_subflows_in_tasks(job: JobSpecification, ns: list[str]) -> None:
    """Calls in subflows in tasks that are retried: each attempt makes a new subflow run."""
    await all_of([subflow_in_a_task(job, n) for n in ns])


@flow(retries=1)
async def loops(job: JobSpecification, ns: list[str]) -> None:
    """Calls one after the other."""
    for n in ns:
        await one(job, n)


@flow(name="child")
async def child(job: JobSpecification, n: str) -> None:
    """A flow that runs as a deployment."""
    await one(job, n)


@flow(retries=1)
async def has_deployments(job: JobSpecification, ns: list[str]) -> None:
    """Calls in flow runs of a deployment, each in a process of its own."""
    given = job.model_dump(mode="json")
    runs = await asyncio.gather(
        *(arun_deployment(CHILD, parameters={"job": given, "n": n}, poll_interval=1) for n in ns)
    )
    for run in runs:
        if run.state is None or not run.state.is_completed():
            raise RuntimeError(f"{run.name} ended {run.state}")


_LEFT_RUNNING: set[asyncio.Task[None]] = set()


@task(persist_result=False, retries=1)
async def leaves_the_first_call_running(job: JobSpecification, n: str, is_running: str) -> None:
    """Fail in the first attempt while the call of it goes on."""
    call = asyncio.create_task(one(job, n))
    _LEFT_RUNNING.add(call)
    if task_run.get_run_count() == 1:
        await asyncio.to_thread(until, Path(is_running).exists)
        raise RuntimeError("the first attempt fails")
    await call


@flow
async def retries_while_it_runs(job: JobSpecification, ns: list[str], is_running: str) -> None:
    """A call in a task whose first attempt fails while its run goes on."""
    await leaves_the_first_call_running(job, ns[0], is_running)
    await asyncio.gather(*_LEFT_RUNNING)
