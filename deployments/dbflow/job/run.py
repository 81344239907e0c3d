"""`dbflow job run`: a job out of a file, through the Databricks subflow, against any workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbflow.job.file import JobFile
from dbflow.run import send_what_is_queued

if TYPE_CHECKING:
    from databricks_blocks.job.specification import JobSpecification
    from databricks_blocks.run.results import DatabricksRunResult

    from dbflow.interrupts import Interrupts
    from dbflow.terminal import StepBars


@dataclass(frozen=True)
class Wishes:
    """Options of a run.

    Attributes:
        workspace: Name of a Databricks Workspace block; empty for the workspace of the environment.
        max_repairs: How often a failed run is repaired.
    """

    workspace: str
    max_repairs: int


def read_for_workspace(file: JobFile, workspace: str) -> tuple[JobSpecification, list[str]]:
    """Read a job, and ask the workspace who the user is, so that a wrong host or token shows at once.

    Raises:
        InvalidJob: The file cannot be read.
        WorkspaceNotConfigured: There is no login.
        DatabricksJobError: The workspace refuses the login, or does not answer.
    """
    from databricks_blocks.workspace.api_errors import api_errors
    from databricks_blocks.workspace.reachable import reachable_client

    client = reachable_client(workspace)
    with api_errors(client.config.host, "scim/v2/Me"):
        user_name = client.current_user.me().user_name
    return file.read(user_name)


def run_job(
    specification: JobSpecification,
    wishes: Wishes,
    bars: StepBars,
    interrupts: Interrupts,
) -> DatabricksRunResult:
    """Run a job and wait until it has succeeded.

    Raises:
        DatabricksJobError: The run ended in another way than by success, or cannot be reached.
        Interrupted: A signal told the command to end. The Databricks run is cancelled.
    """
    from databricks_blocks.run.policy import RunPolicy
    from databricks_blocks.run.repair_policy import RepairPolicy
    from databricks_flows.job.subflow import run_databricks_job
    from databricks_flows.shared.progress import listening

    policy = RunPolicy(repair=RepairPolicy(max_repairs=wishes.max_repairs))
    try:
        with listening(bars.show, bars.say):
            result: DatabricksRunResult = interrupts.run(
                run_databricks_job(specification, wishes.workspace, policy)
            )
            return result
    finally:
        send_what_is_queued()
