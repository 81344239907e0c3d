"""What a call of `run_databricks_job` means: which job, where, how looked after, and by which tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.validation import check
from databricks_blocks.loading import load_block
from databricks_blocks.run.launchers import Launcher, idempotency_token, launcher_of
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.workspace.block import named_client, workspace_client

from databricks_flows.job.call_identity import CallIdentity

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class RequestedJob:
    """A job, ready to be launched."""

    specification: JobSpecification
    client: WorkspaceClient
    policy: RunPolicy

    def launch(self, call: CallIdentity) -> Launcher:
        """Make the launch of this job in a flow run.

        Args:
            call: The flow run; the same call makes the same tokens.
        """
        identity = {"call": call.path, "job": self.specification.model_dump(mode="json")}
        token = partial(idempotency_token, call.root_flow_run_id, identity)
        return launcher_of(self.client, self.specification, token)


def load_requested_job(
    job: JobSpecification | DatabricksJob | str,
    workspace: str,
    policy: RunPolicy | None,
    job_parameters: Mapping[str, str],
) -> RequestedJob:
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
    return RequestedJob(specification, client, policy or RunPolicy())
