"""The progress of a flow run: for a listener in this process, and as an artifact in the Prefect UI."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from databricks_flows.shared.telling import Sender


@dataclass(frozen=True)
class Progress:
    """The progress of one step.

    Attributes:
        step: Name of the step.
        done: How many of its parts are done.
        total: How many parts it has.
        detail: What is happening now, in a few words.
    """

    step: str
    done: int
    total: int
    detail: str = ""


Listener = Callable[[Progress], None]
_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)
_hearer: ContextVar[Callable[[str], None] | None] = ContextVar("hearer", default=None)


@contextmanager
def listening(listener: Listener, hear: Callable[[str], None] | None = None) -> Iterator[None]:
    """Tell a person at this process what the flows that run inside this context do.

    Args:
        listener: Shows the progress. Several threads may call it.
        hear: Is told in a line what happens, such as a repair.
    """
    tokens = _listener.set(listener), _hearer.set(hear)
    try:
        yield
    finally:
        _listener.reset(tokens[0])
        _hearer.reset(tokens[1])


def report(progress: Progress) -> None:
    """Tell the listener, if there is one."""
    if listener := _listener.get():
        listener(progress)


def say(line: str) -> None:
    """Tell a line to whoever hears, if there is somebody."""
    if hear := _hearer.get():
        hear(line)


@dataclass
class Steps:
    """The steps of one flow run, one after the other, and the seconds that each took.

    Attributes:
        names: All steps, in order.
        sender: Sends the progress to Prefect.
        seconds: Duration by name, of the steps that have ended.
    """

    names: tuple[str, ...]
    sender: Sender
    seconds: dict[str, float] = field(default_factory=dict)
    _artifact_id: UUID | None = None

    @asynccontextmanager
    async def step(self, name: str, total: int = 1) -> AsyncIterator[None]:
        """Time a step, and report its start and its end."""
        if not self.seconds:
            self._send()
        report(Progress(name, 0, total))
        started = time.monotonic()
        yield
        self._done(name, total, time.monotonic() - started)

    def skip(self, name: str, total: int = 1) -> None:
        """Report a step as done that an earlier attempt of the flow run has done."""
        self._done(name, total, 0.0)

    def _done(self, name: str, total: int, seconds: float) -> None:
        self.seconds[name] = seconds
        report(Progress(name, total, total))
        self._send()

    def _send(self) -> None:
        percent = 100 * len(self.seconds) / len(self.names)
        self.sender.send("the progress of the steps", self._show(percent))

    async def _show(self, percent: float) -> None:
        if self._artifact_id is None:
            self._artifact_id = await acreate_progress_artifact(
                progress=percent, key="progress", description=f"Steps: {', '.join(self.names)}"
            )
        else:
            await aupdate_progress_artifact(self._artifact_id, progress=percent)
