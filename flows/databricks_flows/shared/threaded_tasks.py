"""Runs sync tasks in an async flow: in threads, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import anyio
from prefect import Task, get_run_logger
from prefect.futures import PrefectFuture, as_completed, wait

from databricks_flows.shared.patience import end_patience
from databricks_flows.shared.progress import Progress, report

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def run_task(
    task: Task[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """Run a sync task once.

    Args:
        task: The task.
        *arguments: Its arguments.
        **named: Its named arguments.

    Returns:
        What the task returned.

    Raises:
        Exception: What the task raised.
    """
    future: PrefectFuture[Result] = task.submit(*arguments, **named)
    await _in_thread(lambda: wait([future]), [future])
    return future.result()


async def map_task(task: Task[..., Result], *items: Sequence[Any], **named: Any) -> list[Result]:
    """Map a sync task over items, one task run for each, and report the progress.

    Args:
        task: The task.
        *items: Values of its first parameters, one sequence for each parameter, all of the same length.
        **named: Values of its other parameters, the same for all task runs. Wrap iterables in `unmapped`.

    Returns:
        The results, in the order of the items.

    Raises:
        Exception: The error of the first task run that failed, raised when all have ended.
    """
    futures: list[PrefectFuture[Result]] = list(task.map(*items, **named))
    await _in_thread(lambda: _report_each(task.name, futures), futures)
    return [future.result() for future in futures]


async def _in_thread(wait_for_all: Callable[[], Any], futures: list[PrefectFuture[Result]]) -> None:
    """Wait for task runs, even when the flow is cancelled: none of them may write after the clean-up."""
    try:
        await asyncio.to_thread(wait_for_all)
    except BaseException:
        end_patience()
        under_way = sum(not future.state.is_final() for future in futures)
        get_run_logger().warning("The flow run is ending; it waits for %d task runs under way", under_way)
        # A time-out of the flow would cancel this wait, too.
        with anyio.CancelScope(shield=True):
            await asyncio.to_thread(wait, futures)
        raise


def _report_each(step: str, futures: list[PrefectFuture[Result]]) -> None:
    for done, _ in enumerate(as_completed(futures), start=1):
        report(Progress(step, done, len(futures)))
