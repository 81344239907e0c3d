"""A host where nothing answers is told in seconds, in one line; a wrong login says so."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.workspace import reachable
from databricks_blocks.workspace.api_errors import api_errors
from databricks_blocks.workspace.block import DatabricksWorkspace, named_client
from databricks_blocks.workspace.reachable import check_answers, reachable_client, reason_of


@pytest.fixture
def closed() -> Iterator[str]:
    """A port that is bound, so that nobody else gets it, and where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class _Absent(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def old_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A host that answers, and knows none of the paths."""
    server = HTTPServer(("127.0.0.1", 0), _Absent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_where_nothing_listens_it_is_asked_twice(closed: str) -> None:
    pauses: list[float] = []
    with pytest.raises(DatabricksUnreachable) as told:
        check_answers(closed, pauses.append)
    assert str(told.value).startswith(f"nothing answers at {closed}: connection refused. Check the host")
    assert pauses == [1.0]


def test_a_host_that_is_silent_is_not_waited_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "_SECONDS_FOR_AN_ANSWER", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DatabricksUnreachable, match=f"nothing answers at {host}: it is silent"):
            check_answers(host, lambda _: pytest.fail("asked twice"))


def test_any_answer_will_do(old_host: str) -> None:
    check_answers(f"{old_host}/", lambda _: pytest.fail("asked twice"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            requests.ConnectionError("(Caused by X('…: [Errno -2] Name or service not known'))"),
            "name or service not known",
        ),
        (requests.ConnectTimeout("…"), "it is silent"),
        (requests.exceptions.SSLError("…"), "its certificate is not trusted, or it does not speak https"),
        (
            requests.exceptions.ProxyError("OSError('[Errno 111] Connection refused')"),
            "the proxy: connection refused",
        ),
        (requests.exceptions.InvalidURL("…"), "InvalidURL"),
    ],
)
def test_the_reason_is_a_few_words(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_the_workspace_of_the_environment_is_asked_before_the_sdk_tries_for_minutes(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", closed)
    monkeypatch.setenv("DATABRICKS_TOKEN", "t")
    began = time.monotonic()
    with pytest.raises(DatabricksUnreachable, match=f"nothing answers at {closed}"):
        reachable_client("")
    assert time.monotonic() - began < 15


def test_a_client_of_a_host_that_is_away_is_made_in_seconds_and_tries_as_long_as_always(closed: str) -> None:
    began = time.monotonic()
    client = DatabricksWorkspace(databricks_instance=closed, token="t").workspace_client()
    assert time.monotonic() - began < 15
    assert (client.config.http_timeout_seconds, client.config.retry_timeout_seconds) == (30, 30)
    assert client.api_client._api_client._retry_timeout_seconds == 30


def test_a_host_without_oauth_says_so(old_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    block = DatabricksWorkspace(databricks_instance=old_host, client_id="id", client_secret="hidden")
    with pytest.raises(DatabricksUnreachable) as told:
        block.workspace_client()
    assert str(told.value).startswith(f"{old_host} does not say where service principals log in")
    monkeypatch.setenv("DATABRICKS_HOST", old_host)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "id")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "hidden")
    with pytest.raises(DatabricksUnreachable, match="does not say where service principals log in"):
        named_client("")


def test_a_refused_login_is_told_and_other_errors_are_let_through() -> None:
    with (
        pytest.raises(DatabricksRunRefused, match="https://dbc refused the login of the service principal"),
        api_errors("https://dbc", "jobs/list"),
    ):
        raise ValueError("invalid_client: Client authentication failed")
    with pytest.raises(ValueError, match=r"^something else$"), api_errors("https://dbc", "jobs/list"):
        raise ValueError("something else")
