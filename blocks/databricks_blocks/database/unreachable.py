"""Tells errors of the connection to a database apart from errors of a statement."""

from __future__ import annotations

import re

import psycopg2

_PASSING_STATES = frozenset({"57P01", "57P02", "57P03", "53300"})
"""SQLSTATE of a server that shuts down, crashed, starts up, or has no connection left (docs: error codes)."""
_PASSING_REFUSALS = re.compile(r"starting up|shutting down|recovery mode|too many clients|connection slots")
_LASTING_REFUSALS = re.compile(r"FATAL:|could not translate host name|no password supplied")


def is_unreachable(error: BaseException) -> bool:
    """Whether a database did not answer or broke the connection off, so that asking again can help.

    Args:
        error: What psycopg2 or SQLAlchemy raised. Of other errors, lost connections and time-outs count.
    """
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig or error
    if isinstance(error, psycopg2.InterfaceError):
        return True
    if isinstance(error, psycopg2.OperationalError):
        return _is_connection_lost(error)
    return isinstance(error, (ConnectionError, TimeoutError))


def _is_connection_lost(error: psycopg2.OperationalError) -> bool:
    if error.pgcode is not None:
        return error.pgcode.startswith("08") or error.pgcode in _PASSING_STATES
    # Without a code: no connection was made, or it broke. A server that refuses a login says FATAL, too.
    text = str(error)
    return bool(_PASSING_REFUSALS.search(text)) or not _LASTING_REFUSALS.search(text)
