"""The flow that flow processes run: it does nothing but call the Databricks subflow."""

from __future__ import annotations

from prefect import flow

from blocks.databricks.job_spec import JobSpecification
from blocks.databricks.run_policy import RunPolicy
from flows.cancelling import cancel_databricks_runs
from flows.databricks_job import run_databricks_job


@flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
async def outer(job: JobSpecification, policy: RunPolicy) -> None:
    """Run a job."""
    await run_databricks_job(job, "workspace", policy)
