"""A storage that misbehaves: a proxy before the real one that delays, refuses, cuts and holds requests."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"

Misbehave = Callable[["Exchange"], None]


@dataclass
class Fault:
    """What happens to some requests.

    Attributes:
        method: Their method.
        part: Text that the path or the query has.
        misbehave: What is done in place of passing them on.
        times: How many of them.
        after: How many pass before.
        applied: How many have met it.
    """

    method: str
    part: str
    misbehave: Misbehave
    times: int = 1
    after: int = 0
    applied: int = 0


@dataclass
class FaultyStorage:
    """A running proxy."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, method: str, part: str, misbehave: Misbehave, times: int = 1, after: int = 0) -> Fault:
        fault = Fault(method, part, misbehave, times, after)
        self.faults.append(fault)
        return fault

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.method != method or fault.part not in path or fault.applied >= fault.times:
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.applied += 1
                return fault
        return None


class Exchange(BaseHTTPRequestHandler):
    """One request, and what may be done with it."""

    protocol_version = "HTTP/1.1"
    server: Any

    def handle_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.storage.fault_of(self.command, self.path)
        (fault.misbehave if fault else Exchange.pass_on)(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - names of http.server

    def pass_on(self, in_the_middle: Callable[[], Any] | None = None, *, cut: bool = False) -> None:
        """Ask the real storage, and answer as it does, whole or only to the middle."""
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            # The host stays: it is part of what is signed.
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            upstream.request(self.command, self.path, self.body, headers)
            response = upstream.getresponse()
            self._answer(response, response.read(), in_the_middle, cut=cut)
        finally:
            upstream.close()

    def _answer(
        self,
        response: http.client.HTTPResponse,
        body: bytes,
        in_the_middle: Callable[[], Any] | None,
        *,
        cut: bool,
    ) -> None:
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = response.headers.get("Content-Length") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if in_the_middle:
            in_the_middle()
        if cut:
            self.reset()
        else:
            self.wfile.write(body[len(body) // 2 :])

    def refuse(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """Break the connection off."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests look at what came of it."""


def slow_down(exchange: Exchange) -> None:
    exchange.refuse(503, SLOW_DOWN)


def denied(exchange: Exchange) -> None:
    exchange.refuse(403, DENIED)


def broken(exchange: Exchange) -> None:
    exchange.refuse(500, BROKEN)


def reset(exchange: Exchange) -> None:
    exchange.reset()


def cut(exchange: Exchange) -> None:
    exchange.pass_on(cut=True)


def late(seconds: float) -> Misbehave:
    """Pass on what nobody waits for any more."""

    def answer_late(exchange: Exchange) -> None:
        threading.Event().wait(seconds)
        exchange.reset()

    return answer_late


def hold(until: threading.Event) -> Misbehave:
    """Do nothing, for as long as a test wants."""

    def answer_never(exchange: Exchange) -> None:
        until.wait(60)
        exchange.reset()

    return answer_never


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that went away is what the tests are about."""


@contextmanager
def faulty_storage(endpoint_url: str) -> Iterator[FaultyStorage]:
    """Put a proxy before a storage."""
    with _Server(("127.0.0.1", 0), Exchange) as server:
        storage = FaultyStorage(f"http://127.0.0.1:{server.server_port}")
        vars(server).update(storage=storage, upstream=urlsplit(endpoint_url).netloc)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield storage
        finally:
            server.shutdown()
            thread.join()
