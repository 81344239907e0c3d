"""Tells the calls of `run_databricks_job` apart. A retry of a call has the same identity as the call."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext


@dataclass(frozen=True)
class CallIdentity:
    """Which call of a flow this is, counted from the outermost flow run.

    Attributes:
        root_flow_run_id: Id of the outermost flow run. A retry keeps it, whereas a subflow gets a new id.
        path: Name and number of each call on the way from there to this flow run.
        flow_run_ids: Ids of this flow run and of its parents, the outermost last.
        flow_run_count: How often the flow run was started, or the parent that was started most often.
    """

    root_flow_run_id: UUID
    path: str
    flow_run_ids: tuple[UUID, ...]
    flow_run_count: int


async def current_call_identity() -> CallIdentity:
    """Find the identity of the flow run that this code runs in.

    Raises:
        RuntimeError: It does not run in a flow.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("There is no flow run; call this inside a flow.")
    return await call_identity_of(context.flow_run)


async def call_identity_of(flow_run: FlowRun) -> CallIdentity:
    """Find the identity of a flow run."""
    run, ids, path, starts = flow_run, [flow_run.id], [], 1
    async with get_client() as client:
        while True:
            # Not the sum: after a killed process, subflow and parent are started again together.
            starts = max(starts, run.run_count)
            if run.parent_task_run_id is None:
                break
            call = await client.read_task_run(run.parent_task_run_id)
            if call.flow_run_id is None:
                break
            path.append(call.name)
            run = await client.read_flow_run(call.flow_run_id)
            ids.append(run.id)
    return CallIdentity(run.id, "/".join(reversed(path)), tuple(ids), starts)
