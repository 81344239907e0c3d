"""Why a flow is interrupted: somebody cancelled it, or its process was told to end (SIGTERM, SIGHUP)."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any
from uuid import UUID

from databricks_blocks.private_prefect import hand_over_sigterm
from httpx import HTTPError
from prefect import get_client
from prefect.exceptions import PrefectException

from databricks_flows.job.lost_console import outlive_console

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

    def is_active(self, termination: Termination | None) -> bool:
        """Whether a flow still notices signals with this object."""
        return any(termination is active for active in self._noticing.values())

    def add(self, task: asyncio.Task[Any]) -> Termination:
        """Cancel this task when a SIGTERM or SIGHUP arrives."""
        self.install()
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

    def remove(self, task: asyncio.Task[Any]) -> None:
        """Leave this task alone from now on.

        A handler before is put back only if this one is still in place: the engines of other subflows
        replace it, too.
        """
        del self._noticing[task]
        if self._noticing:
            return
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
    one, as in a subflow, the outer one acts, and both tell the same. Outside of the main thread it notices
    nothing: no signal arrives there.

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
    elif task is None or not in_main_thread:
        yield Termination()
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
                task.uncancel()
                _HANDLER.hand_on(termination.number)


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


async def is_deployed(flow_run_ids: Sequence[UUID]) -> bool:
    """Whether a flow run belongs to a run of a deployment. A subflow has no deployment of its own.

    Args:
        flow_run_ids: The flow run and its parents, as in `CallIdentity.flow_run_ids`.
    """
    async with get_client() as client:
        for flow_run_id in flow_run_ids:
            if (await client.read_flow_run(flow_run_id)).deployment_id is not None:
                return True
    return False
