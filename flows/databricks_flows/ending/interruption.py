"""Why a flow is interrupted: somebody cancelled it, or its process was told to end (SIGTERM, SIGHUP)."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any
from uuid import UUID

from databricks_blocks.private_prefect import hand_over_sigterm, is_cancel_announced, is_task_runner_ending
from httpx import HTTPError
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.exceptions import PrefectException, TerminationSignal

from databricks_flows.ending.lost_console import outlive_console
from databricks_flows.shared.uninterrupted import uninterrupted

NO_ANSWER = (PrefectException, HTTPError, OSError)
"""What a Prefect server that does not answer is told by."""
SECONDS_TO_CLEAN_UP = 60.0
"""Flows of one process leave it together after a signal; one that takes longer is not waited for."""
_SECONDS_BETWEEN_LOOKS = 0.5
_SignalHandler = Callable[[int, FrameType | None], Any]

# Windows has no SIGHUP.
_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


@dataclass
class Termination:
    """Whether the process was told to end.

    Attributes:
        number: The signal that arrived first, SIGTERM or SIGHUP. `None`: neither.
    """

    number: signal.Signals | None = None

    @property
    def received(self) -> bool:
        """Whether a SIGTERM or SIGHUP arrived."""
        return self.number is not None


class _Handler:
    """Handles SIGTERM, SIGHUP and Ctrl-C while flows notice them.

    The first SIGTERM or SIGHUP cancels the tasks of the flows. The first Ctrl-C goes to the handler before
    this one, which cancels the main task. Signals after the first are ignored, so that they do not interrupt
    the clean-up: a closed terminal alone sends several.
    """

    def __init__(self) -> None:
        self._noticing: dict[asyncio.Task[Any], Termination] = {}
        self._before: dict[int, Any] = {}
        self._ending = False
        self._all_left = asyncio.Event()

    def is_active(self, termination: Termination | None) -> bool:
        """Whether a flow still notices signals with this object."""
        return any(termination is active for active in self._noticing.values())

    def add(self, task: asyncio.Task[Any]) -> Termination:
        """Cancel this task when a SIGTERM or SIGHUP arrives."""
        self.install()
        if not self._noticing:
            self._all_left = asyncio.Event()
        self._noticing[task] = Termination()
        return self._noticing[task]

    def install(self) -> None:
        """Take the place of the handlers, also of those that the engine of a subflow has put in place.

        Where nobody handles SIGTERM, this changes nothing: the signal ends the process at once. A SIGHUP or
        Ctrl-C that is ignored, as by `nohup`, stays so.
        """
        self._replace(signal.SIGTERM, callable)
        self._replace(signal.SIGINT, callable)
        terminable = signal.getsignal(signal.SIGTERM) is self
        if _HANGUP is not None and terminable:
            self._replace(_HANGUP, _is_not_ignored)

    def _replace(self, number: int, is_wanted: Callable[[Any], bool]) -> None:
        before = signal.getsignal(number)
        if before is not self and is_wanted(before):
            self._before[number] = before
            _put_in_place(number, before, self)

    async def others_end(self) -> None:
        """Wait until no flow cleans up any more: the signal ends the process, and with it all of them."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_left.wait(), SECONDS_TO_CLEAN_UP)

    def remove(self, task: asyncio.Task[Any]) -> None:
        """Leave this task alone from now on.

        A handler before is put back only if this one is still in place: the engines of other subflows
        replace it, too.
        """
        del self._noticing[task]
        if self._noticing:
            return
        self._all_left.set()
        self._ending = False
        for number, before in self._before.items():
            if signal.getsignal(number) is self:
                _put_in_place(number, self, before)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self._noticing:
            self.hand_on(number, frame)
        elif not self._ending:
            self._ending = True
            if number == signal.SIGINT:
                self.hand_on(number, frame)
                return
            for task, termination in self._noticing.items():
                termination.number = signal.Signals(number)
                task.get_loop().call_soon_threadsafe(task.cancel)

    def hand_on(self, number: int, frame: FrameType | None = None) -> None:
        """Call the handler that was there before. SIGHUP goes where SIGTERM goes.

        Prefect handles SIGTERM only. It ends the flow run as crashed, and then the process by the signal that
        it was given.
        """
        before: _SignalHandler = self._before[signal.SIGTERM if number == _HANGUP else number]
        before(number, frame)


