"""What is away for a while is waited for; what is wrong is told at once."""

from __future__ import annotations

import logging
from collections.abc import Callable

import psycopg2
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from databricks.sdk.errors import NotFound, TemporarilyUnavailable
from databricks_flows.shared.patience import Patience, ServiceUnreachable, is_unreachable
from httpx import ConnectError, HTTPStatusError, RemoteProtocolError, Request, Response
from sqlalchemy.exc import OperationalError

REFUSED = psycopg2.OperationalError(
    'connection to server at "db" failed: Connection refused\n\tIs the server running?\n'
)


class Clock:
    """A clock that only the pauses move."""

    def __init__(self) -> None:
        self.now = 10_000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    return work


def patience(clock: Clock, seconds: float = 900) -> Patience:
    return Patience(seconds, logger=logging.getLogger(__name__), clock=clock, pause=clock.pause)


def test_what_is_away_is_waited_for_with_growing_pauses() -> None:
    clock = Clock()
    assert patience(clock).outlast(failing(60, REFUSED)) == "done"
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[0] < 1 < clock.pauses[-1]


def test_what_stays_away_is_told_in_one_line() -> None:
    clock = Clock()
    with pytest.raises(ServiceUnreachable) as error:
        patience(clock, 30).outlast(failing(1000, REFUSED))
    assert str(error.value).startswith("No answer for 3")
    assert "\n" not in str(error.value)
    assert 30 < clock.now - 10_000 < 35
    assert not is_unreachable(error.value), "it is not waited for once more"


def test_what_is_wrong_is_told_at_once() -> None:
    clock = Clock()
    with pytest.raises(psycopg2.ProgrammingError):
        patience(clock).outlast(failing(1, psycopg2.ProgrammingError("no such column")))
    assert clock.pauses == []


def test_a_flow_that_ends_waits_for_nothing() -> None:
    clock = Clock()
    ending = patience(clock)
    ending.end()
    with pytest.raises(psycopg2.OperationalError):
        ending.outlast(failing(1, REFUSED))
    assert clock.pauses == []


def client_error(status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": "X", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutObject",
    )


def prefect_error(status: int) -> HTTPStatusError:
    request = Request("GET", "http://prefect/api/block_types/slug/s3-bucket")
    return HTTPStatusError("X", request=request, response=Response(status, request=request))


def raised_from(cause: Exception) -> Exception:
    error = ValueError("wrapped")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "unreachable"),
    [
        (REFUSED, True),
        (psycopg2.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg2.OperationalError("FATAL:  the database system is starting up"), True),
        (psycopg2.OperationalError("FATAL:  sorry, too many clients already"), True),
        (psycopg2.OperationalError('FATAL:  password authentication failed for user "x"'), False),
        (psycopg2.OperationalError('FATAL:  database "x" does not exist'), False),
        (psycopg2.OperationalError('could not translate host name "x" to address'), False),
        (psycopg2.InterfaceError("connection already closed"), True),
        (psycopg2.DataError("invalid input syntax"), False),
        (OperationalError(None, None, REFUSED), True),
        (OperationalError("SELECT 1", {}, Exception("database is locked")), False),
        (EndpointConnectionError(endpoint_url="http://s3"), True),
        (client_error(503), True),
        (client_error(429), True),
        (client_error(403), False),
        (TemporarilyUnavailable("busy"), True),
        (NotFound("no such file"), False),
        (ConnectionResetError(), True),
        (OSError(28, "No space left on device"), False),
        (ConnectError("All connection attempts failed"), True),
        (RemoteProtocolError("Server disconnected without sending a response."), True),
        (prefect_error(503), True),
        (prefect_error(404), False),
        (raised_from(REFUSED), True),
        (ValueError(), False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors_of_the_connection_are_told_apart(error: Exception, unreachable: bool) -> None:
    assert is_unreachable(error) is unreachable
