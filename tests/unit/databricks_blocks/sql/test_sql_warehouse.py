"""A statement that a block executes leaves nothing behind, and says what became of it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from databricks_blocks import DatabricksWorkspace, InvalidStatement, SqlWarehouse, StatementTimedOut

from .fake_sql import FakeSql


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> FakeSql:
    workspace = FakeSql()
    workspace.ends_after = 10**9
    monkeypatch.setattr("databricks_blocks.sql_warehouse.workspace_client", lambda _: workspace)
    return workspace


@pytest.fixture
def warehouse() -> SqlWarehouse:
    credentials = DatabricksWorkspace(databricks_instance="dbc.example", token="t")
    return SqlWarehouse(workspace=credentials, warehouse_id="w")


def test_an_interruption_cancels_the_statement(workspace: FakeSql, warehouse: SqlWarehouse) -> None:
    async def interrupted() -> None:
        executing = asyncio.create_task(warehouse.aexecute("SELECT 1"))
        await asyncio.to_thread(workspace.has_executed.wait, 60)
        executing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await executing

    asyncio.run(interrupted())
    assert workspace.cancelled == ["s1"]


def test_a_time_out_cancels_the_statement(workspace: FakeSql, warehouse: SqlWarehouse) -> None:
    with pytest.raises(StatementTimedOut, match=r"longer than 0\.5 s, and was cancelled\. https://"):
        warehouse.execute("SELECT 1", timeout_seconds=0.5)
    assert workspace.cancelled == ["s1"]


def test_a_time_out_whose_cancel_fails_says_so(workspace: FakeSql, warehouse: SqlWarehouse) -> None:
    workspace.refuses_cancels = True
    with pytest.raises(StatementTimedOut, match="may still be going on"):
        warehouse.execute("SELECT 1", timeout_seconds=0.5)


def test_what_was_done_before_the_cancel_of_a_time_out_has_its_result(
    workspace: FakeSql, warehouse: SqlWarehouse
) -> None:
    workspace.ends_by_cancel = "SUCCEEDED"
    assert warehouse.execute("INSERT INTO t VALUES (1)", timeout_seconds=0.5).statement_id == "s1"


def test_a_time_out_holds_for_the_look_at_the_warehouse_too(
    workspace: FakeSql, warehouse: SqlWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(SqlWarehouse, "look", lambda *_: answered.wait(60))
    threading.Timer(1, answered.set).start()
    with pytest.raises(StatementTimedOut):
        warehouse.execute("SELECT 1", timeout_seconds=0.2)
    assert workspace.executed == []


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_of_nothing_is_refused(warehouse: SqlWarehouse, seconds: float) -> None:
    with pytest.raises(InvalidStatement, match="must be more than 0"):
        warehouse.execute("SELECT 1", timeout_seconds=seconds)
