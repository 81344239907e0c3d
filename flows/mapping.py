"""Mapped tasks in an async flow: one task run an item, awaited without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from prefect import Task
from prefect.futures import PrefectFutureList, as_completed, wait

from .progress import Progress, report

Result = TypeVar("Result")


async def map_step(task: Task[..., Result], *items: Sequence[Any], **arguments: Any) -> list[Result]:
    """Map a sync task over items, and report each task run that ends.

    Args:
        task: The task.
        *items: Values of its first parameters, one sequence a parameter, all of one length.
        **arguments: Values of its other parameters, the same for every task run; wrap them in `unmapped` if
            they are iterable.

    Returns:
        The results, in the order of the items.

    Raises:
        Exception: What the first task run that failed raised, once all have ended. If the flow is cancelled,
            too, the task runs have ended when this returns: none writes after the clean-up.
    """
    futures: PrefectFutureList[Any] = task.map(*items, **arguments)
    try:
        await asyncio.to_thread(_report_each, task.name, futures)
    except asyncio.CancelledError:
        await asyncio.to_thread(wait, list(futures))
        raise
    return [future.result() for future in futures]


def _report_each(name: str, futures: PrefectFutureList[Any]) -> None:
    for done, _ in enumerate(as_completed(list(futures)), start=1):
        report(Progress(name, done, len(futures)))
