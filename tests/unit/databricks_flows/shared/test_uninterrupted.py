"""What cleans up comes to its end, and what came meanwhile is raised afterwards."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from databricks_flows.shared.uninterrupted import uninterrupted


class CleanUp:
    """Work in three steps."""

    def __init__(self, error: Exception | None = None) -> None:
        self.steps = 0
        self._error = error

    async def run(self) -> str:
        for _ in range(3):
            await asyncio.sleep(0.01)
            self.steps += 1
        if self._error:
            raise self._error
        return "clean"


def test_it_gives_the_result_or_the_error_of_the_work() -> None:
    assert asyncio.run(uninterrupted(CleanUp().run())) == "clean"
    with pytest.raises(LookupError, match="its own"):
        asyncio.run(uninterrupted(CleanUp(LookupError("its own")).run()))


@pytest.mark.parametrize("error", [None, LookupError("its own")])
@pytest.mark.parametrize("times", [1, 2])
def test_a_cancel_of_the_task_waits(times: int, error: Exception | None) -> None:
    work = CleanUp(error)

    async def cancelled() -> None:
        waiting = asyncio.create_task(uninterrupted(work.run()))
        for _ in range(times):
            await asyncio.sleep(0.005)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await waiting
        assert raised.value.__cause__ is error

    asyncio.run(cancelled())
    assert work.steps == 3


def test_a_time_out_of_anyio_around_it_waits() -> None:
    work = CleanUp()

    async def timed_out() -> bool:
        with anyio.move_on_after(0.005) as scope:
            try:
                await anyio.sleep(60)
            finally:
                await uninterrupted(work.run())
        return scope.cancelled_caught

    assert asyncio.run(timed_out())
    assert work.steps == 3


def test_a_time_out_of_asyncio_around_it_waits() -> None:
    work = CleanUp()

    async def timed_out() -> None:
        async with asyncio.timeout(0.005):
            await uninterrupted(work.run())

    with pytest.raises(TimeoutError):
        asyncio.run(timed_out())
    assert work.steps == 3
