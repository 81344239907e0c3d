"""What brings a warehouse to a state, by the state in which it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.sql.errors import WarehouseUnavailable
from databricks_blocks.sql.warehouses import WarehouseSnapshot, bring_to, step_towards, warehouse_named
from databricks_blocks.sql_warehouse import SqlWarehouse
from databricks_blocks.workspace.block import DatabricksWorkspace
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("goal", "state", "asked", "step"),
    [
        ("RUNNING", "RUNNING", False, "there"),
        ("RUNNING", "STOPPED", False, "ask"),
        ("RUNNING", "STARTING", False, "wait"),
        ("RUNNING", "STARTING", True, "wait"),
        ("RUNNING", "STOPPING", False, "wait"),
        ("RUNNING", "A_NEW_STATE", False, "ask"),
        ("RUNNING", "A_NEW_STATE", True, "wait"),
        ("STOPPED", "STOPPED", False, "there"),
        ("STOPPED", "RUNNING", False, "ask"),
        ("STOPPED", "RUNNING", True, "wait"),
        ("STOPPED", "STARTING", False, "ask"),
        ("STOPPED", "STOPPING", False, "wait"),
    ],
)
def test_the_next_step(goal: Any, state: str, asked: bool, step: str) -> None:
    assert step_towards(goal, WarehouseSnapshot("w", "W", state), asked=asked) == step


@pytest.mark.parametrize("state", ["DELETING", "DELETED"])
@pytest.mark.parametrize("goal", ["RUNNING", "STOPPED"])
def test_a_deleted_warehouse_is_not_waited_for(goal: Any, state: str) -> None:
    with pytest.raises(WarehouseUnavailable, match=f"SQL warehouse W was deleted .{state}."):
        step_towards(goal, WarehouseSnapshot("w", "W", state), asked=False)


def test_a_warehouse_that_stops_again_says_why() -> None:
    found = WarehouseSnapshot("w", "W", "STOPPED", "no quota")
    with pytest.raises(WarehouseUnavailable, match="did not start, but is stopped again: no quota"):
        step_towards("RUNNING", found, asked=True)


class FakeWarehouse:
    """A warehouse that goes through states, one at each look."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.ill = ""
        self.asked: list[str] = []
        self.config = SimpleNamespace(host="https://dbc.example")
        self.api_client = SimpleNamespace(do=self._do)

    def _do(self, method: str, path: str, **given: Any) -> Any:
        if method == "POST":
            self.asked.append(path.rpartition("/")[2])
            return {}
        health = {"status": "DEGRADED", "summary": self.ill} if self.ill else {}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if path.endswith("/warehouses"):
            return {"warehouses": [{"id": "w", "name": "W", "state": state}]}
        return {"id": "w", "name": "W", "state": state, "health": health}


def brought(goal: Any, warehouse: FakeWarehouse, **options: Any) -> list[str]:
    seen: list[str] = []
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def note(found: WarehouseSnapshot) -> None:
        seen.append(found.state)

    client = cast("Any", warehouse)
    asyncio.run(bring_to(goal, client, "w", on_change=note, clock=lambda: now, sleep=sleep, **options))
    return seen


def test_one_that_is_stopping_is_started_once_it_has_stopped() -> None:
    warehouse = FakeWarehouse("STOPPING", "STOPPING", "STOPPED", "STARTING", "STARTING", "RUNNING")
    assert brought("RUNNING", warehouse) == ["STOPPING", "STOPPED", "STARTING", "RUNNING"]
    assert warehouse.asked == ["start"]


def test_one_that_runs_is_left_alone() -> None:
    warehouse = FakeWarehouse("RUNNING")
    assert brought("RUNNING", warehouse) == ["RUNNING"]
    assert warehouse.asked == []


def test_one_that_takes_too_long_is_an_error() -> None:
    with pytest.raises(WarehouseUnavailable, match="W is still STARTING after 60 s; it should be RUNNING"):
        brought("RUNNING", FakeWarehouse("STARTING"), timeout_seconds=60)


def test_what_the_workspace_says_about_a_long_start_is_told() -> None:
    warehouse = FakeWarehouse("STARTING")
    warehouse.ill = "no quota"
    with pytest.raises(WarehouseUnavailable, match="after 60 s; it should be RUNNING: no quota"):
        brought("RUNNING", warehouse, timeout_seconds=60)


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(DatabricksRunRefused, match="has no SQL warehouse `V`: there are W"):
        warehouse_named(cast("Any", FakeWarehouse("RUNNING")), "V")


def test_the_block_takes_an_id_an_http_path_or_a_name() -> None:
    workspace = DatabricksWorkspace(databricks_instance="dbc.example", token="t")
    block = SqlWarehouse(workspace=workspace, warehouse_id="/sql/1.0/warehouses/abc123 ")
    assert block.warehouse_id == "abc123"
    assert block.look(cast("Any", FakeWarehouse("RUNNING"))).state == "RUNNING"
    for given in ({}, {"warehouse_id": "a", "warehouse_name": "b"}):
        with pytest.raises(ValidationError, match="one of them"):
            SqlWarehouse(workspace=workspace, **given)
