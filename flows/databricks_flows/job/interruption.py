"""Why a flow is interrupted: somebody cancelled it, or its process was told to end (SIGTERM)."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any
from uuid import UUID

from databricks_blocks.private_prefect import hand_over_sigterm
from httpx import HTTPError
from prefect import get_client
from prefect.exceptions import PrefectException


@dataclass
class Sigterm:
    """Whether the process was told to end.

    Attributes:
        received: Whether a SIGTERM arrived.
    """

    received: bool = False


class _Handler:
    """Handles SIGTERM: cancels the tasks that were added, or else calls the handler that was there before."""

    def __init__(self) -> None:
        self._noticing: dict[asyncio.Task[Any], Sigterm] = {}
        self._before: Callable[[int, FrameType | None], Any] | None = None

    def add(self, task: asyncio.Task[Any]) -> Sigterm:
        """Cancel this task when a SIGTERM arrives.

        If nobody handles the signal, it is left so: it ends the process at once.
        """
        before = signal.getsignal(signal.SIGTERM)
        if before is not self and callable(before):
            self._before = before
            signal.signal(signal.SIGTERM, self)
            hand_over_sigterm(before, self)
        return self._noticing.setdefault(task, Sigterm())

    def remove(self, task: asyncio.Task[Any]) -> None:
        """Leave this task alone from now on.

        The handler before is put back only if this one is still in place: the engines of other subflows
        replace it, too.
        """
        del self._noticing[task]
        before = self._before
        if not self._noticing and before is not None and signal.getsignal(signal.SIGTERM) is self:
            signal.signal(signal.SIGTERM, before)
            hand_over_sigterm(self, before)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Cancel each task once. A second signal goes to the handler before this one, at once."""
        waiting = {task: noticed for task, noticed in self._noticing.items() if not noticed.received}
        for task, noticed in waiting.items():
            noticed.received = True
            task.get_loop().call_soon_threadsafe(task.cancel)
        if not waiting:
            self.hand_on(number, frame)

    def hand_on(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Call the handler that was there before."""
        if self._before is not None:
            self._before(number, frame)


_HANDLER = _Handler()


@asynccontextmanager
async def noticing_sigterm() -> AsyncIterator[Sigterm]:
    """On a SIGTERM, cancel the work inside, and then call the handler that was there before.

    Prefect's own handler raises an exception wherever the process happens to be. In another task, or in a
    callback of the event loop, this exception is lost, and the flow goes on. Outside of the main thread this
    does nothing: no signal arrives there.
    """
    task = asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield Sigterm()
        return
    noticed = _HANDLER.add(task)
    try:
        yield noticed
    except asyncio.CancelledError:
        if not noticed.received:
            raise
    finally:
        _HANDLER.remove(task)
        if noticed.received:
            # The cancel may not have arrived yet.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            task.uncancel()
            _HANDLER.hand_on()


async def is_cancel_requested(flow_run_ids: Sequence[UUID]) -> bool:
    """Whether one of these flow runs was cancelled, as far as the Prefect server knows.

    A server that does not answer counts as no.
    """
    try:
        async with get_client() as client:
            states = [(await client.read_flow_run(flow_run_id)).state for flow_run_id in flow_run_ids]
    except (PrefectException, HTTPError, OSError):
        return False
    return any(state is not None and (state.is_cancelling() or state.is_cancelled()) for state in states)
