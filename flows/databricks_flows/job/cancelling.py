"""A hook that cancels the Databricks runs of a flow run. It needs nothing but the flow run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from databricks_blocks.errors import DatabricksJobError, WorkspaceNotConfigured
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import outlive
from databricks_blocks.workspace.runs_api import cancel_run, get_run
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger
from pydantic import TypeAdapter

from databricks_flows.job.call_identity import call_identity_of
from databricks_flows.job.known_runs import known_runs
from databricks_flows.job.requested_job import RequestedJob, load_requested_job

SUBFLOW = "run-databricks-job"
_JOB: TypeAdapter[JobSpecification | str] = TypeAdapter(JobSpecification | str)


async def cancel_databricks_runs(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the Databricks runs of a flow run and of its subflows.

    A hook for `on_cancellation` and `on_crashed` of any flow that calls `run_databricks_job`. After a crash
    it cancels only the runs whose policy has `on_crash="cancel"`; the others go on, and a retry finds them.

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
        async for subflow in _databricks_subflows(client, flow_run):
            try:
                await _cancel(client, subflow, only_if_wanted=state.is_crashed())
            except (DatabricksJobError, ValueError) as error:
                logger.warning("A Databricks run of %s may still be going on: %s", subflow.name, error)


async def _databricks_subflows(client: PrefectClient, flow_run: FlowRun) -> AsyncIterator[FlowRun]:
    """The flow runs of `run_databricks_job` at and below a flow run."""
    if (await client.read_flow(flow_run.flow_id)).name == SUBFLOW:
        yield flow_run
    children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run.id]))
    for child in await client.read_flow_runs(flow_run_filter=children):
        async for subflow in _databricks_subflows(client, child):
            yield subflow


async def _cancel(client: PrefectClient, subflow: FlowRun, *, only_if_wanted: bool) -> None:
    given = subflow.parameters
    policy = RunPolicy.model_validate(given["policy"]) if given.get("policy") else None
    loaded = await asyncio.to_thread(
        load_requested_job,
        stored_job(given["job"]),
        given.get("workspace", ""),
        policy,
        given.get("job_parameters") or {},
    )
    if only_if_wanted and loaded.policy.on_crash == "leave":
        return
    run_ids = await known_runs(client, subflow.id)
    if not _came_to_its_end(subflow) and await _another_may_follow(loaded, run_ids):
        # A run may have been launched just before the process ended. A launch with its token finds it. If
        # there is none, the launch starts one, which is cancelled at once, before it costs anything.
        start = partial(loaded.launch(await call_identity_of(subflow)).start, len(run_ids))
        run_ids.append(await outlive(partial(asyncio.to_thread, start), loaded.policy.polling))
    for run_id in run_ids:
        cancel = partial(cancel_run, loaded.client, run_id)
        await outlive(partial(asyncio.to_thread, cancel), loaded.policy.polling)


def _came_to_its_end(subflow: FlowRun) -> bool:
    return subflow.state is not None and (subflow.state.is_completed() or subflow.state.is_failed())


async def _another_may_follow(loaded: RequestedJob, run_ids: list[int]) -> bool:
    """Whether there may be a run without a link yet: the first one, or one that replaces a failed one."""
    if not run_ids:
        return True
    if loaded.specification.launch != "submit":
        return False
    read = partial(get_run, loaded.client, run_ids[-1])
    answer = await outlive(partial(asyncio.to_thread, read), loaded.policy.polling)
    last = RunSnapshot.from_json(answer).state
    return last.is_terminal and last.result_state not in ("SUCCESS", "CANCELED")


def stored_job(given: Any) -> JobSpecification | str:
    """Read the job from the parameters that Prefect stored; a block is replaced by its name."""
    if not (isinstance(given, dict) and "block_type_slug" in given):
        return _JOB.validate_python(given)
    if name := given.get("_block_document_name"):
        return str(name)
    raise WorkspaceNotConfigured(
        "the job was given as a block that is not saved, of which Prefect keeps no credentials: save it"
    )
