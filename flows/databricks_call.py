"""What a call of `run_databricks_job` means: which job, where, how looked after, and by which tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from blocks.databricks.job import DatabricksJob
from blocks.databricks.job_spec import JobSpecification
from blocks.databricks.launches import launch_of
from blocks.databricks.life_options import Launch
from blocks.databricks.run_policy import RunPolicy
from blocks.databricks.tokens import idempotency_token
from blocks.databricks.validation import check
from blocks.databricks.workspace import named_client, workspace_client
from blocks.loading import load_block

from .launch import Call

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class JobCall:
    """A job, ready to be launched."""

    specification: JobSpecification
    client: WorkspaceClient
    policy: RunPolicy

    def launch(self, call: Call) -> Launch:
        """Make the launch of this job in a flow run.

        Args:
            call: The flow run; the same call makes the same tokens.
        """
        identity = {"call": call.path, "job": self.specification.model_dump(mode="json")}
        token = partial(idempotency_token, call.root_flow_run_id, identity)
        return launch_of(self.client, self.specification, token)


def load_job_call(
    job: JobSpecification | DatabricksJob | str,
    workspace: str,
    policy: RunPolicy | None,
    job_parameters: Mapping[str, str],
) -> JobCall:
    """Load what a call of `run_databricks_job` names. Blocks: call it in a thread.

    Args:
        job: A specification, or a Databricks Job block or its name.
        workspace: Name of a Databricks Workspace block; empty for that of the job's block, and for a
            specification for the workspace that the environment of the process is for.
        policy: How the run is looked after; None for the policy of the job's block, or the default one.
        job_parameters: Values that replace those of the job.

    Raises:
        InvalidJob: The specification has problems; all are listed.
        ValueError: There is no such block.
        WorkspaceNotConfigured: No workspace is named, and the environment names none either.
    """
    given = load_block(DatabricksJob, job) if isinstance(job, str) else job
    if isinstance(given, DatabricksJob):
        specification, policy = given.specification, policy or given.policy
        credentials = None if workspace else given.workspace
    else:
        specification, credentials = given, None
    if job_parameters:
        together = {**specification.job_parameters, **job_parameters}
        specification = specification.model_copy(update={"job_parameters": together})
    check(specification)
    client = workspace_client(credentials) if credentials else named_client(workspace)
    return JobCall(specification, client, policy or RunPolicy())
