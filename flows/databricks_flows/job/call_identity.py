"""Which launch this is: the same for every retry of the same call, another for another call."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext


@dataclass(frozen=True)
class CallIdentity:
    """A flow run, and the way that leads to it.

    Attributes:
        root_flow_run_id: Id of the outermost flow run, which a retry keeps, whereas a subflow gets a new id.
        path: From there to this flow run, the name and number of each call.
        flow_run_ids: This flow run and those around it, the outermost last.
        flow_run_count: How often it, or the one of those around it with the most starts, was started.
    """

    root_flow_run_id: UUID
    path: str
    flow_run_ids: tuple[UUID, ...]
    flow_run_count: int


async def current_call_identity() -> CallIdentity:
    """Name the call that this flow run is.

    Raises:
        RuntimeError: There is no flow run around.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("There is no flow run; call this inside a flow.")
    return await call_identity_of(context.flow_run)


async def call_identity_of(flow_run: FlowRun) -> CallIdentity:
    """Name the call that a flow run is."""
    run, ids, path, starts = flow_run, [flow_run.id], [], 1
    async with get_client() as client:
        while True:
            # Not the sum: a subflow whose process was killed is started again together with its parent.
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
