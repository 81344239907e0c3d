"""What changes the catalog is asked for once; an answer that does not come is one clear error."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from databricks_local.runtime.tables.catalog.client import CatalogClient, CatalogError, NoAnswerError

NAMES = ("main", "default", "t")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Takes one request a connection, and closes the connection with an answer or without one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                text = b""
                while b"\r\n\r\n" not in text:
                    text += connection.recv(65536)
                self.asked.append(text.split(b" ")[0].decode())
                connection.sendall(self.answers.pop(0) if self.answers else b"")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_what_changes_something_is_sent_once(server: Server) -> None:
    client = CatalogClient(server.origin, "token")
    with pytest.raises(NoAnswerError, match="Whether it was done is not known") as raised:
        client.create("tables", {"name": "t"})
    assert raised.value.code == "TEMPORARILY_UNAVAILABLE"
    with pytest.raises(NoAnswerError):
        client.update("tables", NAMES, {})
    with pytest.raises(NoAnswerError):
        client.delete("tables", NAMES)
    assert server.asked == ["POST", "PATCH", "DELETE"]


def test_a_connection_that_the_server_has_closed_is_no_error(server: Server) -> None:
    client = CatalogClient(server.origin, "token")
    server.answers = [OK, OK, OK]
    assert client.find("tables", NAMES) == {}
    # The server closes what it has answered.
    assert client.find("tables", NAMES) == {}
    assert client.create("tables", {"name": "t"}) == {}
    assert server.asked == ["GET", "GET", "POST"]


def test_a_server_that_is_gone_is_one_line(server: Server) -> None:
    server.close()
    with pytest.raises(NoAnswerError, match="The catalog of the workspace does not answer") as raised:
        CatalogClient(server.origin, "token").find("tables", NAMES)
    assert "\n" not in str(raised.value)


def test_an_answer_of_something_between_is_no_traceback(server: Server) -> None:
    server.answers = [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\n<no>"]
    with pytest.raises(CatalogError, match="HTTP 502: <no>"):
        CatalogClient(server.origin, "token").find("tables", NAMES)
