"""Brings clean-up work to its end, whatever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

Result = TypeVar("Result")


async def uninterrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for some work to its end. A cancel that comes meanwhile is raised afterwards.

    A shielded scope of anyio is not enough: it holds off the time-out of a flow, but not the cancel of an
    asyncio task, as a signal sends it.

    Args:
        work: The work; it runs as a task of its own.

    Returns:
        What the work returns.

    Raises:
        CancelledError: This was cancelled meanwhile; the work has come to its end.
        Exception: What the work raised.

    Examples:
        >>> async def clean_up() -> str:
        ...     return "clean"
        >>> asyncio.run(uninterrupted(clean_up()))
        'clean'
    """
    task, cancelled = asyncio.create_task(work), False
    # A time-out of anyio would cancel each wait again and again.
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                cancelled = True
    if cancelled:
        raise asyncio.CancelledError from None if task.cancelled() else task.exception()
    return task.result()
