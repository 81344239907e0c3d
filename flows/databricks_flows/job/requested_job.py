"""What a call of `run_databricks_job` asks for: the job, the workspace, the policy, and the launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.job.plan import JobPlan
from databricks_blocks.job.plan import plan as plan_of
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.validation import check
from databricks_blocks.loading import load_block
from databricks_blocks.pipes.bootstrap import Bootstrap, Caller, bootstrap
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.run.launchers import Launcher, fingerprint, idempotency_token, launcher_of
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.workspace.block import named_client, workspace_client

from databricks_flows.job.call_claims import claim_occurrence
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
        key: Tells calls apart that are equal in all else; given by the user.
        pipes: How its code tells what it does; `None`: it does not.
    """

    specification: JobSpecification
    client: WorkspaceClient
    policy: RunPolicy
    _: KW_ONLY
    key: str = ""
    pipes: Pipes | None = None

    def plan(self) -> JobPlan | None:
        """Tell what the launch does; `None` if this launches no job."""
        return plan_of(self.specification)

    @property
    def fingerprint(self) -> str:
        """Hash of what is asked for: the job, what its code is told, the workspace, and the user's key.

        Where the code speaks, and what becomes of it, is no part of it: that is how the job tells.
        """
        facts = [self.specification.model_dump(mode="json"), self.client.config.host, self.key]
        told = self.pipes.told if self.pipes else {}
        return fingerprint([*facts, told] if told else facts)

    async def launch(self, call: CallIdentity) -> Launcher:
        """Make the launcher of this job for a call.

        Args:
            call: Where the call is made. A retry of it gets the same idempotency tokens, and so the same
                Databricks run.
        """
        # Calls that are counted in this process and those that the server counts must not get equal numbers.
        identity = fingerprint([self.fingerprint, call.names, call.in_one_process])
        occurrence = await claim_occurrence(call, identity, self.specification.name)
        token = partial(idempotency_token, call.root_id, identity, occurrence)
        return launcher_of(self.client, self.specification, token)

    def piped(self, caller: Caller, token: str) -> Bootstrap | None:
        """Let the code of the job speak; `None`: it does not.

        Args:
            caller: The flow run.
            token: The idempotency token of the first launch.
        """
        return bootstrap(self.specification, self.pipes, caller, token=token) if self.pipes else None

    def launch_again(self, token: str) -> Launcher:
        """Make the launcher that repeats a launch, and so finds its run.

        Args:
            token: The idempotency token of the launch.
        """
        return launcher_of(self.client, self.launched(token), lambda generation: token)

    def launched(self, token: str = "") -> JobSpecification:
        """The job as it is launched: the settings of a saved job hold what its code needs to speak.

        Args:
            token: The idempotency token of the launch, which only values depend on.
        """
        piped = self.piped(Caller(""), token)
        return piped.specification if piped else self.specification


def load_requested_job(
    job: JobSpecification | DatabricksJob | str,
    workspace: str,
    policy: RunPolicy | None,
    job_parameters: Mapping[str, str],
    key: str = "",
    pipes: Pipes | None = None,
) -> RequestedJob:
    """Load the blocks that a call of `run_databricks_job` names. It blocks: call it in a thread.

    Args:
        job: A specification, or a Databricks Job block, or the name of one.
        workspace: Name of a Databricks Workspace block. Empty: the workspace of the job's block; for a
            specification the workspace of the environment.
        policy: How the run is watched and repaired. `None`: the policy of the job's block, or the default.
        job_parameters: Values of job parameters; they replace those of the job.
        key: Tells calls apart that are equal in all else.
        pipes: How its code tells what it does.

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
    return RequestedJob(specification, client, policy or RunPolicy(), key=key, pipes=pipes)
