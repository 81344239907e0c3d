"""Why a flow is interrupted."""

from __future__ import annotations

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.interruption import is_cancel_requested


class _Refuses(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("server", ["answers with an error", "does not listen"])
def test_a_prefect_server_that_is_away_knows_of_no_cancel(server: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuses) as listening:
        url = f"http://127.0.0.1:{listening.server_port}/api"
        Thread(target=listening.serve_forever, daemon=True).start()
        if server == "does not listen":
            listening.shutdown()
            listening.server_close()
        with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
            assert asyncio.run(is_cancel_requested([uuid4()])) is False
        listening.shutdown()
