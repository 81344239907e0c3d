"""Answers requests at the sockets of a workspace until it is told to end."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from databricks_local.server.connections import Connections
from databricks_local.server.tls import TlsFiles

SHUTDOWN_SECONDS = 1
KEEP_ALIVE_SECONDS = 120
"""Longer than Sail keeps an unused connection (90 s): it repeats no request that meets its end."""


class InnerServer(uvicorn.Server):
    """A server that ends with another one, which hears the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def answer(
    app: ASGIApp,
    connections: Connections,
    listener: socket.socket,
    tls: TlsFiles | None,
    inner: socket.socket | None,
) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Args:
        app: The application.
        connections: Notes the connections.
        listener: Where the workspace listens.
        tls: Its certificates; None without TLS.
        inner: Where it listens besides, without TLS, for processes of its own.
    """
    server = uvicorn.Server(_config(app, connections, tls, lifespan="auto"))
    if inner is None:
        await server.serve(sockets=[listener])
        return
    besides = InnerServer(_config(app, connections, None, lifespan="off"))
    with inner:
        serving = asyncio.create_task(besides.serve(sockets=[inner]))
        await server.serve(sockets=[listener])
        besides.should_exit = True
        await serving


def _config(
    app: ASGIApp, connections: Connections, tls: TlsFiles | None, lifespan: Literal["auto", "off"]
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=connections.protocol(),
        lifespan=lifespan,
        proxy_headers=False,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
