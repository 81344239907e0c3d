"""A cancel of a subflow run by itself is noticed, and ends the work inside."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from databricks_flows.job.cancel_watch import CancelledInPrefect, ending_when_cancelled, until_cancelled

FLOW_RUN = UUID(int=1)


def test_it_is_noticed_within_ten_seconds_however_long_the_run_has_taken() -> None:
    seconds, pauses = 10_000.0, []

    async def is_requested(flow_run_ids: tuple[UUID]) -> bool:
        assert flow_run_ids == (FLOW_RUN,)
        return seconds > 20_000

    async def sleep(pause: float) -> None:
        nonlocal seconds
        seconds += pause
        pauses.append(pause)

    asyncio.run(until_cancelled(FLOW_RUN, is_requested=is_requested, clock=lambda: seconds, sleep=sleep))
    assert min(pauses) == 3
    assert max(pauses) == 10


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
