"""When to ask the workspace again, and for how long to put up with no answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from databricks_blocks.errors import DatabricksUnreachable

Result = TypeVar("Result")


class PollingPolicy(BaseModel):
    """How a run is watched."""

    model_config = ConfigDict(frozen=True)

    floor: float = Field(default=0.2, gt=0, description="Shortest pause between two looks, in seconds.")
    share: float = Field(
        default=0.05, ge=0, le=1, description="Pause as a share of the time that the run has taken so far."
    )
    cap: float = Field(default=30.0, gt=0, description="Longest pause, in seconds.")
    max_unreachable: float = Field(
        default=900.0,
        ge=0,
        description="Seconds for which the workspace may fail to answer, or to show a repair.",
    )

    def pause(self, elapsed: float) -> float:
        """Seconds to wait before the next look, `elapsed` seconds after the launch."""
        return min(max(self.share * elapsed, self.floor), self.cap)

    def gives_up(self, unreachable: float) -> bool:
        """Whether `unreachable` seconds without an answer are too many."""
        return unreachable > self.max_unreachable


DEFAULT_POLLING = PollingPolicy()


async def outlive(
    call: Callable[[], Awaitable[Result]],
    policy: PollingPolicy = DEFAULT_POLLING,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Result:
    """Make a call that is safe to repeat, until it is answered.

    Args:
        call: The call.
        policy: When to repeat it, and how long to put up with no answer.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Raises:
        DatabricksUnreachable: There was no answer for longer than the policy allows.
    """
    since = clock()
    while True:
        try:
            return await call()
        except DatabricksUnreachable:
            waited = clock() - since
            if policy.gives_up(waited):
                raise
            await sleep(policy.pause(waited))


async def watch(
    read: Callable[[], Result],
    *,
    policy: PollingPolicy = DEFAULT_POLLING,
    on_change: Callable[[Result], Awaitable[None]] | None = None,
    is_over: Callable[[Result], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Result:
    """Read something again and again until it is over.

    Args:
        read: Reads it; called in a thread.
        policy: When to read it, and how long to put up with no answer.
        on_change: Awaited with every reading that differs from the one before.
        is_over: Whether a reading is the last one.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Returns:
        The last reading.

    Raises:
        DatabricksUnreachable: There was no answer for longer than the policy allows.
        DatabricksRunRefused: It is not there, or there is no permission to read it.
    """
    started = answered = clock()
    seen: Result | None = None
    while True:
        try:
            found = await asyncio.to_thread(read)
        except DatabricksUnreachable:
            if policy.gives_up(clock() - answered):
                raise
        else:
            answered = clock()
            if found != seen:
                seen = found
                if on_change is not None:
                    await on_change(found)
            if is_over(found):
                return found
        await sleep(policy.pause(clock() - started))
