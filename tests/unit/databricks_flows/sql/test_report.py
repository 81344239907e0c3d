"""What a person sees of SQL: link, wait, duration, counts, rows, and no credential."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.statement import StatementSnapshot
from databricks_blocks.sql.warehouses import WarehouseSnapshot
from databricks_flows.sql import report
from databricks_flows.sql.notes import noted_warehouses
from databricks_flows.sql.report import StatementReport, WarehouseReport


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    def info(form: str, *values: Any) -> None:
        lines.append(form % values)

    monkeypatch.setattr(report, "get_run_logger", lambda: SimpleNamespace(info=info))
    monkeypatch.setattr(report, "_tell", lines.append)
    monkeypatch.setattr(report, "_show", lambda name, message: lines.append(f"[{name}]"))
    return lines


def seconds(*values: float) -> Any:
    return iter(values).__next__


def test_a_statement_tells_its_link_once_and_how_it_ended(told: list[str]) -> None:
    shown = StatementReport("https://h/", "INSERT INTO t\nVALUES (1)", 1, 3, clock=seconds(0, 2.5))
    for state in ("PENDING", "RUNNING", "SUCCEEDED"):
        asyncio.run(shown.changed(StatementSnapshot("id", state)))
    shown.ended(SqlResult("id", "u", {}, affected={"num_affected_rows": 1}), used=False)
    assert told == [
        "SQL statement 2 of 3 `INSERT INTO t VALUES (1)`: https://h/sql/history?queryId=id",
        "SQL statement 2 of 3 `INSERT INTO t VALUES (1)`: succeeded after 2.5 s, num_affected_rows 1",
    ]


@pytest.mark.parametrize(
    ("result", "used", "end"),
    [
        (SqlResult("id", "u", {"total_row_count": 960}), False, "succeeded after 1.0 s, 960 rows"),
        (
            SqlResult("id", "u", {}, has_rows=False),
            True,
            "succeeded after 1.0 s, executed by the attempt before, rows are not kept any more",
        ),
    ],
)
def test_a_result_is_told_in_a_line(told: list[str], result: SqlResult, used: bool, end: str) -> None:
    StatementReport("https://h", "SELECT 1", clock=seconds(0, 1)).ended(result, used=used)
    assert told == [f"SQL statement `SELECT 1`: {end}"]


def test_no_credential_is_told(told: list[str]) -> None:
    text = "COPY INTO t FROM 'x' WITH (CREDENTIAL (AWS_SECRET_KEY = 'se-cret'))"
    asyncio.run(StatementReport("https://h", text).changed(StatementSnapshot("id", "RUNNING")))
    assert "se-cret" not in told[0]


def test_the_wait_for_a_warehouse_is_told(told: list[str]) -> None:
    shown = WarehouseReport(clock=seconds(0, 1, 2, 75))
    for state in ("STOPPED", "STARTING", "RUNNING"):
        asyncio.run(shown.changed(WarehouseSnapshot("w", "W", state)))
    assert told == [
        "SQL warehouse W is STOPPED: waiting until it is RUNNING",
        "[WaitingForWarehouse]",
        "SQL warehouse W is STARTING: waiting until it is RUNNING",
        "[WaitingForWarehouse]",
        "SQL warehouse W is RUNNING, after 75 s",
        "[Running]",
    ]


def test_a_warehouse_that_runs_is_no_news(told: list[str]) -> None:
    asyncio.run(WarehouseReport().changed(WarehouseSnapshot("w", "W", "RUNNING")))
    assert told == []


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1, 1),
        (None, None),
        (True, True),
        ("a", "a"),
        (Decimal("1.50"), "1.50"),
        (date(2024, 6, 21), "2024-06-21"),
        (datetime(2024, 6, 21), "2024-06-21T00:00:00"),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (b"\x00", "b'\\x00'"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_a_cell_of_the_table_is_json(value: Any, cell: Any) -> None:
    assert report._cell(value) == cell


def test_notes_name_the_block_of_each_warehouse() -> None:
    labels = {"databricks.warehouse.w1": "warehouse", "databricks.warehouse.w2": "", "prefect.x": "y"}
    assert noted_warehouses(labels) == {"w1": "warehouse", "w2": ""}
