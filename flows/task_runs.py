"""Sync tasks in an async flow: run in threads, awaited without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.futures import PrefectFuture, as_completed, wait

from .progress import Progress, report

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def run_task(
    task: Task[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """Run a sync task once.

    Raises:
        Exception: What the task raised.
    """
    future: PrefectFuture[Result] = task.submit(*arguments, **named)
    await _ended([future], Progress(task.name, 0, 1))
    return future.result()


async def map_task(task: Task[..., Result], *items: Sequence[Any], **named: Any) -> list[Result]:
    """Map a sync task over items: one task run an item.

    Args:
        task: The task.
        *items: Values of its first parameters, one sequence a parameter, all of one length.
        **named: Values of its other parameters, the same for every task run; wrap them in `unmapped` if they
            are iterable.

    Returns:
        The results, in the order of the items.

    Raises:
        Exception: What the first task run that failed raised, once all have ended.
    """
    futures: list[PrefectFuture[Result]] = list(task.map(*items, **named))
    await _ended(futures, Progress(task.name, 0, len(futures)))
    return [future.result() for future in futures]


async def _ended(futures: list[PrefectFuture[Result]], start: Progress) -> None:
    """Wait until all have ended, even if the flow is cancelled: none may write after the clean-up."""

    def report_each() -> None:
        for done, _ in enumerate(as_completed(futures), start=1):
            report(Progress(start.step, done, start.total))

    try:
        await asyncio.to_thread(report_each)
    except asyncio.CancelledError:
        await asyncio.to_thread(wait, futures)
        raise