def _put_in_place(number: int, before: Any, handler: Any) -> None:
    signal.signal(number, handler)
    if number == signal.SIGTERM:
        hand_over_sigterm(before, handler)


def _is_not_ignored(handler: Any) -> bool:
    return handler is not None and handler is not signal.SIG_IGN


_HANDLER = _Handler()
_noticed_outside: ContextVar[Termination | None] = ContextVar("noticed_outside", default=None)


@asynccontextmanager
async def noticing_termination() -> AsyncIterator[Termination]:
    """On a SIGTERM or SIGHUP, cancel the work inside, and then call the handler that was there before.

    Prefect's own handler raises an exception wherever the process happens to be. In another task, or in a
    callback of the event loop, this exception is lost, and the flow goes on. While the work inside cleans
    up, further signals and Ctrl-C are ignored.

    It goes around the whole body of a flow, which from then on outlives its console, too. Inside of another
    one, as in a subflow, the outer one acts, and both tell the same. Flows that notice the same signal beside
    each other leave together, when all have cleaned up. No signal arrives in other threads: there, the work
    inside is cancelled when the flow ends that has submitted the task of the thread.

    Yields:
        Whether the process was told to end.

    Examples:
        >>> async def body() -> None:
        ...     async with noticing_termination() as termination:
        ...         try:
        ...             print("work")
        ...         except BaseException:
        ...             print("the process was told to end:", termination.received)
        ...             raise
        >>> asyncio.run(body())
        work
    """
    outlive_console()
    task, outside = asyncio.current_task(), _noticed_outside.get()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if outside is not None and _HANDLER.is_active(outside):
        if in_main_thread:
            _HANDLER.install()
        yield outside
    elif task is None:
        yield Termination()
    elif not in_main_thread:
        async with _noticing_in_a_thread(task) as termination:
            yield termination
    else:
        termination = _HANDLER.add(task)
        token = _noticed_outside.set(termination)
        try:
            yield termination
        finally:
            _noticed_outside.reset(token)
            _HANDLER.remove(task)
            if termination.number is not None:
                # The cancel may not have arrived yet.
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
                with suppress(asyncio.CancelledError):
                    await uninterrupted(_HANDLER.others_end())
                while task.uncancel():
                    pass
                _HANDLER.hand_on(termination.number)


@asynccontextmanager
async def _noticing_in_a_thread(task: asyncio.Task[Any]) -> AsyncIterator[Termination]:
    """Cancel the work inside when the flow ends that has submitted the task of this thread."""
    termination = Termination()

    async def watch() -> None:
        while not is_task_runner_ending():  # noqa: ASYNC110 - Prefect has no event of this loop for it
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        if _is_main_thread_terminated():
            termination.number = signal.SIGTERM
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield termination
    finally:
        watching.cancel()


def _is_main_thread_terminated() -> bool:
    """Whether the main thread handles the exception that Prefect raises on a SIGTERM."""
    active = sys._current_exceptions().get(threading.main_thread().ident or 0)
    # Before Python 3.12 it is a triple, as that of `sys.exc_info`.
    return isinstance(active[1] if isinstance(active, tuple) else active, TerminationSignal)


async def cancelled_among(flow_run_ids: Sequence[UUID]) -> set[UUID]:
    """Ask Prefect which of some flow runs were cancelled.

    Args:
        flow_run_ids: Ids of flow runs, 200 at most.

    Raises:
        PrefectException: The server does not answer; also `HTTPError` and `OSError`.
    """
    some = FlowRunFilter(id=FlowRunFilterId(any_=list(flow_run_ids)))
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=some)
    return {run.id for run in found if run.state and (run.state.is_cancelling() or run.state.is_cancelled())}


async def is_cancel_requested(flow_run_ids: Sequence[UUID]) -> bool:
    """Whether one of these flow runs was cancelled, as far as the runner or the Prefect server tells.

    A server that does not answer counts as no.
    """
    if is_cancel_announced():
        return True
    try:
        return bool(await cancelled_among(flow_run_ids))
    except NO_ANSWER:
        return False
