"""A flow for people: repair a Databricks run, and wait until it has succeeded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.launchers import Launcher
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_launcher import RepairLauncher
from databricks_blocks.run.repair_policy import Repair, RepairPolicy
from databricks_blocks.run.results import DatabricksRunResult
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from databricks_blocks.workspace.polling import outlive
from databricks_blocks.workspace.runs_api import cancel_run, get_run
from prefect import flow, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger

from databricks_flows.job.call_identity import CallIdentity
from databricks_flows.job.known_runs import Id, known_runs, run_named
from databricks_flows.job.launch_notes import read_notes
from databricks_flows.job.requested_job import RequestedJob
from databricks_flows.job.subflow import run_to_the_end
from databricks_flows.shared.run_names import named

REPAIR = "repair-databricks-run"
NO_TASKS: list[str] = []
NO_PARAMETERS: dict[str, str] = {}
_ONE_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))


@dataclass(frozen=True)
class RepairRequest(RequestedJob):
    """The repair of a run, in place of the launch of a job.

    Attributes:
        run: The run as `jobs/runs/get` returned it before the repair.
        repair: What is repaired.
    """

    run: dict[str, Any]
    repair: Repair

    def plan(self) -> None:
        """Nothing is launched: the job's tasks and clusters are those of the run."""

    async def launch(self, call: CallIdentity) -> Launcher:
        """Make the repair. A retry of the flow run goes on with the repair that it asked for before."""
        return RepairLauncher(self.client, self.run, self.repair, taken_up=call.flow_run_count > 1)


async def cancel_repaired_run(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the run that a cancelled flow run was repairing. It may have been in another process."""
    async with get_client() as client:
        run_ids = await known_runs(client, flow_run.id)
        notes = read_notes((await client.read_flow_run(flow_run.id)).labels)
    try:
        if notes and not run_ids:
            # A repair was asked for, and its answer is not known. The parameter names the run.
            run_ids = [await run_named(flow_run.parameters["run"])]
        workspace = await asyncio.to_thread(
            named_client, flow_run.parameters.get("workspace", WORKSPACE_BLOCK)
        )
        for run_id in run_ids:
            await outlive(partial(asyncio.to_thread, cancel_run, workspace, run_id))
    except (DatabricksJobError, ValueError) as error:
        flow_run_logger(flow_run).warning("A Databricks run may still be going on: %s", error)


@flow(
    name=REPAIR,
    flow_run_name=named(lambda parameters: f"repair {parameters['run']}"),
    on_cancellation=[cancel_repaired_run],
)
async def repair_databricks_run(
    run: Id,
    tasks: list[str] = NO_TASKS,
    rerun_dependents: bool = True,
    workspace: str = WORKSPACE_BLOCK,
    job_parameters: dict[str, str] = NO_PARAMETERS,
) -> DatabricksRunResult:
    """Repair a Databricks run that has ended, and wait until it has succeeded.

    Args:
        run: Id of the Databricks run, as a number or a text, or of the flow run that launched it.
        tasks: Keys of the tasks to run again; empty for all that failed.
        rerun_dependents: Also run the tasks again that depend on them.
        workspace: Name of the Databricks Workspace block; empty for the workspace of the environment.
        job_parameters: Values of job parameters; they replace those of the launch.

    Returns:
        The run that succeeded.

    Raises:
        DatabricksRunRefused: There is no such run, or the workspace does not repair it.
        DatabricksRunFailed: A task failed again; the first line names task, error, attempt and link.
        DatabricksJobError: The run did not succeed for another reason, or the workspace cannot be reached.
    """
    run_id = await run_named(run)
    client = await asyncio.to_thread(named_client, workspace)
    before = await outlive(partial(asyncio.to_thread, get_run, client, run_id))
    repair = Repair(tuple(tasks), rerun_dependents, job_parameters=job_parameters)
    named = JobSpecification(name=before.get("run_name") or f"run {run_id}")
    return await run_to_the_end(RepairRequest(named, client, _ONE_REPAIR, before, repair))
