"""The flows that flow processes run: one that ships, and two that only call the Databricks subflow."""

from __future__ import annotations

import asyncio

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.policy import RunPolicy
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.load.csv_files import load_csv_files
from prefect import flow

__all__ = ["load_csv_files", "many", "outer"]


@flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
async def outer(job: JobSpecification, policy: RunPolicy) -> None:
    """Run a job."""
    await run_databricks_job(job, "workspace", policy)


@flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
async def many(jobs: list[JobSpecification], policy: RunPolicy, at_once: int) -> None:
    """Run jobs, some at a time; a job that fails stops none of the others."""
    free = asyncio.Semaphore(at_once)

    async def one(job: JobSpecification) -> None:
        async with free:
            try:
                await run_databricks_job(job, "workspace", policy)
            except DatabricksJobError:
                return  # its own flow run has failed, which is what the test looks at

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(one(job))
