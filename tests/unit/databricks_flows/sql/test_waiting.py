"""How often is asked until something is true, and when that ends."""

from __future__ import annotations

import asyncio

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.sql.waiting import NotTrueInTime, until_true


class _Clock:
    def __init__(self, seconds_an_answer: float = 0) -> None:
        self.now, self.slept, self._seconds = 0.0, list[float](), seconds_an_answer

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def answers(self, *answers: bool):  # type: ignore[no-untyped-def]
        given = iter(answers)

        async def ask() -> bool:
            self.now += self._seconds
            return next(given)

        return ask


def wait(clock: _Clock, *answers: bool, timeout: float | None, between: float = 60) -> int:
    return asyncio.run(
        until_true(
            clock.answers(*answers),
            "the partition",
            seconds_between=between,
            timeout_seconds=timeout,
            clock=clock,
            sleep=clock.sleep,
        )
    )


@pytest.mark.parametrize(
    ("answers", "timeout", "slept"),
    [
        ([True], 0, []),
        ([True], None, []),
        ([False, False, True], None, [60, 60]),
        ([False, False, True], 1000, [60, 60]),
        # The last question is asked when the time is over, not before.
        ([False, False, True], 90, [60, 30]),
    ],
)
def test_it_is_asked_until_it_is_true(answers: list[bool], timeout: float | None, slept: list[float]) -> None:
    clock = _Clock()
    assert wait(clock, *answers, timeout=timeout) == len(answers)
    assert clock.slept == slept


@pytest.mark.parametrize(
    ("number", "timeout", "message"),
    [(1, 0, "the partition is not there: asked once"), (3, 90, "asked 3 times in 90 s")],
)
def test_it_ends_at_the_limit(number: int, timeout: float, message: str) -> None:
    with pytest.raises(NotTrueInTime, match=message):
        wait(_Clock(), *[False] * number, timeout=timeout)


def test_a_slow_answer_is_the_last_one_when_the_time_is_over() -> None:
    clock = _Clock(seconds_an_answer=100)
    with pytest.raises(NotTrueInTime, match="asked once"):
        wait(clock, False, timeout=90)
    assert clock.slept == []


@pytest.mark.parametrize("between", [0, -1])
def test_to_ask_without_a_pause_is_refused(between: float) -> None:
    with pytest.raises(InputError, match="seconds_between must be more than 0"):
        wait(_Clock(), True, timeout=None, between=between)
