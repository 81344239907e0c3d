"""The Databricks subflow: several notebooks as one run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_link_artifact

from blocks.databricks.errors import DatabricksJobError
from blocks.databricks.failure import run_error
from blocks.databricks.requests import idempotency_token, submit_request
from blocks.databricks.runs import cancel_run, get_run, get_run_output, submit_run
from blocks.databricks.snapshot import RunSnapshot
from blocks.databricks.watching import watch_run
from blocks.databricks.workspace import load_workspace

from .launch import current_call
from .progress import Progress, report

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

# After a cancel, Databricks ends the tasks in the background; what they write is removed after that.
_SECONDS_TO_CANCEL = 20.0


@dataclass(frozen=True)
class DatabricksRunResult:
    """What a successful run leaves to the flow that started it.

    Attributes:
        run_id: Id of the run in Databricks.
        run_page_url: Its page in the workspace.
        exit_values: What each notebook gave to `dbutils.notebook.exit`, by task key.
    """

    run_id: int
    run_page_url: str
    exit_values: dict[str, str]


@flow(name="run-databricks-job", flow_run_name="{run_name}")
async def run_databricks_job(
    workspace: str, run_name: str, tasks: list[dict[str, Any]], timeout_seconds: int = 0
) -> DatabricksRunResult:
    """Submit tasks as one Databricks run, and wait until it has ended.

    A retry of the flow, or a second worker after a crash, finds the run that is there instead of starting
    another. Cancelling the flow cancels the run.

    Args:
        workspace: Name of the Databricks Workspace block.
        run_name: Name of the run in Databricks.
        tasks: The tasks of `jobs/runs/submit`, each with its compute.
        timeout_seconds: Databricks ends the run after that many seconds; 0 means never.

    Raises:
        DatabricksRunRefused: The workspace does not accept the request.
        DatabricksRunFailed: A task failed; the first line names task, error, attempt and link.
        DatabricksJobError: The run ended in another way than by success, or cannot be reached.
    """
    client = await asyncio.to_thread(lambda: load_workspace(workspace).workspace_client())
    root_flow_run_id, call = await current_call()
    specification = {"call": call, "run_name": run_name, "tasks": tasks, "timeout_seconds": timeout_seconds}
    token = idempotency_token(root_flow_run_id, specification)
    request = submit_request(run_name, tasks, idempotency_token=token, timeout_seconds=timeout_seconds)
    run_id = await _submit(client, request)
    try:
        run = await watch_run(partial(get_run, client, run_id), on_change=_RunLog(len(tasks)))
    except BaseException:
        # Whatever ends the watch: nobody would be there to clean up after a run that goes on.
        await _cancel_and_wait(client, run_id)
        raise
    outputs = await asyncio.to_thread(_read_outputs, client, run)
    if not run.state.is_success:
        raise run_error(run, outputs)
    exit_values = {
        key: (output.get("notebook_output") or {}).get("result") or "" for key, output in outputs.items()
    }
    return DatabricksRunResult(run_id, run.run_page_url, exit_values)


async def _submit(client: WorkspaceClient, request: Mapping[str, Any]) -> int:
    """Submit, and if the flow is cancelled meanwhile, cancel what was launched."""
    submission = asyncio.create_task(asyncio.to_thread(submit_run, client, request))
    try:
        return await asyncio.shield(submission)
    except BaseException:
        await asyncio.wait([submission])
        if not submission.cancelled() and submission.exception() is None:
            await _cancel_and_wait(client, submission.result())
        raise


async def _cancel_and_wait(client: WorkspaceClient, run_id: int) -> None:
    """Cancel a run and wait a while for its end, so that nothing writes after the clean-up."""
    logger = get_run_logger()
    logger.warning("Cancelling Databricks run %s", run_id)
    try:
        await asyncio.to_thread(cancel_run, client, run_id)
        async with asyncio.timeout(_SECONDS_TO_CANCEL):
            await watch_run(partial(get_run, client, run_id))
    except (TimeoutError, DatabricksJobError) as error:
        logger.warning("Databricks run %s may still be going on: %s", run_id, error or "it takes its time")


def _read_outputs(client: WorkspaceClient, run: RunSnapshot) -> dict[str, dict[str, Any]]:
    """Read the output of every task that ran: its exit value, or its error and trace."""
    ran = (task for task in run.tasks if task.state.is_success or task.failed_itself)
    return {task.task_key: get_run_output(client, task.run_id) for task in ran}


class _RunLog:
    """Links the run, logs one line for every change of a task's state, and reports how many have ended."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen: dict[str, str] = {}
        self._linked = False

    async def __call__(self, run: RunSnapshot) -> None:
        if not self._linked:
            self._linked = True
            await acreate_link_artifact(
                link=run.run_page_url,
                link_text=run.run_name,
                key="databricks-run",
                description="Databricks run",
            )
        for task in run.tasks:
            state = str(task.state)
            if self._seen.get(task.task_key) != state:
                self._seen[task.task_key] = state
                get_run_logger().info("Task %s: %s %s", task.task_key, state, task.state.state_message)
        done = sum(task.state.is_terminal for task in run.tasks)
        running = [task.task_key for task in run.tasks if not task.state.is_terminal]
        report(Progress("run_databricks_job", done, self._total, ", ".join(running)))
