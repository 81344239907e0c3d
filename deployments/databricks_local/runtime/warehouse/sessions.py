"""The Spark sessions of a warehouse: one for each session of a client, and one for each statement without."""

import re
import threading
from collections.abc import Callable
from typing import Any

from databricks_local.runtime.warehouse.failures import RefusedError
from databricks_local.runtime.warehouse.orders import SessionOrder

_NO_SCHEMA = re.compile(r"(?i)SCHEMA_NOT_FOUND|(schema|database)\b.*\bnot (be )?found", re.DOTALL)

Open = Callable[[], Any]
"""Makes a new Spark session with the configuration of the warehouse."""


class Sessions:
    """Used by many threads."""

    def __init__(self, new: Open) -> None:
        self._new = new
        self._lock = threading.Lock()
        self._kept: dict[str, Any] = {}
        self._opening: dict[str, threading.Lock] = {}
        self._spare: Any = None
        self._elsewhere: set[str] = set()
        self._closed: set[str] = set()

    def begin(self, order: SessionOrder) -> Any:
        """The session of a statement."""
        return self._named(order) if order.session_id else self._open(order)

    def end(self, order: SessionOrder, session: Any) -> None:
        """Close the session of a statement that has ended, unless it has a name; and make the next one."""
        if order.session_id:
            return
        session.stop()
        self.prepare()

    def prepare(self) -> None:
        """Make a session for the next statement, which then need not wait for it."""
        with self._lock:
            if self._spare is not None:
                return
        session = self._new()
        # The first request is what takes time.
        session.conf.get("spark.sql.ansi.enabled", "")
        with self._lock:
            surplus, self._spare = self._spare, session
        if surplus is not None:
            surplus.stop()

    def refuse(self, session_id: str) -> None:
        """Let no statement begin in a session any more: one may have waited for longer than it is there."""
        with self._lock:
            self._closed.add(session_id)

    def close(self, session_id: str) -> None:
        """End a session, if it is there."""
        with self._lock:
            self._closed.add(session_id)
            session = self._kept.pop(session_id, None)
            self._opening.pop(session_id, None)
            self._elsewhere.discard(session_id)
        if session is not None:
            session.stop()

    def _named(self, order: SessionOrder) -> Any:
        session_id = order.session_id
        with self._lock:
            self._check(session_id)
            opening = self._opening.setdefault(session_id, threading.Lock())
        with opening:
            session = self._kept.get(session_id)
            if session is None:
                session = self._open(order)
                try:
                    with self._lock:
                        self._check(session_id)
                        self._kept[session_id] = session
                except RefusedError:
                    session.stop()
                    raise
            elif session_id in self._elsewhere:
                self._use_schema(session, order)
        return session

    def _check(self, session_id: str) -> None:
        if session_id in self._closed:
            raise RefusedError("The session of this statement was closed before it was executed.")

    def _open(self, order: SessionOrder) -> Any:
        with self._lock:
            session, self._spare = self._spare, None
        if session is None:
            session = self._new()
        try:
            for name, value in order.conf.items():
                session.conf.set(name, value)
            if order.catalog:
                session.sql(f"USE CATALOG {quoted(order.catalog)}")
            if order.schema:
                self._use_schema(session, order)
        except BaseException:
            session.stop()
            raise
        return session

    def _use_schema(self, session: Any, order: SessionOrder) -> None:
        """Begin in the schema of a session. It may be made later, as dbt-databricks does."""
        from pyspark.errors import AnalysisException

        try:
            session.sql(f"USE SCHEMA {quoted(order.schema)}")
            self._elsewhere.discard(order.session_id)
        except AnalysisException as error:
            if not _NO_SCHEMA.search(str(error)):
                raise
            if order.session_id:
                self._elsewhere.add(order.session_id)


def quoted(name: str) -> str:
    """A name in backticks.

    Example:
        >>> quoted("a`b")
        '`a``b`'
    """
    return f"`{name.replace('`', '``')}`"
