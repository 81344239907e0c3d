"""Calls a function of the user's with custom messages, one after the other, so that it holds nothing up."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from databricks_blocks.pipes.protocol import CustomMessage
from prefect import get_run_logger

from databricks_flows.pipes.memory import Heard


class MessageCalls:
    """The calls of one session, in the order of the messages."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        """Set up.

        Args:
            function: Is called with each payload.
        """
        self._function = function
        self._waiting: deque[Heard] = deque()
        self._called: list[Heard] = []
        self._work: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether the function was called with all messages."""
        return not self._waiting

    def call(self, heard: Heard) -> None:
        """Call the function in the background, after all calls before.

        Args:
            heard: A custom message.
        """
        self._waiting.append(heard)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._call_all())

    def take_called(self) -> list[Heard]:
        """The messages that the function was called with since this was asked last."""
        called, self._called = self._called, []
        return called

    async def ended(self, seconds: float) -> int:
        """Wait for the calls; how many are left.

        Args:
            seconds: How long this may take.
        """
        if self._work is not None:
            await asyncio.wait([self._work], timeout=seconds)
            self._work.cancel()
        return len(self._waiting)

    async def _call_all(self) -> None:
        while self._waiting:
            message = self._waiting[0][1].message
            if isinstance(message, CustomMessage):
                await _call(self._function, message.payload)
            self._called.append(self._waiting.popleft())


async def _call(function: Callable[[Any], Any], payload: Any) -> None:
    """Call it; a sync one in a thread."""
    try:
        if inspect.iscoroutinefunction(function):
            await function(payload)
            return
        answer = await asyncio.to_thread(function, payload)
        if isinstance(answer, Awaitable):
            await answer
    except Exception:  # noqa: BLE001 - code of the user's; an error in it is no reason to end a run
        get_run_logger().exception("on_message failed; the run goes on")
