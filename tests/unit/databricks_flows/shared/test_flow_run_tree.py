"""All flow runs below a flow run are read, also where they do not fit on one page of the server."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from databricks_flows.shared.flow_run_tree import PAGE, SUBFLOW, databricks_subflows
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun

FLOWS = {uuid4(): SUBFLOW, uuid4(): "of a user"}
OURS, OTHER = FLOWS


class Server:
    """Answers as the Prefect server does: one page at a time, of at most 200."""

    def __init__(self) -> None:
        self.children: dict[UUID, list[FlowRun]] = {}

    def add(self, flow_id: UUID, parent: FlowRun | None = None) -> FlowRun:
        run = FlowRun(id=uuid4(), flow_id=flow_id)
        if parent:
            self.children.setdefault(parent.id, []).append(run)
        return run

    async def read_flow(self, flow_id: UUID) -> Any:
        return SimpleNamespace(name=FLOWS[flow_id])

    async def read_flow_runs(
        self, *, flow_run_filter: FlowRunFilter, flow_filter: object, limit: int, offset: int
    ) -> list[FlowRun]:
        parents = flow_run_filter.parent_flow_run_id
        assert parents is not None
        assert len(parents.any_ or []) <= PAGE
        assert limit <= 200
        found = [run for parent in parents.any_ or [] for run in self.children.get(parent, [])]
        return found[offset : offset + limit]


def test_every_subflow_is_found_on_every_level() -> None:
    server = Server()
    root = server.add(OTHER)
    direct = [server.add(OURS, root) for _ in range(450)]
    between = [server.add(OTHER, root) for _ in range(250)]
    below = [server.add(OURS, parent) for parent in between]
    found = asyncio.run(databricks_subflows(cast("PrefectClient", server), [root]))
    assert {run.id for run in found} == {run.id for run in direct + below}


def test_the_flow_run_itself_may_be_one() -> None:
    server = Server()
    root = server.add(OURS)
    assert asyncio.run(databricks_subflows(cast("PrefectClient", server), [root])) == [root]
