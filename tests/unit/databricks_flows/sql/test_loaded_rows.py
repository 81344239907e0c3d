"""How many rows were loaded, where the statement's own result does not tell."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.sql.errors import StatementFailed
from databricks_blocks.sql.results import SqlResult
from databricks_flows.sql import loaded_rows as loading
from databricks_flows.sql.request import SqlRequest

PERIOD = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


class History:
    """A workspace that knows the loads into a table."""

    def __init__(self, commits: list[int | None]) -> None:
        self.commits = commits
        self.asked: list[SqlRequest] = []
        self.error: Exception | None = None

    async def run(self, request: SqlRequest) -> list[Any]:
        self.asked.append(request)
        if self.error:
            raise self.error
        rows = [{"added": rows} for rows in self.commits]
        return [type("Result", (), {"rows": lambda _: rows})()]


def loaded(
    monkeypatch: pytest.MonkeyPatch, history: History, counted: int | None, *, before: bool
) -> int | None:
    monkeypatch.setattr(loading, "run_sql", history.run)
    monkeypatch.setattr(loading, "get_run_logger", lambda: logging.getLogger("sql"))
    affected = {} if counted is None else {"num_affected_rows": counted}
    result = SqlResult("s", "url", {}, affected, executed_before=PERIOD if before else None)
    request = SqlRequest(["COPY INTO"], warehouse="w", catalog="main", schema="elt", timeout_seconds=9)
    return asyncio.run(loading.loaded_rows("plants; --", result, request))


def test_a_result_that_tells_needs_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History([7])
    assert loaded(monkeypatch, history, 5, before=False) == 5
    assert history.asked == []


@pytest.mark.parametrize(
    ("counted", "commits", "rows"),
    [
        (None, [960], 960),
        (None, [], None),
        (None, [960, 2], None),
        # The warehouse was lost: before its load was there, and after it.
        (960, [], 960),
        (0, [960], 960),
        (0, [960, 2], None),
        (0, [None], None),
    ],
)
def test_the_history_tells_what_earlier_attempts_have_loaded(
    monkeypatch: pytest.MonkeyPatch, counted: int | None, commits: list[int | None], rows: int | None
) -> None:
    assert loaded(monkeypatch, History(commits), counted, before=True) == rows


def test_the_history_is_asked_at_the_same_place_and_each_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History([])
    loaded(monkeypatch, history, 0, before=True)
    [first] = history.asked
    assert first.is_new
    assert (first.warehouse, first.catalog, first.schema, first.timeout_seconds) == ("w", "main", "elt", 9)
    assert first.parameters == {"began": PERIOD[0], "ended": PERIOD[1]}
    assert "DESCRIBE HISTORY `plants; --`)" in first.statements[0]


@pytest.mark.parametrize("error", [StatementFailed, DatabricksRunRefused, DatabricksUnreachable])
def test_a_history_that_nobody_can_read_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    history = History([])
    history.error = error("no permission")
    assert loaded(monkeypatch, history, None, before=True) is None
    assert "is not known: no permission" in caplog.text
