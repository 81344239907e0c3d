"""Why a flow is interrupted: cancelled by somebody, or its process told to go."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from uuid import UUID

from httpx import HTTPError
from prefect import get_client
from prefect.exceptions import PrefectException


@dataclass
class Sigterm:
    """Whether the process was told to end."""

    received: bool = False


@contextmanager
def noticing_sigterm() -> Iterator[Sigterm]:
    """Note a SIGTERM, and leave it to whoever handles it.

    Prefect turns it into an exception that may reach a coroutine as a mere cancellation, like that of a
    time-out or of Ctrl-C. Outside of the main thread there is nothing to note: no signal arrives there.
    """
    noticed = Sigterm()
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield noticed
        return

    def note(number: int, frame: FrameType | None) -> None:
        noticed.received = True
        before(number, frame)

    signal.signal(signal.SIGTERM, note)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGTERM, before)


async def is_cancel_requested(flow_run_ids: Sequence[UUID]) -> bool:
    """Whether the Prefect server knows of a cancel of one of these flow runs; no, if it does not answer."""
    try:
        async with get_client() as client:
            states = [(await client.read_flow_run(flow_run_id)).state for flow_run_id in flow_run_ids]
    except (PrefectException, HTTPError, OSError):
        return False
    return any(state is not None and (state.is_cancelling() or state.is_cancelled()) for state in states)
