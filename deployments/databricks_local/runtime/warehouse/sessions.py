"""The Spark sessions of a warehouse: one for each session of a client, and one for each statement without."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from databricks_local.runtime.warehouse.orders import SessionOrder

Open = Callable[[], Any]
"""Makes a new Spark session with the configuration of the warehouse."""


class Sessions:
    """Used by many threads."""

    def __init__(self, new: Open) -> None:
        self._new = new
        self._lock = threading.Lock()
        self._kept: dict[str, Any] = {}
        self._opening: dict[str, threading.Lock] = {}

    @contextlib.contextmanager
    def of(self, order: SessionOrder) -> Iterator[Any]:
        """The session of a statement; one that has no name ends with the statement."""
        if order.session_id:
            yield self._named(order)
            return
        session = self._open(order)
        try:
            yield session
        finally:
            session.stop()

    def close(self, session_id: str) -> None:
        """End a session, if it is there."""
        with self._lock:
            session = self._kept.pop(session_id, None)
            self._opening.pop(session_id, None)
        if session is not None:
            session.stop()

    def _named(self, order: SessionOrder) -> Any:
        with self._lock:
            opening = self._opening.setdefault(order.session_id, threading.Lock())
        with opening:
            session = self._kept.get(order.session_id)
            if session is None:
                session = self._kept[order.session_id] = self._open(order)
        return session

    def _open(self, order: SessionOrder) -> Any:
        session = self._new()
        try:
            for name, value in order.conf.items():
                session.conf.set(name, value)
            if order.catalog:
                session.sql(f"USE CATALOG {quoted(order.catalog)}")
            if order.schema:
                session.sql(f"USE SCHEMA {quoted(order.schema)}")
        except BaseException:
            session.stop()
            raise
        return session


def quoted(name: str) -> str:
    """A name in backticks.

    Example:
        >>> quoted("a`b")
        '`a``b`'
    """
    return f"`{name.replace('`', '``')}`"
