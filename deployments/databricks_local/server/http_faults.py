"""Injects faults into requests. It is outside of the application, where it can break connections."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from databricks_local.faults.rules import Effect, HttpFault, When
from databricks_local.server.connections import Connections, Peer

FindFault = Callable[[str, str], HttpFault | None]


@dataclass
class Answer:
    """A whole answer, held back."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def record(self, message: Message) -> None:
        """Take what the application sends; an ASGI `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def start(self) -> Message:
        """The first message, with the length of the whole body."""
        kept = [item for item in self.headers if item[0].lower() != b"content-length"]
        length = (b"content-length", str(len(self.body)).encode())
        return {"type": "http.response.start", "status": self.status, "headers": [*kept, length]}


class HttpFaults:
    """Applies the fault rules to each request."""

    def __init__(
        self, app: ASGIApp, find: FindFault, connections: Connections, exempt: tuple[str, ...]
    ) -> None:
        """Set up.

        Args:
            app: The application.
            find: Returns the fault of a request, by method and path.
            connections: The server's connections.
            exempt: The paths that have no faults, such as the one that removes faults.
        """
        self._app = app
        self._find = find
        self._connections = connections
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith(self._exempt):
            fault = self._find(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._inject(fault, scope, receive, send)

    async def _inject(self, fault: HttpFault, scope: Scope, receive: Receive, send: Send) -> None:
        made_up = _made_up(fault)
        # Half an answer needs a whole answer first: the one of the rule, or that of the handler.
        handled = fault.when is When.AFTER or (made_up is None and fault.effect is not Effect.RESET)
        answer = Answer()
        if fault.when is When.BEFORE:
            await asyncio.sleep(fault.delay_seconds)
        if handled:
            await self._app(scope, receive, answer.record)
        if fault.when is When.AFTER:
            await asyncio.sleep(fault.delay_seconds)
        await self._send(fault.effect, made_up or answer, scope["client"], receive, send)

    async def _send(self, effect: Effect, answer: Answer, peer: Peer, receive: Receive, send: Send) -> None:
        if effect is Effect.RESET:
            await _gone(receive, lambda: self._connections.reset(peer))
        elif effect is Effect.HALF:
            await send(answer.start())
            half = bytes(answer.body[: len(answer.body) // 2])
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await _gone(receive, lambda: self._connections.close(peer))
        else:
            await send(answer.start())
            await send({"type": "http.response.body", "body": bytes(answer.body)})


def _made_up(fault: HttpFault) -> Answer | None:
    if not fault.status:
        return None
    headers = [(b"content-type", fault.content_type.encode())]
    if fault.retry_after:
        headers.append((b"retry-after", fault.retry_after.encode()))
    return Answer(fault.status, headers, bytearray(fault.body))


async def _gone(receive: Callable[[], Awaitable[Message]], end: Callable[[], None]) -> None:
    """End a connection, and wait for that: the server logs an error if an application returns earlier."""
    end()
    while (await receive())["type"] != "http.disconnect":
        continue
