"""What counts as yes, and how long a question may take."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from databricks_blocks.sql.errors import StatementTimedOut
from databricks_flows.sql.request import SqlRequest
from databricks_flows.sql.waiting import NotTrueInTime
from databricks_flows.tasks import waiting
from prefect.logging import disable_run_logger


class Warehouse:
    """Answers questions, or lets their time pass."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.limits = list(answers), list[float | None]()

    async def run(self, request: SqlRequest) -> Any:
        self.limits.append(request.timeout_seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [SimpleNamespace(rows=lambda _: [{"there": answer}])]


def wait(monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse, timeout_seconds: float | None) -> None:
    monkeypatch.setattr(waiting, "run_sql", warehouse.run)
    with disable_run_logger():
        asyncio.run(
            waiting._wait_for_query("SELECT 1", seconds_between=0.01, timeout_seconds=timeout_seconds)
        )


@pytest.mark.parametrize("answer", [None, 0, 0.0, False, Decimal(0), "", " ", "0", "false", "FALSE"])
def test_what_says_no(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    with pytest.raises(NotTrueInTime, match="is not there: asked once"):
        wait(monkeypatch, Warehouse(answer), 0)


@pytest.mark.parametrize("answer", [1, True, "true", "no", "00", Decimal("0.1")])
def test_what_says_yes(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    wait(monkeypatch, Warehouse(0, answer), 60)


def test_a_question_has_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(0, 1)
    wait(monkeypatch, warehouse, 600)
    first, second = (limit or 0 for limit in warehouse.limits)
    assert 590 < second < first <= 600
    # With little time left, each has at least ten seconds; a single one may take as long as it takes.
    for seconds, limit in ((2, 10), (0, None), (None, None)):
        short = Warehouse(1)
        wait(monkeypatch, short, seconds)
        assert short.limits == [limit]


def test_a_question_that_is_not_answered_in_time_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotTrueInTime, match="is not there: no answer in 10 s"):
        wait(monkeypatch, Warehouse(StatementTimedOut("it took too long")), 2)
