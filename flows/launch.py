"""Which launch this is: the same for every retry of the same call, another for another call."""

from __future__ import annotations

from uuid import UUID

from prefect import get_client
from prefect.context import FlowRunContext


async def current_call() -> tuple[UUID, str]:
    """Name the call that this flow run is.

    Returns:
        The id of the outermost flow run, and the way from there to this flow run: the name and the number of
        each call. Both stay when the outermost flow run is retried, whereas a subflow gets a new id.

    Raises:
        RuntimeError: There is no flow run around.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("There is no flow run; call this inside a flow.")
    run = context.flow_run
    calls: list[str] = []
    async with get_client() as client:
        while run.parent_task_run_id is not None:
            call = await client.read_task_run(run.parent_task_run_id)
            if call.flow_run_id is None:
                break
            calls.append(call.name)
            run = await client.read_flow_run(call.flow_run_id)
    return run.id, "/".join(reversed(calls))
