"""Blocking calls in threads: repeated while they get no answer, and finished even after a cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from databricks_blocks.workspace.polling import PollingPolicy, outlive

Result = TypeVar("Result")


class ThreadCalls:
    """Makes blocking calls in threads."""

    def __init__(
        self, policy: PollingPolicy, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._under_way: set[asyncio.Task[Any]] = set()

    async def once(self, call: Callable[[], Result]) -> Result:
        """Make a call once; if the caller is cancelled, the call still comes to its end."""
        made = asyncio.create_task(asyncio.to_thread(call))
        self._under_way.add(made)
        made.add_done_callback(self._ended)
        return await asyncio.shield(made)

    def _ended(self, made: asyncio.Task[Any]) -> None:
        self._under_way.discard(made)
        if not made.cancelled():
            # Look at the error, or asyncio logs that nobody did: after a cancel nobody waits for the call.
            made.exception()

    async def outlive(self, call: Callable[[], Result]) -> Result:
        """Make a call that is safe to repeat, until it is answered."""
        return await outlive(partial(self.once, call), self._policy, clock=self._clock, sleep=self._sleep)

    async def settle(self, seconds: float | None = None) -> None:
        """Wait until no call is under way.

        Args:
            seconds: For how long at most; `None`: until the calls get no answer any more.
        """
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)


def unless_done(call: Callable[[], None], is_done: Callable[[], bool]) -> Callable[[], None]:
    """Make a call safe to repeat: before each further try, look whether an earlier one was heard."""
    tried = False

    def make() -> None:
        nonlocal tried
        if not (tried and is_done()):
            tried = True
            call()

    return make
