"""The open connections of the server, so that faults can break them."""

import asyncio
import socket
import struct

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]

_NO_LINGER = struct.pack("ii", 1, 0)


class Connections:
    """The transports of the server by the address of their client. ASGI gives an application no access."""

    def __init__(self) -> None:
        self._transports: dict[Peer, asyncio.BaseTransport] = {}

    def protocol(self) -> type[H11Protocol]:
        """The HTTP protocol that notes its connections here; for `uvicorn.Config(http=...)`."""
        transports = self._transports

        class NotedProtocol(H11Protocol):
            """HTTP/1.1 that registers each connection."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    transports[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    transports.pop(self.client, None)
                super().connection_lost(exc)

        return NotedProtocol

    def reset(self, peer: Peer) -> None:
        """Reset a connection. Data that was sent before may be lost."""
        transport = self._transports.get(peer)
        if isinstance(transport, asyncio.WriteTransport):
            connected = transport.get_extra_info("socket")
            if connected is not None:
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            transport.abort()

    def close(self, peer: Peer) -> None:
        """Close a connection after the sent data has left."""
        transport = self._transports.get(peer)
        if transport is not None:
            transport.close()
