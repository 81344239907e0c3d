"""Runs tasks of which each may fail without ending the flow."""

from __future__ import annotations

import asyncio
from typing import ParamSpec, TypeVar, cast

from prefect import Task
from prefect.futures import PrefectFuture, wait

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def attempt(
    task: Task[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result | Exception:
    """Run a sync task once.

    Returns:
        What the task returned, or the error that it raised.
    """
    future: PrefectFuture[Result] = task.submit(*arguments, **named)
    await asyncio.to_thread(wait, [future])
    return cast("Result | Exception", future.result(raise_on_failure=False))


def first_line(error: BaseException) -> str:
    """Say in one line what went wrong."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
