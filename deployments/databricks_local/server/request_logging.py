"""Notes the requests that are made in the log."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from databricks_local.access.request_log import RequestLog


class RequestLogging:
    """Notes each request in the log, except those whose path `is_quiet`."""

    def __init__(self, app: ASGIApp, log: RequestLog, is_quiet: Callable[[str], bool]) -> None:
        self._app = app
        self._log = log
        self._is_quiet = is_quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or self._is_quiet(scope["path"]):
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def noted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, noted_send)
        finally:
            seconds = time.perf_counter() - started
            self._log.note(scope["method"], scope["path"], scope["query_string"], status, seconds)
