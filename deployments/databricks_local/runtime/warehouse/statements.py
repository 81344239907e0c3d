"""Executes the statements of a warehouse, each in a thread of its own, and cancels them."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from databricks_local.runtime.sail.conditions import condition_of
from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.warehouse.chunks import Limits, ResultFiles, ResultTooLargeError
from databricks_local.runtime.warehouse.columns import columns_of
from databricks_local.runtime.warehouse.metadata import known_statement
from databricks_local.runtime.warehouse.orders import Outcome, StatementOrder
from databricks_local.runtime.warehouse.sessions import Sessions

BAD_REQUEST = "BAD_REQUEST"
"""The error code of what the engine refuses (docs: ServiceErrorCode)."""

_WITHOUT_RESULT = re.compile(r"(?i)(CREATE|DROP|ALTER|USE|COMMENT|TRUNCATE|REFRESH|GRANT|REVOKE|MSCK)\b")


class EmptyStatementError(Exception):
    """Raised for a text that says nothing."""


OnBegin = Callable[[str], None]
OnEnd = Callable[[str, Outcome], None]


class Statements:
    """The statements that run. Orders come from one thread."""

    def __init__(self, sessions: Sessions, on_begin: OnBegin, on_end: OnEnd) -> None:
        """Set up.

        Args:
            sessions: Their sessions.
            on_begin: Told when the engine begins with a statement.
            on_end: Told how each ended, exactly once.
        """
        self._sessions = sessions
        self._on_begin = on_begin
        self._on_end = on_end
        self._lock = threading.Lock()
        self._running: dict[str, Any] = {}
        self._cancelled: set[str] = set()

    def begin(self, order: StatementOrder) -> None:
        """Execute a statement in the background."""
        self._running[order.statement_id] = None
        name = f"statement-{order.statement_id}"
        threading.Thread(target=self._execute, args=(order,), name=name, daemon=True).start()

    def cancel(self, statement_id: str) -> None:
        """Interrupt a statement, in the background: the engine may take its time to answer."""
        with self._lock:
            if statement_id not in self._running:
                return
            self._cancelled.add(statement_id)
            session = self._running[statement_id]
        if session is not None:
            threading.Thread(target=session.interruptTag, args=(statement_id,), daemon=True).start()

    def _execute(self, order: StatementOrder) -> None:
        session = None
        try:
            session = self._sessions.begin(order.session)
            session.addTag(order.statement_id)
            outcome = self._run(session, order)
        except Exception as error:  # noqa: BLE001 - whatever it is, the statement failed, and the client is told
            outcome = failure_of(error, order)
        with self._lock:
            self._running.pop(order.statement_id, None)
            if order.statement_id in self._cancelled and outcome.state != "SUCCEEDED":
                outcome = Outcome("CANCELED")
            self._cancelled.discard(order.statement_id)
        self._on_end(order.statement_id, outcome)
        if session is not None:
            self._sessions.end(order.session, session)

    def _run(self, session: Any, order: StatementOrder) -> Outcome:
        with self._lock:
            self._running[order.statement_id] = session
            if order.statement_id in self._cancelled:
                return Outcome("CANCELED")
        self._on_begin(order.statement_id)
        return run_statement(session, order)


def run_statement(session: Any, order: StatementOrder) -> Outcome:
    """Execute a statement in a session, and write its result."""
    if not without_comments_before(order.statement)[1].strip("; \n"):
        raise EmptyStatementError
    frame = session.sql(known_statement(order.statement), **_arguments(order.parameters))
    limits = Limits(order.chunk_bytes, order.row_limit, order.byte_limit, order.refuse_bytes)
    files = ResultFiles(Path(order.directory), order.format, limits)
    client, schema = session.client, None
    plan = frame._plan
    for part in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
        if not hasattr(part, "num_rows"):
            schema = part
        elif not files.add(part):
            break
    columns = columns_of(frame.schema if schema is None else schema)
    if is_without_result(order.statement, columns):
        return Outcome("SUCCEEDED")
    files.finish()
    return Outcome("SUCCEEDED", columns=columns, chunks=files.chunks, truncated=files.truncated)


def is_without_result(statement: str, columns: list[dict[str, Any]]) -> bool:
    """Whether a statement has no result on Databricks; Sail's is the word true.

    Example:
        >>> is_without_result("DROP TABLE t", [{"name": "value"}]), is_without_result("SELECT 1 AS value", [])
        (True, False)
    """
    names = [column["name"] for column in columns]
    return bool(_WITHOUT_RESULT.match(without_comments_before(statement)[1].lstrip())) and names == ["value"]


def _arguments(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """The parameters of a statement, each cast to its type by the engine."""
    from pyspark.sql.connect.functions import lit

    if not parameters:
        return {}
    values = {}
    for parameter in parameters:
        value, kind = lit(parameter.get("value")), parameter.get("type") or "STRING"
        values[parameter["name"]] = value if kind.upper() == "STRING" else value.cast(kind)
    return {"args": values}


def failure_of(error: Exception, order: StatementOrder) -> Outcome:
    """The end of a statement that failed."""
    from pyspark.errors import PySparkException

    if isinstance(error, EmptyStatementError):
        return _failed("[PARSE_EMPTY_STATEMENT] Syntax error, unexpected empty statement.")
    if isinstance(error, ResultTooLargeError):
        # Source of the words: databrickslabs/ucx#3447.
        return _failed(
            "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size "
            f"of at most {order.refuse_bytes} bytes. Please execute the statement with "
            "disposition=EXTERNAL_LINKS if you want to download the full result."
        )
    if isinstance(error, PySparkException):
        return _failed(str(error), error.getSqlState() or "")
    return _failed(f"{type(error).__name__}: {error}")


def _failed(text: str, sql_state: str = "") -> Outcome:
    condition = condition_of(text, sql_state)
    return Outcome("FAILED", BAD_REQUEST, condition.message, condition.sql_state)
