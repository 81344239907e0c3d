"""A flow for people: run a job that is saved in the workspace."""

from __future__ import annotations

import asyncio
from functools import partial

from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.results import DatabricksRunResult
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from databricks_blocks.workspace.jobs_api import get_job, job_by_name
from databricks_blocks.workspace.polling import outlive
from prefect import flow

from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.known_runs import Id
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.shared.run_names import named

NO_PARAMETERS: dict[str, str] = {}


@flow(
    name="run-existing-job",
    flow_run_name=named(lambda parameters: str(parameters["job"])),
    on_cancellation=[cancel_databricks_runs],
    on_crashed=[cancel_databricks_runs],
)
async def run_existing_job(
    job: Id, parameters: dict[str, str] = NO_PARAMETERS, workspace: str = WORKSPACE_BLOCK
) -> DatabricksRunResult:
    """Run a job that is saved in the workspace, show its tasks, and repair what fails.

    Args:
        job: Id of the job, as a number or a text, or its name if no other job has the same name.
        parameters: Values of job parameters; they replace those of the job.
        workspace: Name of the Databricks Workspace block; empty for the workspace of the environment.

    Returns:
        The run that succeeded.

    Raises:
        DatabricksRunRefused: There is no such job, or several have the name.
        DatabricksJobError: The run did not succeed, or the workspace cannot be reached.
    """
    specification = await outlive(partial(asyncio.to_thread, _existing_job, str(job).strip(), workspace))
    result: DatabricksRunResult = await run_databricks_job(
        specification, workspace, job_parameters=parameters
    )
    return result


def _existing_job(job: str, workspace: str) -> JobSpecification:
    client = named_client(workspace)
    job_id = int(job) if job.isascii() and job.isdigit() else job_by_name(client, job)
    settings = get_job(client, job_id).get("settings") or {}
    return JobSpecification(
        name=settings.get("name") or f"job {job_id}", launch="existing_job", existing_job_id=job_id
    )
