"""Reads flow runs from Prefect page by page, and those below a flow run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun

SUBFLOW = "run-databricks-job"
"""Name of the flow `run_databricks_job`."""
PAGE = 200
"""The most that the server gives at once."""

Item = TypeVar("Item")


async def all_pages(page: Callable[[int], Awaitable[Sequence[Item]]]) -> list[Item]:
    """Read all pages.

    Args:
        page: Reads at most `PAGE` items from an offset on.
    """
    found: list[Item] = []
    while items := await page(len(found)):
        found += items
        if len(items) < PAGE:
            break
    return found


async def read_flow_runs(
    client: PrefectClient, criteria: FlowRunFilter, flows: FlowFilter | None = None
) -> list[FlowRun]:
    """Read all flow runs that match."""

    async def page(offset: int) -> list[FlowRun]:
        return await client.read_flow_runs(
            flow_run_filter=criteria, flow_filter=flows, limit=PAGE, offset=offset
        )

    return await all_pages(page)


async def at_and_below(client: PrefectClient, flow_runs: Iterable[FlowRun]) -> list[FlowRun]:
    """Read the subflows of flow runs, and theirs, and so on.

    Returns:
        The flow runs, then what is below them.
    """
    level = list(flow_runs)
    found = list(level)
    while level:
        below = []
        for start in range(0, len(level), PAGE):
            ids = [run.id for run in level[start : start + PAGE]]
            parents = FlowRunFilterParentFlowRunId(any_=ids)
            below += await read_flow_runs(client, FlowRunFilter(parent_flow_run_id=parents))
        level = below
        found += level
    return found


async def databricks_subflows(client: PrefectClient, flow_runs: Iterable[FlowRun]) -> list[FlowRun]:
    """Read the flow runs of `run_databricks_job` at and below flow runs."""
    found = await at_and_below(client, flow_runs)
    names = {flow_id: (await client.read_flow(flow_id)).name for flow_id in {run.flow_id for run in found}}
    return [run for run in found if names[run.flow_id] == SUBFLOW]
