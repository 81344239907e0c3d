"""Whose a leftover is, and which Databricks runs are known by notes only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from databricks_flows.shared.flow_run_tree import SUBFLOW
from databricks_flows.sweep.flow_runs import FlowRuns
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Completed, Running, State

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Server:
    """Some flow runs, found by id, state and end, as the Prefect server finds them."""

    def __init__(self) -> None:
        self.flows: dict[UUID, str] = {}
        self.runs: list[FlowRun] = []

    def add(self, flow: str, state: State[Any], ended: datetime | None = None, **labels: str) -> FlowRun:
        flow_id = next((known for known, name in self.flows.items() if name == flow), uuid4())
        self.flows[flow_id] = flow
        run = FlowRun(id=uuid4(), flow_id=flow_id, state=state, end_time=ended, labels=dict(labels))
        self.runs.append(run)
        return run

    async def read_flow(self, flow_id: UUID) -> Any:
        return SimpleNamespace(name=self.flows[flow_id])

    async def read_flow_runs(
        self, *, flow_run_filter: FlowRunFilter, flow_filter: FlowFilter | None, limit: int, offset: int
    ) -> list[FlowRun]:
        found = self.runs
        if flow_filter and flow_filter.name:
            found = [run for run in found if self.flows[run.flow_id] in (flow_filter.name.any_ or [])]
        if flow_run_filter.id:
            found = [run for run in found if run.id in (flow_run_filter.id.any_ or [])]
        if flow_run_filter.end_time and (after := flow_run_filter.end_time.after_):
            found = [run for run in found if run.end_time and run.end_time >= after]
        if flow_run_filter.state and flow_run_filter.state.type:
            types: list[StateType] = flow_run_filter.state.type.any_ or []
            found = [run for run in found if run.state and run.state.type in types]
        return found[offset : offset + limit]


def flow_runs(server: Server) -> FlowRuns:
    return FlowRuns(cast("PrefectClient", server))


def test_the_flow_runs_of_peoples_own_flows_are_left_out() -> None:
    server = Server()
    ours, foreign = server.add("renewable-analysis", Completed()), server.add("of a user", Completed())
    renamed = server.add("renamed", Completed())
    renamed.labels["databricks.leaves"] = str(renamed.id)
    unknown = [uuid4() for _ in range(500)]
    ids = [ours.id, foreign.id, renamed.id, *unknown]
    assert asyncio.run(flow_runs(server).not_foreign(ids)) == {ours.id, renamed.id, *unknown}


def test_runs_are_known_by_the_notes_of_what_may_have_launched_them() -> None:
    server = Server()
    noted = {"databricks.launch.0": "job token", "databricks.launch.1": "job token"}
    going_on = server.add(SUBFLOW, Running(), **noted, **{"databricks.run.0": "7", "databricks.run.1": ""})
    cancelled = server.add(SUBFLOW, Cancelled(), NOW, **noted, **{"databricks.run.1": "8"})
    server.add(SUBFLOW, Cancelled(), NOW - 2 * HOUR, **noted, **{"databricks.run.0": "9"})
    server.add("of a user", Running(), **noted, **{"databricks.run.0": "10"})
    found = asyncio.run(flow_runs(server).noted_runs_since(NOW - HOUR))
    assert found == [(going_on, 7), (cancelled, 8)]
