"""Executes the statements of a warehouse, each in a thread of its own, and cancels them."""

import re
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.warehouse.chunks import Limits, ResultFiles
from databricks_local.runtime.warehouse.columns import columns_of
from databricks_local.runtime.warehouse.failures import RefusedError, failure_of
from databricks_local.runtime.warehouse.metadata import known_statement
from databricks_local.runtime.warehouse.orders import Outcome, StatementOrder
from databricks_local.runtime.warehouse.sessions import Sessions

_WITHOUT_RESULT = re.compile(r"(?i)(CREATE|DROP|ALTER|USE|COMMENT|TRUNCATE|REFRESH|GRANT|REVOKE|MSCK)\b")


INTERRUPT_SECONDS = 0.25
"""How long after an interrupt the next one comes: the engine may not have known the statement yet."""

CLOSE_SECONDS = 30
"""How long the end of a session waits for the end of what is executed in it."""


class CancelledError(Exception):
    """Raised between two parts of a result that nobody wants any more."""


@dataclass
class Running:
    """A statement that runs; it has a session once it is about to be executed."""

    session_id: str
    session: Any = None
    interrupting: threading.Lock = field(default_factory=threading.Lock)
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


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
        self._running: dict[str, Running] = {}

    def begin(self, order: StatementOrder) -> None:
        """Execute a statement in the background."""
        running = self._running[order.statement_id] = Running(order.session.session_id)
        name = f"statement-{order.statement_id}"
        threading.Thread(target=self._execute, args=(order, running), name=name, daemon=True).start()

    def cancel(self, statement_id: str) -> None:
        """Interrupt a statement, in the background: the engine may take its time to answer."""
        with self._lock:
            running = self._running.get(statement_id)
            if running is None or running.cancelled.is_set():
                return
            running.cancelled.set()
            session = running.session
        if session is not None:
            threading.Thread(target=_interrupt, args=(session, statement_id, running), daemon=True).start()

    def close(self, session_id: str) -> None:
        """End a session, and first what is executed in it: neither engine likes it the other way."""
        self._sessions.refuse(session_id)
        with self._lock:
            inside = {name: each for name, each in self._running.items() if each.session_id == session_id}
        for statement_id in inside:
            self.cancel(statement_id)
        for running in inside.values():
            running.ended.wait(CLOSE_SECONDS)
        self._sessions.close(session_id)

    def _execute(self, order: StatementOrder, running: Running) -> None:
        session = None
        try:
            session = self._sessions.begin(order.session)
            outcome = self._run(session, order, running)
        except CancelledError:
            outcome = Outcome("CANCELED")
        except Exception as error:  # noqa: BLE001 - whatever it is, the statement failed, and the client is told
            outcome = failure_of(error)
        with self._lock:
            del self._running[order.statement_id]
        with running.interrupting:
            running.ended.set()
        if running.cancelled.is_set() and outcome.state != "SUCCEEDED":
            outcome = Outcome("CANCELED")
            # The server may have taken it for ended already, and look there no more.
            shutil.rmtree(order.directory, ignore_errors=True)
        self._on_end(order.statement_id, outcome)
        if session is not None:
            self._sessions.end(order.session, session)

    def _run(self, session: Any, order: StatementOrder, running: Running) -> Outcome:
        session.addTag(order.statement_id)
        with self._lock:
            if running.cancelled.is_set():
                return Outcome("CANCELED")
            running.session = session
        self._on_begin(order.statement_id)
        return run_statement(session, order, running.cancelled)


def _interrupt(session: Any, statement_id: str, running: Running) -> None:
    """Interrupt a statement until it has ended: an interrupt that is too early hits nothing."""
    while True:
        # Its session may be closed once it has ended.
        with running.interrupting:
            if running.ended.is_set():
                return
            session.interruptTag(statement_id)
        running.ended.wait(INTERRUPT_SECONDS)


def run_statement(session: Any, order: StatementOrder, cancelled: threading.Event) -> Outcome:
    """Execute a statement in a session, and write its result.

    Args:
        session: The session.
        order: The statement.
        cancelled: Set once nobody wants it any more; looked at between two parts of the result.
    """
    if not without_comments_before(order.statement)[1].strip("; \n"):
        raise RefusedError("[PARSE_EMPTY_STATEMENT] Syntax error, unexpected empty statement.")
    frame = session.sql(known_statement(order.statement), **_arguments(order.parameters))
    limits = Limits(order.chunk_bytes, order.row_limit, order.byte_limit, order.refuse_bytes)
    files = ResultFiles(Path(order.directory), order.format, limits)
    client, plan = session.client, frame._plan
    # Closed, so that the engine does not go on with what is cut.
    with closing(client.to_table_as_iterator(plan.to_proto(client), plan.observations)) as parts:
        for part in parts:
            if cancelled.is_set():
                raise CancelledError
            if not hasattr(part, "num_rows"):
                files.schema = part
            elif not files.add(part):
                break
    columns = columns_of(frame.schema if files.schema is None else files.schema)
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
        value, kind = parameter.get("value"), parameter.get("type") or "STRING"
        is_text = value is not None and kind.upper() == "STRING"
        values[parameter["name"]] = lit(value) if is_text else lit(value).cast(kind)
    return {"args": values}
