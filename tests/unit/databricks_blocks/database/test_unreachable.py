"""A database that is away is told apart from one that will never take us, whatever its driver."""

from __future__ import annotations

import socket

import psycopg2
import pytest
from databricks_blocks.database.unreachable import is_unreachable
from sqlalchemy.exc import InterfaceError as SqlInterfaceError
from sqlalchemy.exc import OperationalError as SqlOperationalError


class OperationalError(Exception):
    """As the drivers call it."""


class InterfaceError(Exception):
    """As the drivers call it."""


REFUSED = ConnectionRefusedError(111, "Connection refused")
MOMENT = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def of_driver(error: Exception, cause: Exception | None = None) -> Exception:
    """What SQLAlchemy makes of an error at a connect: it does not say that the connection is lost."""
    error.__context__ = cause
    kind = SqlInterfaceError if isinstance(error, InterfaceError) else SqlOperationalError
    return kind(None, None, error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        # PyMySQL, pg8000 and psycopg 3, in this order, as each was seen to raise it.
        (of_driver(OperationalError(2003, f"Can't connect to MySQL server on 'h' ({REFUSED})")), True),
        (of_driver(InterfaceError("Can't create a connection to host h and port 5432"), REFUSED), True),
        (of_driver(OperationalError('connection to server at "h" failed: Connection refused')), True),
        (of_driver(OperationalError("Can't connect"), MOMENT), True),
        (of_driver(OperationalError("Can't connect"), UNKNOWN), False),
        (of_driver(OperationalError(f"failed to resolve host 'h': {UNKNOWN}")), False),
        (of_driver(OperationalError(1045, "Access denied for user")), False),
        (of_driver(OperationalError("database is locked")), False),
        (of_driver(OperationalError("disk I/O error")), False),
        (of_driver(OperationalError("canceling statement due to statement timeout")), False),
        # psycopg2 without a code of the server.
        (psycopg2.OperationalError("FATAL:  terminating connection due to administrator command\n"), True),
        (
            psycopg2.OperationalError(
                'could not translate host name "h" to address: Temporary failure in name resolution\n'
            ),
            True,
        ),
        (psycopg2.OperationalError('could not translate host name "h": Name or service not known'), False),
        (psycopg2.OperationalError('server at "h" failed: SSL error: certificate verify failed'), False),
        (psycopg2.OperationalError("server does not support SSL, but SSL was required"), False),
        (psycopg2.OperationalError("SSL connection has been closed unexpectedly"), True),
        (MOMENT, True),
        (UNKNOWN, False),
    ],
    ids=lambda value: str(value)[:70],
)  # fmt: skip
def test_errors_of_a_connection(error: Exception, expected: bool) -> None:
    assert is_unreachable(error) is expected


def test_psycopg2_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(psycopg2.OperationalError) as refused:
        psycopg2.connect(host="127.0.0.1", port=port)
    assert is_unreachable(refused.value)
    with pytest.raises(psycopg2.OperationalError) as unknown:
        psycopg2.connect(host="no-such-host.invalid")
    assert is_unreachable(unknown.value) is ("Temporary failure" in str(unknown.value))
