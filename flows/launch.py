"""Which launch this is: the same for every retry of the same call, another for another call."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext


@dataclass(frozen=True)
class Call:
    """A flow run, and the way that leads to it.

    Attributes:
        root_flow_run_id: Id of the outermost flow run, which a retry keeps, whereas a subflow gets a new id.
        path: From there to this flow run, the name and number of each call.
        flow_run_ids: This flow run and those around it, the outermost last.
        flow_run_count: How often it was started: 1, and 1 more for each retry of one of them.
    """

    root_flow_run_id: UUID
    path: str
    flow_run_ids: tuple[UUID, ...]
    flow_run_count: int


async def current_call() -> Call:
    """Name the call that this flow run is.

    Raises:
        RuntimeError: There is no flow run around.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("There is no flow run; call this inside a flow.")
    return await call_of(context.flow_run)


async def call_of(flow_run: FlowRun) -> Call:
    """Name the call that a flow run is."""
    run, ids, path, retries = flow_run, [flow_run.id], [], 0
    async with get_client() as client:
        while True:
            # A run that was made just now has no count yet.
            retries += max(run.run_count - 1, 0)
            if run.parent_task_run_id is None:
                break
            call = await client.read_task_run(run.parent_task_run_id)
            if call.flow_run_id is None:
                break
            path.append(call.name)
            run = await client.read_flow_run(call.flow_run_id)
            ids.append(run.id)
    return Call(run.id, "/".join(reversed(path)), tuple(ids), 1 + retries)
