"""Why a flow is interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import FrameType
from typing import Any
from uuid import uuid4

import pytest
from databricks_flows.job.interruption import is_cancel_requested, noticing_sigterm
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
def raising_handler() -> Iterator[None]:
    def handle(_: int, __: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, handle)
    yield
    assert signal.getsignal(signal.SIGTERM) is handle
    signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def noticed_in(work: Coroutine[Any, Any, None]) -> list[str]:
    """What is noticed around some work, and how it ends."""
    seen = []
    try:
        async with noticing_sigterm() as sigterm:
            try:
                await work
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            finally:
                seen.append(f"received: {sigterm.received}")
    except _Terminated:
        seen.append("terminated")
    await asyncio.sleep(0)
    return seen


async def terminated_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(terminate)
    await asyncio.Event().wait()


async def terminated_in_a_task_beside() -> None:
    async def beside() -> None:
        terminate()
        await asyncio.Event().wait()

    beside_it = asyncio.create_task(beside())
    try:
        await asyncio.Event().wait()
    finally:
        beside_it.cancel()


async def terminated_in_its_last_step() -> None:
    terminate()


@pytest.mark.usefixtures("raising_handler")
@pytest.mark.parametrize("work", [terminated_in_a_callback, terminated_in_a_task_beside])
def test_a_sigterm_ends_the_work_wherever_it_arrives(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    assert asyncio.run(noticed_in(work())) == ["cancelled", "received: True", "terminated"]


@pytest.mark.usefixtures("raising_handler")
def test_a_sigterm_in_the_last_step_is_handed_on() -> None:
    assert asyncio.run(noticed_in(terminated_in_its_last_step())) == ["received: True", "terminated"]


@pytest.mark.usefixtures("raising_handler")
def test_a_second_sigterm_is_not_waited_with() -> None:
    async def slow_to_clean_up() -> None:
        try:
            await terminated_in_a_callback()
        finally:
            terminate()
            await asyncio.Event().wait()

    assert asyncio.run(noticed_in(slow_to_clean_up())) == ["received: True", "terminated"]


@pytest.mark.usefixtures("raising_handler")
def test_all_that_goes_on_at_once_is_ended() -> None:
    async def both() -> list[list[str]]:
        return list(
            await asyncio.gather(noticed_in(terminated_in_a_callback()), noticed_in(asyncio.sleep(600)))
        )

    assert asyncio.run(both()) == [["cancelled", "received: True", "terminated"]] * 2


@pytest.mark.usefixtures("raising_handler")
def test_another_cancel_is_left_alone() -> None:
    async def cancelled_by_somebody() -> None:
        async with asyncio.timeout(0):
            async with noticing_sigterm():
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled_by_somebody())


@pytest.mark.usefixtures("raising_handler")
def test_a_subflow_and_its_parent_both_notice_the_signal() -> None:
    noticed: list[bool] = []

    async def parent() -> None:
        async with noticing_sigterm() as outer:
            try:
                await noticed_in(terminated_in_a_callback())
            finally:
                noticed.append(outer.received)

    with pytest.raises(_Terminated):
        asyncio.run(parent())
    assert noticed == [True]


@pytest.mark.usefixtures("raising_handler")
def test_a_signal_after_the_subflow_is_noticed_by_the_parent() -> None:
    async def parent() -> None:
        async with noticing_sigterm() as outer:
            async with noticing_sigterm():
                pass
            try:
                await terminated_in_a_callback()
            finally:
                assert outer.received

    with pytest.raises(_Terminated):
        asyncio.run(parent())
