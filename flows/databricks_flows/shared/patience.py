"""Outlives a database, a storage or a Prefect server that is away: one notion of patience for all steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from threading import Event
from typing import ParamSpec, TypeVar

from databricks_blocks.database.unreachable import is_unreachable as is_database_unreachable
from databricks_blocks.staging.unreachable import is_unreachable as is_storage_unreachable
from databricks_blocks.staging.unreachable import is_untrusted
from databricks_blocks.workspace.polling import PollingPolicy
from httpx import HTTPStatusError, TransportError
from prefect import get_run_logger

from databricks_flows.shared.telling import AnyLogger

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

MAX_UNREACHABLE = PollingPolicy().max_unreachable
"""Seconds for which a database or a storage may fail to answer: as many as a Databricks workspace."""


class ServiceUnreachable(RuntimeError):
    """Raised when a database or a storage did not answer for too long; nothing is wrong with the data."""


class Patience:
    """Repeats what is safe to repeat, for as long as a database or a storage may be away."""

    def __init__(
        self,
        max_unreachable: float = MAX_UNREACHABLE,
        *,
        logger: AnyLogger | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """Begin, with all of the patience.

        Args:
            max_unreachable: Seconds without an answer that are put up with.
            logger: Logs that something is away. `None`: that of the current flow or task run.
            clock: Seconds that only grow.
            pause: Waits for a number of seconds. `None`: until `end` is called, at most.
        """
        self._polling = PollingPolicy(max_unreachable=max_unreachable)
        self._logger = logger
        self._clock = clock
        self._ended = Event()
        self._pause = pause or self._ended.wait

    @property
    def has_ended(self) -> bool:
        """Whether the flow run is ending."""
        return self._ended.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, or until the flow run ends."""
        self._pause(seconds)

    def end(self) -> None:
        """Have no more patience: the flow run is ending. Who waits gets the error at once."""
        self._ended.set()

    def outlast(self, work: Callable[[], Result]) -> Result:
        """Do some work that is safe to repeat, again and again while the other side does not answer.

        Raises:
            ServiceUnreachable: It did not answer for longer than `max_unreachable`.
        """
        since: float | None = None
        while True:
            try:
                result = work()
            except Exception as error:
                if self.has_ended or not is_unreachable(error):
                    raise
                since = self._clock() if since is None else since
                self._wait_or_give_up(error, self._clock() - since)
            else:
                if since is not None:
                    self._log().info("It answers again, after %.0f s", self._clock() - since)
                return result

    def _wait_or_give_up(self, error: Exception, away: float) -> None:
        reason = " ".join(str(error).split())
        if self._polling.gives_up(away):
            raise ServiceUnreachable(f"No answer for {away:.0f} s: {reason}") from error
        if not away:
            most = self._polling.max_unreachable
            self._log().warning("No answer; trying again for up to %.0f s: %s", most, reason)
        self.pause(self._polling.pause(away))

    def _log(self) -> AnyLogger:
        return self._logger or get_run_logger()


_current: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def having_patience(max_unreachable: float) -> Iterator[Patience]:
    """Let the steps that run inside this context share a patience.

    Args:
        max_unreachable: Seconds for which a database or a storage may fail to answer.
    """
    patience = Patience(max_unreachable)
    token = _current.set(patience)
    try:
        yield patience
    finally:
        _current.reset(token)


def patient(step: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Repeat a step while its database or storage is away. The step has to be safe to repeat."""

    @wraps(step)
    def outlasting(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        return current_patience().outlast(partial(step, *arguments, **named))

    return outlasting


def current_patience() -> Patience:
    """The patience of the flow run, or a new one outside of flows that have one."""
    return _current.get() or Patience()


def end_patience() -> None:
    """Let the steps of the flow run that is ending wait for nothing any more."""
    if patience := _current.get():
        patience.end()


def is_unreachable(error: BaseException) -> bool:
    """Whether a database, a storage or Prefect did not answer, so that asking again can help.

    Steps ask Prefect for their blocks.

    Args:
        error: The error. What it was raised from counts, too: libraries wrap the errors of a connection.
    """
    if isinstance(error, ServiceUnreachable) or is_untrusted(error):
        return False
    if is_database_unreachable(error) or is_storage_unreachable(error) or _is_prefect_unreachable(error):
        return True
    return error.__cause__ is not None and is_unreachable(error.__cause__)


def _is_prefect_unreachable(error: BaseException) -> bool:
    if isinstance(error, HTTPStatusError):
        return error.response.is_server_error
    return isinstance(error, TransportError)
