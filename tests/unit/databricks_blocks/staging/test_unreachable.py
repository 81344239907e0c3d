"""A storage that is away is told apart from one that will never be reached, by what the libraries raise."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from databricks_blocks.staging.refusals import refusal
from databricks_blocks.staging.unreachable import is_unreachable
from databricks_flows.shared.patience import is_unreachable as is_waited_for
from databricks_local.server.tls import ensure_certificates


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does one thing with each connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def by_botocore(url: str) -> None:
    config = Config(retries={"max_attempts": 0, "mode": "standard"}, proxies={})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, config=config, **keys).list_buckets()


def by_requests(url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, timeout=5)


LIBRARIES = pytest.mark.parametrize("ask", [by_botocore, by_requests])


def raised(ask: Callable[[str], None], url: str) -> Exception:
    with pytest.raises((BotoCoreError, requests.RequestException)) as caught:
        ask(url)
    return caught.value


@LIBRARIES
def test_a_certificate_that_is_not_trusted_is_told_at_once(
    ask: Callable[[str], None], tmp_path: Path
) -> None:
    files = ensure_certificates(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with listening(lambda connection: context.wrap_socket(connection, server_side=True).close()) as port:
        error = raised(ask, f"https://localhost:{port}")
    assert not is_unreachable(error)
    assert not is_waited_for(error)
    told = refusal(error, "list", "s3://bucket")
    assert told is not None
    assert told.startswith("s3://bucket: its certificate is not trusted; name the certificate authority")


@LIBRARIES
def test_a_server_without_tls_is_told_at_once(ask: Callable[[str], None]) -> None:
    def answer_in_the_clear(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with listening(answer_in_the_clear) as port:
        error = raised(ask, f"https://localhost:{port}")
    assert not is_waited_for(error)


@LIBRARIES
def test_an_encrypted_connection_that_breaks_is_waited_for(ask: Callable[[str], None]) -> None:
    with listening(lambda connection: connection.close()) as port:
        assert is_waited_for(raised(ask, f"https://localhost:{port}"))


@LIBRARIES
def test_a_refused_connection_is_waited_for(ask: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert is_waited_for(raised(ask, f"http://127.0.0.1:{port}"))


def test_a_time_out_that_the_databricks_sdk_makes_of_an_untrusted_certificate_is_told_at_once() -> None:
    error = TimeoutError("Timed out after 0:05:00")
    assert is_waited_for(error)
    error.__cause__ = requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    assert not is_waited_for(error)
