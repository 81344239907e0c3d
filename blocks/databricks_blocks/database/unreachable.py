"""Tells errors of the connection to a database apart from errors of a statement."""

from __future__ import annotations

import re
import socket

import psycopg2

_PASSING_STATES = frozenset({"57P01", "57P02", "57P03", "53300"})
"""SQLSTATE of a server that shuts down, crashed, starts up, or has no connection left (docs: error codes)."""
_PASSING_REFUSALS = re.compile(
    r"starting up|shutting down|recovery mode|too many clients|connection slots|terminating connection"
    r"|temporary failure in name resolution",
    re.IGNORECASE,
)
_LASTING_REFUSALS = re.compile(
    r"FATAL:|could not translate host name|no password supplied|certificate verify failed"
    r"|root certificate file|does not match host name|does not support SSL"
)
"""What psycopg2 says where no connection was made, and none will be."""
_LOST = re.compile(
    rf"connection refused|connection reset|connection timed out|connection timeout expired|no route to host"
    rf"|server closed the connection|{_PASSING_REFUSALS.pattern}",
    re.IGNORECASE,
)
"""What other drivers say. They have no common code for it; most repeat the words of the system."""


def is_unreachable(error: BaseException) -> bool:
    """Whether a database did not answer or broke the connection off, so that asking again can help.

    Args:
        error: What psycopg2 or SQLAlchemy raised. Of other errors, lost connections and time-outs count.
    """
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        return _is_lost(error)
    if error.connection_invalidated:
        return True
    original = error.orig or error
    if isinstance(original, psycopg2.Error):
        return _is_lost(original)
    # SQLAlchemy does not tell a refused connect apart from other errors.
    if type(original).__name__ in ("OperationalError", "InterfaceError") and _LOST.search(str(original)):
        return True
    cause = original.__cause__ or original.__context__
    return cause is not None and _is_lost(cause)


def _is_lost(error: BaseException) -> bool:
    if isinstance(error, psycopg2.InterfaceError):
        return True
    if isinstance(error, psycopg2.OperationalError):
        return _is_connection_lost(error)
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return isinstance(error, (ConnectionError, TimeoutError))


def _is_connection_lost(error: psycopg2.OperationalError) -> bool:
    if error.pgcode is not None:
        return error.pgcode.startswith("08") or error.pgcode in _PASSING_STATES
    # Without a code: no connection was made, or it broke. A server that refuses a login says FATAL, too.
    text = str(error)
    return bool(_PASSING_REFUSALS.search(text)) or not _LASTING_REFUSALS.search(text)
