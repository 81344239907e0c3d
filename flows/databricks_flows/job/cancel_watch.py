"""Notices that a person cancelled a subflow run by itself.

Prefect tells the process only of a cancel of the outermost flow run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from databricks_blocks.workspace.polling import PollingPolicy

from databricks_flows.job.interruption import is_cancel_requested

LOOKS = PollingPolicy(floor=3, cap=10)
"""Seldom enough for many runs at once, often enough for a person who waits."""


class CancelledInPrefect(Exception):
    """Raised in place of what was going on when its flow run was cancelled."""


async def until_cancelled(
    flow_run_id: UUID,
    *,
    is_requested: Callable[[tuple[UUID]], Awaitable[bool]] = is_cancel_requested,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait until a flow run is cancelled.

    Args:
        flow_run_id: The flow run.
        is_requested: Whether one of some flow runs was cancelled.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.
    """
    since = clock()
    while not await is_requested((flow_run_id,)):
        await sleep(LOOKS.pause(clock() - since))


@asynccontextmanager
async def ending_when_cancelled(cancelled: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Cancel the work inside when a person cancels its flow run.

    Args:
        cancelled: Waits until that happens.

    Raises:
        CancelledInPrefect: The flow run was cancelled; the work inside has come to its end.
    """
    task, noticed = asyncio.current_task(), False

    async def watch() -> None:
        nonlocal noticed
        await cancelled()
        noticed = True
        if task is not None:
            task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not noticed:
            raise
    finally:
        watching.cancel()
    if noticed and task is not None:
        # The cancel may not have arrived yet.
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        if task.uncancel():
            raise asyncio.CancelledError
        raise CancelledInPrefect
