"""The hook cancels every statement of a flow run that is going on, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from databricks.sdk.errors import BadRequest
from databricks_blocks import BlockNotFound, DatabricksWorkspace, SqlWarehouse
from databricks_blocks.errors import DatabricksJobError
from databricks_flows.sql import notes
from databricks_flows.sql.notes import FLOW_RUN_TAG, cancel_statements
from prefect.client.schemas.objects import FlowRun

from ...databricks_blocks.sql.fake_sql import FakeSql

FLOW_RUN = UUID(int=7)


class Workspace(FakeSql):
    """Statements of a flow run, of which some cannot be cancelled."""

    def __init__(self, count: int, refused: Iterable[str] = (), endless: Iterable[str] = ()) -> None:
        super().__init__()
        self.asked_to_end: list[str] = []
        self.refused = set(refused)
        self.endless = set(endless)
        for _ in range(count):
            self.executed.append({"query_tags": [{"key": FLOW_RUN_TAG, "value": str(FLOW_RUN)}]})
            self.states[f"s{len(self.executed)}"] = "RUNNING"

    def _do(self, method: str, path: str, **given: Any) -> Any:
        if not path.endswith("/cancel"):
            return super()._do(method, path, **given)
        statement_id = path.split("/")[5]
        self.asked_to_end.append(statement_id)
        if statement_id in self.refused:
            raise BadRequest("it has ended")
        if statement_id not in self.endless:
            self.states[statement_id] = "CANCELED"
        return {}


def cancelled(
    workspace: FakeSql, monkeypatch: pytest.MonkeyPatch, warehouses: Iterable[str] = ("warehouse",)
) -> None:
    def block(_: type[SqlWarehouse], name: str) -> SqlWarehouse:
        if name == "gone":
            raise BlockNotFound("there is no block `gone`")
        credentials = DatabricksWorkspace(databricks_instance="dbc.example", token="t")
        return SqlWarehouse(workspace=credentials, warehouse_id="w")

    async def no_time(_: float) -> None:
        pass

    monkeypatch.setattr(notes, "load_block", block)
    monkeypatch.setattr("databricks_blocks.sql_warehouse.workspace_client", lambda _: workspace)
    labels = {f"databricks.warehouse.w{number}": name for number, name in enumerate(warehouses)}
    asyncio.run(cancel_statements(FlowRun(id=FLOW_RUN, flow_id=FLOW_RUN, labels=labels), sleep=no_time))


def test_each_statement_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(3)
    cancelled(workspace, monkeypatch)
    assert sorted(workspace.asked_to_end) == ["s1", "s2", "s3"]


def test_a_refused_cancel_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(3, refused=["s1"])
    with pytest.raises(DatabricksJobError, match=r"statement s1: .*it has ended"):
        cancelled(workspace, monkeypatch)
    assert sorted(workspace.asked_to_end) == ["s1", "s2", "s3"]
    assert workspace.states["s2"] == workspace.states["s3"] == "CANCELED"


def test_one_that_ended_meanwhile_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ends(Workspace):
        def _do(self, method: str, path: str, **given: Any) -> Any:
            try:
                return super()._do(method, path, **given)
            finally:
                if path.endswith("/cancel"):
                    self.states["s1"] = "SUCCEEDED"

    cancelled(Ends(1, refused=["s1"]), monkeypatch)


def test_one_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabricksJobError, match="statement s2: it takes its time to end"):
        cancelled(Workspace(2, endless=["s2"]), monkeypatch)


def test_a_statement_that_the_history_shows_late_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(1)
    workspace.shown_after = 2
    cancelled(workspace, monkeypatch)
    assert workspace.asked_to_end == ["s1"]


@pytest.mark.parametrize(("name", "why"), [("gone", "no block `gone`"), ("", "a block that is not saved")])
def test_one_warehouse_that_is_not_known_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    workspace = Workspace(1)
    with pytest.raises(DatabricksJobError, match=why):
        cancelled(workspace, monkeypatch, [name, "warehouse"])
    assert workspace.states == {"s1": "CANCELED"}
