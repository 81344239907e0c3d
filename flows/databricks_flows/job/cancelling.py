"""A hook that cancels what a flow run does in Databricks: runs and SQL. It needs nothing but the flow run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from databricks_blocks.errors import DatabricksJobError, DatabricksRunRefused, WorkspaceNotConfigured
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.workspace.polling import outlive
from databricks_blocks.workspace.runs_api import cancel_run
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import LoggingAdapter, flow_run_logger
from pydantic import TypeAdapter

from databricks_flows.job.known_runs import known_runs
from databricks_flows.job.launch_notes import LaunchNote, NotedLauncher, read_notes
from databricks_flows.job.requested_job import RequestedJob, load_requested_job
from databricks_flows.shared.flow_run_tree import at_and_below, databricks_subflows
from databricks_flows.sql.notes import cancel_statements

_JOB: TypeAdapter[JobSpecification | str] = TypeAdapter(JobSpecification | str)


async def cancel_databricks_runs(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the Databricks runs and SQL statements of a flow run and of its subflows.

    A hook for `on_cancellation` and `on_crashed` of any flow that calls `run_databricks_job` or
    `databricks_sql`. After a crash it cancels only the runs whose policy has `on_crash="cancel"`; the others
    go on, and so do statements: a retry finds them.

    Args:
        flow: The flow.
        flow_run: The flow run that was cancelled, or crashed.
        state: Its state.

    Examples:
        >>> from databricks_flows import cancel_databricks_runs, run_databricks_job
        >>> from prefect import flow
        >>> @flow(on_cancellation=[cancel_databricks_runs], on_crashed=[cancel_databricks_runs])
        ... async def nightly() -> None:
        ...     await run_databricks_job("nightly-job", "workspace")
        >>> nightly.name
        'nightly'
    """
    logger = flow_run_logger(flow_run)
    async with get_client() as client:
        for subflow in await databricks_subflows(client, [flow_run]):
            try:
                await _cancel(client, subflow, only_if_wanted=state.is_crashed())
            except (DatabricksJobError, ValueError) as error:
                logger.warning("A Databricks run of %s may still be going on: %s", subflow.name, error)
        if not state.is_crashed():
            below = await at_and_below(client, [flow_run])
            await asyncio.gather(*(_cancel_sql(one, logger) for one in below))


async def _cancel_sql(flow_run: FlowRun, logger: LoggingAdapter) -> None:
    try:
        await cancel_statements(flow_run)
    except DatabricksJobError as error:
        logger.warning("SQL of %s may still be going on: %s", flow_run.name, error)


async def _cancel(client: PrefectClient, subflow: FlowRun, *, only_if_wanted: bool) -> None:
    loaded = await asyncio.to_thread(called_with, subflow.parameters)
    if only_if_wanted and loaded.policy.on_crash == "leave":
        return
    run_ids = await known_runs(client, subflow.id)
    if not _came_to_its_end(subflow):
        for note in read_notes((await client.read_flow_run(subflow.id)).labels):
            if note.run_id is None and (run_id := await _launched(loaded, note, subflow.id, run_ids)):
                run_ids.append(run_id)
    for run_id in run_ids:
        cancel = partial(cancel_run, loaded.client, run_id)
        await outlive(partial(asyncio.to_thread, cancel), loaded.policy.polling)


def _came_to_its_end(subflow: FlowRun) -> bool:
    return subflow.state is not None and (subflow.state.is_completed() or subflow.state.is_failed())


async def _launched(
    loaded: RequestedJob, note: LaunchNote, flow_run_id: UUID, known: list[int]
) -> int | None:
    """Find the run of a launch whose answer is not known; `None` if there is none to be cancelled.

    A cancel must not launch anything. But the Jobs API tells no run by its idempotency token, other than by a
    launch with the same token. So the launch is repeated only if an active run of this name is there that
    nobody knows: then it is most probably the one, and the token finds it without starting another. If the
    run is that of somebody else after all, what the repeated launch starts is cancelled at once.
    """
    if note.job != loaded.fingerprint:
        # The job's block was changed meanwhile: its token with another job would start something.
        raise DatabricksRunRefused("its job was changed since it was launched")
    launcher = NotedLauncher(loaded.launch_again(note.token), flow_run_id, loaded.fingerprint)
    active = await outlive(partial(asyncio.to_thread, launcher.active_runs), loaded.policy.polling)
    if set(known).issuperset(active):
        return None
    start = partial(launcher.start, note.generation)
    return await outlive(partial(asyncio.to_thread, start), loaded.policy.polling)


def called_with(given: Mapping[str, Any]) -> RequestedJob:
    """Load what `run_databricks_job` was called with. It blocks: call it in a thread.

    Args:
        given: The parameters of the flow run, as Prefect stored them.

    Raises:
        DatabricksJobError: It cannot be loaded any more.
        ValueError: A block is not there any more.
    """
    return load_requested_job(
        _stored_job(given.get("job")),
        given.get("workspace", ""),
        RunPolicy.model_validate(given["policy"]) if given.get("policy") else None,
        given.get("job_parameters") or {},
        given.get("key", ""),
        Pipes.model_validate(given["pipes"]) if given.get("pipes") else None,
    )


def _stored_job(given: Any) -> JobSpecification | str:
    """Read the job from the parameters that Prefect stored; a block is replaced by its name."""
    if not (isinstance(given, dict) and "block_type_slug" in given):
        return _JOB.validate_python(given)
    if name := given.get("_block_document_name"):
        return str(name)
    raise WorkspaceNotConfigured(
        "the job was given as a block that is not saved, of which Prefect keeps no credentials: save it"
    )
