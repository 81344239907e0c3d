"""A cancel that reaches the process in no other way is noticed, and ends the work inside."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from databricks_flows.ending.cancel_watch import (
    SECONDS_OF_THE_WORKER,
    PrefectUnreachable,
    ending_when_cancelled,
    until_cancelled,
)
from databricks_flows.ending.endings import CancelledInPrefect

SUBFLOW, PARENT = UUID(int=1), UUID(int=2)


class Time:
    """A clock that only the pauses move."""

    def __init__(self) -> None:
        self.now = 10_000.0
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def waited(self, cancelled: Callable[[float], set[UUID]], *, deployed: bool = False) -> float:
        """Seconds until a cancel ends the wait.

        Args:
            cancelled: What Prefect answers after so many seconds.
            deployed: Whether a worker started the outermost flow run.
        """

        async def cancelled_among(flow_run_ids: Sequence[UUID]) -> set[UUID]:
            assert flow_run_ids == (SUBFLOW, PARENT)
            return cancelled(self.now - 10_000)

        asyncio.run(
            until_cancelled(
                (SUBFLOW, PARENT),
                deployed=deployed,
                max_unreachable=900,
                cancelled_among=cancelled_among,
                clock=lambda: self.now,
                sleep=self.sleep,
            )
        )
        return self.now - 10_000


def test_it_is_noticed_within_ten_seconds_however_long_the_run_has_taken() -> None:
    time = Time()
    assert 10_000 < time.waited(lambda seconds: {SUBFLOW} if seconds > 10_000 else set()) < 10_010
    assert min(time.pauses) == 3
    assert max(time.pauses) == 10


@pytest.mark.parametrize(
    ("cancelled", "deployed", "seconds"),
    [
        (SUBFLOW, False, 0),
        (SUBFLOW, True, 0),
        (PARENT, False, 0),
        (PARENT, True, SECONDS_OF_THE_WORKER),
    ],
)
def test_a_worker_that_is_there_is_left_to_end_its_process(
    cancelled: UUID, deployed: bool, seconds: float
) -> None:
    waited = Time().waited(lambda _: {cancelled}, deployed=deployed)
    assert seconds <= waited < seconds + 11


def test_a_server_that_answers_again_ends_nothing() -> None:
    def away_for_ten_minutes(seconds: float) -> set[UUID]:
        if 100 < seconds < 700 or 800 < seconds < 1600:
            raise ConnectionError("All connection attempts failed")
        return {SUBFLOW} if seconds > 2000 else set()

    assert Time().waited(away_for_ten_minutes) > 2000


def test_a_server_that_stays_away_ends_the_wait_with_one_line() -> None:
    def gone(seconds: float) -> set[UUID]:
        if seconds > 100:
            raise ConnectionError("All connection attempts failed")
        return set()

    time = Time()
    with pytest.raises(PrefectUnreachable) as error:
        time.waited(gone)
    assert 1000 <= time.now - 10_000 < 1020
    assert re.fullmatch(
        r"The Prefect server has not answered for 90\d s\. The Databricks run goes on: "
        r"a retry of the flow run finds it\. All connection attempts failed",
        str(error.value),
    )


def test_what_ends_the_wait_ends_the_work() -> None:
    async def work() -> None:
        async def gone() -> None:
            raise PrefectUnreachable("away")

        async with ending_when_cancelled(gone):
            await asyncio.sleep(60)

    with pytest.raises(PrefectUnreachable, match="away"):
        asyncio.run(work())


def test_the_work_ends_before_the_cancel_is_told() -> None:
    cleaned_up = False

    async def work() -> None:
        nonlocal cleaned_up
        async with ending_when_cancelled(lambda: asyncio.sleep(0)):
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                cleaned_up = True

    async def still_works() -> None:
        with pytest.raises(CancelledInPrefect):
            await work()
        # No cancel is left over for what follows.
        await asyncio.sleep(0.01)

    asyncio.run(still_works())
    assert cleaned_up


def test_a_cancel_that_arrives_at_the_very_end_counts_too() -> None:
    async def work() -> None:
        noticed = asyncio.Event()

        async def cancelled() -> None:
            noticed.set()

        async with ending_when_cancelled(cancelled):
            await noticed.wait()

    with pytest.raises(CancelledInPrefect):
        asyncio.run(work())


def test_work_that_is_not_cancelled_gives_its_result_or_error() -> None:
    async def work(*, fails: bool) -> int:
        async with ending_when_cancelled(lambda: asyncio.sleep(60)):
            await asyncio.sleep(0)
            if fails:
                raise LookupError("its own")
            return 7

    assert asyncio.run(work(fails=False)) == 7
    with pytest.raises(LookupError, match="its own"):
        asyncio.run(work(fails=True))


def test_a_cancel_by_somebody_else_stays_a_cancel() -> None:
    async def work() -> None:
        async with ending_when_cancelled(lambda: asyncio.sleep(60)):
            await asyncio.sleep(60)

    async def cancel() -> None:
        working = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(cancel())
