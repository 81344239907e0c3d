"""Which Prefect server a command records its runs in."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbflow.local.errors import StackError


@contextmanager
def prefect_api() -> Iterator[None]:
    """Use the server that the user has configured, else that of the local stack, else a temporary one."""
    # The log of a run is in the Prefect UI; the terminal shows its progress. Prefect reads it when imported.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    # The SDK warns of workspaces that do not describe themselves, which older ones do not.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if PREFECT_API_URL.value():
        yield
        return
    with temporary_settings(_stack_settings() or _ephemeral_settings()):
        yield


def _stack_settings() -> dict[Any, Any] | None:
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

    try:
        from dbflow.local.stack import LocalStack

        stack = LocalStack()
        if not any(service.name == "prefect" and service.state == "healthy" for service in stack.status()):
            return None
        server = stack.endpoints().prefect
    except StackError:  # not installed, or not up as a whole
        return None
    return {PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.auth_string}


def _ephemeral_settings() -> dict[Any, Any]:
    from prefect.settings import PREFECT_SERVER_ALLOW_EPHEMERAL_MODE

    return {PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True}
