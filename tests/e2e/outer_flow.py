"""The flows that flow processes run: one that ships, and two that only call the Databricks subflow."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.run.policy import RunPolicy
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.load.csv_files import load_csv_files
from prefect import flow, task

__all__ = ["hears", "load_csv_files", "many", "outer", "retried_later"]

NO_NAMES: list[str] = []


@flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
async def outer(job: JobSpecification, policy: RunPolicy) -> None:
    """Run a job."""
    await run_databricks_job(job, "workspace", policy)


@flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
async def hears(job: JobSpecification, pipes: Pipes, out: str) -> None:
    """Run a job, and write down the messages of its code."""
    result = await run_databricks_job(job, "workspace", pipes=pipes)
    await asyncio.to_thread(Path(out).write_text, json.dumps(result.messages))


@flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
async def many(
    jobs: list[JobSpecification], policy: RunPolicy, at_once: int, in_tasks: list[str] = NO_NAMES
) -> None:
    """Run jobs, some at a time and in any order; a job that fails stops none of the others.

    Args:
        jobs: The jobs; one that is there twice is called twice.
        policy: Of all runs.
        at_once: How many calls are made at once.
        in_tasks: Names of the jobs that are called in a task with a retry.
    """
    free = asyncio.Semaphore(at_once)

    async def one(job: JobSpecification) -> None:
        call = in_a_task if job.name in in_tasks else run_databricks_job
        async with free:
            try:
                await call(job, "workspace", policy)
            except DatabricksJobError:
                return  # its own flow run has failed, which is what the test looks at

    async with asyncio.TaskGroup() as group:
        for job in random.sample(jobs, len(jobs)):
            group.create_task(one(job))


@task(retries=1, persist_result=False)
async def in_a_task(job: JobSpecification, workspace: str, policy: RunPolicy) -> None:
    """Run a job; a retry repairs its run."""
    await run_databricks_job(job, workspace, policy)


@flow(
    retries=1,
    retry_delay_seconds=600,
    on_cancellation=[cancel_databricks_runs],
    on_crashed=[cancel_databricks_runs],
)
async def retried_later(job: JobSpecification, policy: RunPolicy) -> None:
    """Run a job; the next attempt is far away."""
    await run_databricks_job(job, "workspace", policy)
