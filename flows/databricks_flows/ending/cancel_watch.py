"""Notices a cancel that reaches the process in no other way.

Prefect tells the process only of a cancel of the outermost flow run, and only while its worker is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.workspace.polling import PollingPolicy

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.ending.interruption import NO_ANSWER, cancelled_among

LOOKS = PollingPolicy(floor=3, cap=10)
"""Seldom enough for many runs at once, often enough for a person who waits."""
SECONDS_OF_THE_WORKER = 45.0
"""A worker that is there ends a cancelled process within this time: Prefect kills it after 30 s."""


class PrefectUnreachable(DatabricksJobError):
    """Raised when the Prefect server did not answer for too long; the Databricks run goes on."""


async def until_cancelled(
    flow_run_ids: Sequence[UUID],
    *,
    deployed: bool,
    max_unreachable: float,
    cancelled_among: Callable[[Sequence[UUID]], Awaitable[set[UUID]]] = cancelled_among,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait until a flow run or one around it is cancelled.

    Args:
        flow_run_ids: The flow run and its parents, the outermost last.
        deployed: Whether the outermost one was started by a worker. Its cancel is the worker's to carry out;
            only if the worker is gone, it ends this wait.
        max_unreachable: Seconds for which the Prefect server may fail to answer.
        cancelled_among: Asks which flow runs were cancelled.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Raises:
        PrefectUnreachable: The Prefect server did not answer for longer than that.
    """
    of_the_worker = {flow_run_ids[-1]} if deployed else set()
    since = answered = clock()
    told_to_worker: float | None = None
    while True:
        try:
            cancelled = await cancelled_among(flow_run_ids)
            answered = clock()
        except NO_ANSWER as error:
            cancelled = set()
            if (away := clock() - answered) > max_unreachable:
                raise PrefectUnreachable(
                    f"The Prefect server has not answered for {away:.0f} s. The Databricks run goes on: "
                    f"a retry of the flow run finds it. {error}"
                ) from error
        if cancelled - of_the_worker:
            return
        if cancelled:
            told_to_worker = told_to_worker or clock()
            if clock() - told_to_worker > SECONDS_OF_THE_WORKER:
                return
        await sleep(LOOKS.pause(clock() - since))


@asynccontextmanager
async def ending_when_cancelled(cancelled: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Cancel the work inside when a person cancels its flow run, or nobody can tell any more.

    Args:
        cancelled: Waits until that happens.

    Raises:
        CancelledInPrefect: The flow run was cancelled; the work inside has come to its end.
        Exception: What the wait raised; the work inside has come to its end.
    """
    task = asyncio.current_task()
    end: Exception | None = None

    async def watch() -> None:
        nonlocal end
        try:
            await cancelled()
            end = CancelledInPrefect()
        except Exception as error:  # noqa: BLE001 - raised below, in the task that does the work
            end = error
        if task is not None:
            task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if end is None:
            raise
    finally:
        watching.cancel()
    if end is not None and task is not None:
        # The cancel may not have arrived yet.
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        if task.uncancel():
            raise asyncio.CancelledError
        raise end
