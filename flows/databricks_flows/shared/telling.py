"""Tells Prefect what a person sees: artifacts, progress, events. Telling never decides a result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from logging import Logger, LoggerAdapter
from typing import Any

import anyio
from httpx import HTTPError
from prefect import get_run_logger
from prefect.exceptions import PrefectException

AnyLogger = Logger | LoggerAdapter[Any]
"""What `get_run_logger` returns."""
NOT_TOLD = (PrefectException, HTTPError, OSError, RuntimeError, ValueError)
"""What Prefect's client raises when the server is away, refuses, or answers what cannot be read."""


def tell(what: str, send: Callable[[], Any]) -> None:
    """Tell Prefect something; if that fails, it is logged.

    Args:
        what: What is told, for the log: `the chart`.
        send: Sends it, and returns when it is sent.
    """
    try:
        send()
    except NOT_TOLD as error:
        _warn(get_run_logger(), what, error)


class Sender:
    """Tells Prefect things in the background, one after the other. No step waits for it.

    If that fails, it is logged: an artifact is no reason to end a run that costs money.
    """

    def __init__(self) -> None:
        self._last: asyncio.Task[None] | None = None

    def send(self, what: str, work: Coroutine[Any, Any, Any]) -> None:
        """Send something after all that was sent before.

        Args:
            what: What is sent, for the log: `the link to the run`.
            work: Sends it.
        """
        self._last = asyncio.create_task(_in_order(self._last, what, work, get_run_logger()))

    async def sent(self) -> None:
        """Wait until all is sent, or could not be sent.

        A cancel does not lose what is under way.
        """
        if self._last is not None:
            with anyio.CancelScope(shield=True):
                await asyncio.shield(self._last)


async def _in_order(
    before: asyncio.Task[None] | None, what: str, work: Coroutine[Any, Any, Any], logger: AnyLogger
) -> None:
    try:
        if before is not None:
            await before
        await work
    except NOT_TOLD as error:
        _warn(logger, what, error)
    finally:
        # If the flow ends before it was its turn, Python would warn that it was never awaited.
        work.close()


def _warn(logger: AnyLogger, what: str, error: Exception) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    logger.warning("Prefect does not show %s: %s", what, reason)
