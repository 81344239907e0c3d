"""Asks again and again until something is true, up to a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from databricks_blocks.csv.faults import InputError


class NotTrueInTime(TimeoutError):
    """Raised when what a task waited for was not true in time."""


async def until_true(
    ask: Callable[[], Awaitable[bool]],
    what: str,
    *,
    seconds_between: float,
    timeout_seconds: float | None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Ask until the answer is yes.

    Args:
        ask: Asks.
        what: What is waited for, for the message.
        seconds_between: Seconds between an answer and the next question.
        timeout_seconds: Seconds after which no further question is asked; the last one is asked just then.
            0: one question. `None`: no limit.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Returns:
        How many questions it took.

    Raises:
        InputError: There would be no pause.
        NotTrueInTime: The answer to the last question was no.
    """
    if seconds_between <= 0:
        raise InputError(f"seconds_between must be more than 0, but is {seconds_between}")
    began, asked = clock(), 0
    while True:
        asked += 1
        if await ask():
            return asked
        waited = clock() - began
        if timeout_seconds is not None and waited >= timeout_seconds:
            times = "once" if asked == 1 else f"{asked} times in {waited:.0f} s"
            raise NotTrueInTime(f"{what} is not there: asked {times}")
        left = seconds_between if timeout_seconds is None else timeout_seconds - waited
        await sleep(min(seconds_between, left))
