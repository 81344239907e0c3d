"""A flow for people: cancel a Databricks run."""

from __future__ import annotations

import asyncio
from functools import partial

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.run.results import DatabricksRunResult, run_result
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.run.watching import watch_run
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from databricks_blocks.workspace.polling import outlive
from databricks_blocks.workspace.runs_api import cancel_run, get_run
from prefect import flow, get_run_logger

from databricks_flows.job.known_runs import Id, run_named
from databricks_flows.shared.run_names import named

SECONDS_TO_END = 300.0


@flow(name="cancel-databricks-run", flow_run_name=named(lambda parameters: f"cancel {parameters['run']}"))
async def cancel_databricks_run(run: Id, workspace: str = WORKSPACE_BLOCK) -> DatabricksRunResult:
    """Cancel a Databricks run, and wait until it has ended. A run that has already ended is not changed.

    Args:
        run: Id of the Databricks run, as a number or a text, or of the flow run that launched it.
        workspace: Name of the Databricks Workspace block; empty for the workspace of the environment.

    Returns:
        How the run ended. Its state is `CANCELED`, unless the run ended before the cancel reached it.

    Raises:
        DatabricksRunRefused: There is no such run, or the workspace refuses to cancel it.
        DatabricksUnreachable: The workspace did not answer for too long.
        DatabricksJobError: Five minutes after the cancel, the run has still not ended.
    """
    with telling_the_story():
        return await _cancel(run, workspace)


async def _cancel(run: Id, workspace: str) -> DatabricksRunResult:
    logger = get_run_logger()
    run_id = await run_named(run)
    client = await asyncio.to_thread(named_client, workspace)
    read = partial(get_run, client, run_id)
    found = RunSnapshot.from_json(await outlive(partial(asyncio.to_thread, read)))
    if found.state.is_terminal:
        logger.info("Databricks run %s had ended %s: %s", run_id, found.state, found.run_page_url)
        return run_result(found, {})
    await outlive(partial(asyncio.to_thread, cancel_run, client, run_id))
    try:
        async with asyncio.timeout(SECONDS_TO_END):
            ended = await watch_run(read)
    except TimeoutError:
        raise DatabricksJobError(
            f"Run {run_id} has not ended {SECONDS_TO_END:.0f} s after the cancel: {found.run_page_url}",
            run_id=run_id,
            run_page_url=found.run_page_url,
        ) from None
    logger.info("Databricks run %s ended %s: %s", run_id, ended.state, ended.run_page_url)
    return run_result(ended, {})
