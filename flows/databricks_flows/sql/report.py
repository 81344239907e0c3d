"""What a person sees of SQL statements in Prefect: the link, the wait, the duration, some rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from databricks_blocks.private_prefect import contexts_around, show_state
from databricks_blocks.safe_text import markdown_rows, markdown_text
from databricks_blocks.sql.outcome import page_of
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.statement import StatementSnapshot, title_of
from databricks_blocks.sql.warehouses import Goal, WarehouseSnapshot
from prefect import get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.context import TaskRunContext

from databricks_flows.shared.progress import say
from databricks_flows.shared.telling import Sender

ROWS_ARTIFACT = "databricks-sql"


class StatementReport:
    """Reports one statement."""

    def __init__(
        self,
        host: str,
        text: str,
        number: int = 0,
        of: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            host: URL of the workspace.
            text: Text of the statement.
            number: How many statements come before it.
            of: How many there are.
            clock: Seconds that only grow.
        """
        place = f" {number + 1} of {of}" if of > 1 else ""
        self._name = f"SQL statement{place} `{title_of(text)}`"
        self._host = host
        self._clock = clock
        self._began = clock()
        self._linked = False

    async def changed(self, found: StatementSnapshot) -> None:
        """Tell the link, once."""
        if not self._linked:
            self._linked = True
            get_run_logger().info("%s: %s", self._name, page_of(self._host, found.statement_id))

    def ended(self, result: SqlResult, *, used: bool) -> None:
        """Tell how it ended, and after how long.

        Args:
            result: Its result.
            used: Whether an earlier attempt had executed it.
        """
        seconds = self._clock() - self._began
        counts = ", ".join(f"{name} {count}" for name, count in result.affected.items())
        rows = f"{result.row_count} rows" if result.has_rows else "rows are not kept any more"
        of_before = ", executed by the attempt before" if used else ""
        get_run_logger().info(
            "%s: succeeded after %.1f s%s, %s", self._name, seconds, of_before, counts or rows
        )


class WarehouseReport:
    """Reports the wait for a warehouse."""

    def __init__(self, goal: Goal = "RUNNING", clock: Callable[[], float] = time.monotonic) -> None:
        self._goal = goal
        self._clock = clock
        self._began = clock()
        self._waits = False

    async def changed(self, found: WarehouseSnapshot) -> None:
        """Tell that it is waited for, and that the wait is over."""
        seconds = self._clock() - self._began
        if found.state == self._goal:
            if self._waits:
                _tell(f"{found} is {found.state}, after {seconds:.0f} s")
                _show("Running", "")
            return
        self._waits = True
        line = f"{found} is {found.state}: waiting until it is {self._goal}{found.why}"
        _tell(line)
        _show("WaitingForWarehouse", line)


async def show_rows(result: SqlResult, text: str, rows: list[dict[str, Any]]) -> None:
    """Show rows as a table artifact.

    Args:
        result: The result that they are of.
        text: Text of the statement.
        rows: The rows.
    """
    shown = markdown_rows([{name: _cell(value) for name, value in row.items()} for row in rows])
    sender = Sender()
    sender.send(
        "rows of the statement",
        acreate_table_artifact(
            shown,
            key=ROWS_ARTIFACT,
            description=f"{len(rows)} of {result.row_count} rows of {markdown_text(title_of(text))}",
        ),
    )
    await sender.sent()


def _cell(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _tell(line: str) -> None:
    get_run_logger().info("%s", line)
    say(line)


def _show(name: str, message: str) -> None:
    """Let the Prefect UI show what the task run does."""
    context = next(contexts_around(TaskRunContext), None)
    if context is not None:
        show_state(context.task_run, name, message)
