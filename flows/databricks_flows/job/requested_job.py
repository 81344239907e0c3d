"""What a call of `run_databricks_job` asks for: the job, the workspace, the policy, and the launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.job.plan import JobPlan
from databricks_blocks.job.plan import plan as plan_of
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
    """A job, ready to be launched.

    Attributes:
        specification: The job.
        client: SDK client of the workspace.
        policy: How its run is watched and repaired.
    """

    specification: JobSpecification
    client: WorkspaceClient
    policy: RunPolicy

    def plan(self) -> JobPlan | None:
        """Tell what the launch does; `None` if this launches no job."""
        return plan_of(self.specification)

    def launch(self, call: CallIdentity) -> Launcher:
        """Make the launcher of this job for a flow run.

        Args:
            call: The flow run. Equal calls get equal idempotency tokens, and so the same Databricks run.
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
    """Load the blocks that a call of `run_databricks_job` names. It blocks: call it in a thread.

    Args:
        job: A specification, or a Databricks Job block, or the name of one.
        workspace: Name of a Databricks Workspace block. Empty: the workspace of the job's block; for a
            specification the workspace of the environment.
        policy: How the run is watched and repaired. `None`: the policy of the job's block, or the default.
        job_parameters: Values of job parameters; they replace those of the job.

    Raises:
        InvalidJob: The specification has problems; all are listed.
        ValueError: There is no such block.
        WorkspaceNotConfigured: Neither the call nor the environment names a workspace.
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
