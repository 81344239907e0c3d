"""How a command ends a flow that runs in it."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

import pytest
from dbflow.run import Terminated, run_until_terminated
from prefect.exceptions import TerminationSignal


def raise_signal() -> None:
    raise TerminationSignal(signal.SIGTERM)


async def flow_run(events: list[str]) -> None:
    asyncio.get_running_loop().call_soon(raise_signal)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        events.append("cancelled")
        await asyncio.sleep(0)
        events.append("cleaned up")
        raise


def test_a_signal_that_is_lost_in_a_callback_cancels_the_flow() -> None:
    events: list[str] = []
    began = time.monotonic()
    with pytest.raises(Terminated):
        run_until_terminated(flow_run(events))
    assert time.monotonic() - began < 30
    assert events == ["cancelled", "cleaned up"]


def test_a_signal_that_reaches_the_flow_ends_it() -> None:
    async def interrupted() -> None:
        await asyncio.sleep(0)
        raise_signal()

    with pytest.raises(Terminated):
        run_until_terminated(interrupted())


def test_a_cancel_that_is_no_signal_stays_one() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_terminated(cancelled())


def test_other_errors_of_callbacks_are_reported_and_end_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("of a callback")

    async def completes() -> int:
        asyncio.get_running_loop().call_soon(fail)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        return 1

    assert run_until_terminated(completes()) == 1
    assert "of a callback" in caplog.text
