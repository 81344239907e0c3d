"""Why a flow is interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio import CancelledError
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import FrameType
from typing import Any
from uuid import uuid4

import pytest
from databricks_flows.ending import interruption
from databricks_flows.ending.interruption import is_cancel_requested, noticing_termination
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings


class _Refuses(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("server", ["answers with an error", "does not listen"])
def test_a_prefect_server_that_is_away_knows_of_no_cancel(server: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuses) as listening:
        url = f"http://127.0.0.1:{listening.server_port}/api"
        Thread(target=listening.serve_forever, daemon=True).start()
        if server == "does not listen":
            listening.shutdown()
            listening.server_close()
        with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
            assert asyncio.run(is_cancel_requested([uuid4()])) is False
        listening.shutdown()


class _Terminated(BaseException):
    """What the handler of the tests raises, as that of Prefect does."""


@pytest.fixture
def raising_handler() -> Iterator[list[int]]:
    """The signals that were handed on to the handler of SIGTERM, which raises."""
    handled = []

    def handle(number: int, _: FrameType | None) -> None:
        handled.append(number)
        raise _Terminated

    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield handled
    assert signal.getsignal(signal.SIGTERM) is handle
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    for number, handler in before.items():
        signal.signal(number, handler)


SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
Work = Callable[[int], Coroutine[Any, Any, None]]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


async def noticed_in(work: Coroutine[Any, Any, None]) -> list[str]:
    """What is noticed around some work, and how it ends."""
    seen = []
    try:
        async with noticing_termination() as termination:
            try:
                await work
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            finally:
                seen.append(f"received: {termination.received}")
    except _Terminated:
        seen.append("terminated")
    await asyncio.sleep(0)
    return seen


async def signalled_in_a_callback(number: int) -> None:
    asyncio.get_running_loop().call_soon(send, number)
    await asyncio.Event().wait()


async def signalled_in_a_task_beside(number: int) -> None:
    async def beside() -> None:
        send(number)
        await asyncio.Event().wait()

    beside_it = asyncio.create_task(beside())
    try:
        await asyncio.Event().wait()
    finally:
        beside_it.cancel()


async def signalled_in_the_last_step(number: int) -> None:
    send(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("work", [signalled_in_a_callback, signalled_in_a_task_beside])
def test_a_termination_ends_the_work_wherever_it_arrives(
    raising_handler: list[int], work: Work, number: signal.Signals
) -> None:
    assert asyncio.run(noticed_in(work(number))) == ["cancelled", "received: True", "terminated"]
    assert raising_handler == [number]


@pytest.mark.usefixtures("raising_handler")
def test_a_termination_in_the_last_step_is_handed_on() -> None:
    work = signalled_in_the_last_step(signal.SIGTERM)
    assert asyncio.run(noticed_in(work)) == ["received: True", "terminated"]


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_leaves_the_clean_up_alone(
    raising_handler: list[int], first: signal.Signals, second: signal.Signals
) -> None:
    cleaned_up = []

    async def slow_to_clean_up() -> None:
        try:
            await signalled_in_a_callback(first)
        finally:
            send(second)
            await asyncio.sleep(0.01)
            cleaned_up.append(True)

    assert asyncio.run(noticed_in(slow_to_clean_up())) == ["cancelled", "received: True", "terminated"]
    assert cleaned_up == [True]
    assert raising_handler == [first]


@pytest.mark.usefixtures("raising_handler")
def test_ctrl_c_is_a_cancel_and_a_second_one_leaves_the_clean_up_alone() -> None:
    seen: list[str] = []

    async def slow_to_clean_up() -> None:
        try:
            await signalled_in_a_callback(signal.SIGINT)
        finally:
            send(signal.SIGINT)
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    async def flow() -> None:
        async with noticing_termination() as termination:
            try:
                await slow_to_clean_up()
            finally:
                seen.append(f"received: {termination.received}")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(flow())
    assert seen == ["cleaned up", "received: False"]


@pytest.mark.usefixtures("raising_handler")
def test_all_that_goes_on_at_once_is_ended() -> None:
    async def both() -> list[list[str]]:
        work = signalled_in_a_callback(signal.SIGTERM)
        return list(await asyncio.gather(noticed_in(work), noticed_in(asyncio.sleep(600))))

    assert asyncio.run(both()) == [["cancelled", "received: True", "terminated"]] * 2


@pytest.mark.usefixtures("raising_handler")
def test_those_that_go_on_at_once_leave_when_all_have_cleaned_up() -> None:
    seen = []

    async def cleans_up(steps: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(steps):
                await asyncio.sleep(0)
            seen.append("cleaned up")

    async def left(steps: int) -> None:
        await noticed_in(cleans_up(steps))
        seen.append("left")

    async def both() -> None:
        asyncio.get_running_loop().call_later(0.01, send, signal.SIGTERM)
        await asyncio.gather(left(1), left(100))

    asyncio.run(both())
    assert seen == ["cleaned up", "cleaned up", "left", "left"]


def test_in_the_thread_of_a_task_the_work_ends_with_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Event()
    monkeypatch.setattr(interruption, "is_task_runner_ending", ends.is_set)
    with ThreadPoolExecutor(1) as executor:
        ended = executor.submit(asyncio.run, noticed_in(asyncio.sleep(60)))
        ends.set()
        with pytest.raises(CancelledError):
            ended.result(10)


@pytest.mark.parametrize("beside", [False, True], ids=["in the same task", "in a task beside"])
def test_inside_another_one_the_outer_one_acts_and_both_tell_the_same(
    raising_handler: list[int], beside: bool
) -> None:
    seen = []

    async def subflow() -> None:
        async with noticing_termination() as termination:
            try:
                await signalled_in_a_callback(signal.SIGHUP)
            finally:
                await asyncio.sleep(0.01)  # clean up
                seen.append(termination.received)

    async def parent() -> None:
        await (asyncio.create_task(subflow()) if beside else subflow())

    assert asyncio.run(noticed_in(parent())) == ["cancelled", "received: True", "terminated"]
    assert seen == [True]
    assert raising_handler == [signal.SIGHUP]


@pytest.mark.usefixtures("raising_handler")
def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    async def go_on() -> None:
        send(signal.SIGHUP)
        await asyncio.sleep(0)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert asyncio.run(noticed_in(go_on())) == ["received: False"]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.usefixtures("raising_handler")
def test_another_cancel_is_left_alone() -> None:
    async def cancelled_by_somebody() -> None:
        async with asyncio.timeout(0):
            async with noticing_termination():
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled_by_somebody())
