"""Watch a run until it ends: one poller for each run, however many tasks it has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import DEFAULT_POLLING, PollingPolicy, watch


async def watch_run(
    read: Callable[[], Mapping[str, Any]],
    *,
    policy: PollingPolicy = DEFAULT_POLLING,
    on_change: Callable[[RunSnapshot], Awaitable[None]] | None = None,
    is_over: Callable[[RunSnapshot], bool] = lambda run: run.state.is_terminal,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> RunSnapshot:
    """Read a run again and again until it has ended.

    Args:
        read: Reads the run; called in a thread.
        policy: When to read it, and how long to put up with no answer.
        on_change: Awaited with every state of the run that differs from the one before.
        is_over: Whether the run has ended. After a repair it may look ended for minutes (airflow#68358).
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Returns:
        The run as it ended, well or not.

    Raises:
        DatabricksUnreachable: There was no answer for longer than the policy allows. The run may go on.
        DatabricksRunRefused: There is no such run, or no permission to read it.
    """
    return await watch(
        lambda: RunSnapshot.from_json(read()),
        policy=policy,
        on_change=on_change,
        is_over=is_over,
        clock=clock,
        sleep=sleep,
    )
