"""The task of SQL: what is told never decides its result."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from databricks_blocks.sql.results import SqlResult
from databricks_flows.tasks import sql


def test_rows_that_cannot_be_shown_do_not_fail_the_task(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Only the process that ran the statement can read its rows.
    result = SqlResult("s", "https://u", {"total_row_count": 1, "total_chunk_count": 1})

    async def run(_: Any) -> list[SqlResult]:
        return [result]

    monkeypatch.setattr(sql, "run_sql", run)
    monkeypatch.setattr(sql, "get_run_logger", lambda: logging.getLogger("sql"))
    assert asyncio.run(sql.databricks_sql.fn("SELECT 1", show_rows=2)) is result
    assert "Its rows are not shown: The rows of statement s cannot be read" in caplog.text
