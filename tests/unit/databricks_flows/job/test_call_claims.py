"""Equal calls are counted: in an attempt each gets a number of its own, a retry gets the same ones again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest
from databricks_flows.job.call_claims import CallCounter, Claim, next_claim

ROOT, TASK, OTHER_TASK, CALL, NEXT_CALL, CHILD = (UUID(int=number) for number in range(1, 7))


@pytest.mark.parametrize(
    ("held", "attempts", "expected"),
    [
        ([], {ROOT: 1}, (0, 0)),
        ([Claim(0, 0, {ROOT: 1, CALL: 1})], {ROOT: 1, NEXT_CALL: 1}, (1, 0)),
        ([Claim(0, 0, {ROOT: 1, CALL: 1})], {ROOT: 2, NEXT_CALL: 1}, (0, 1)),
        ([Claim(0, 0, {ROOT: 1, CALL: 1})], {ROOT: 1, CALL: 2}, (0, 1)),
        ([Claim(0, 0, {ROOT: 1, TASK: 1, CALL: 1})], {ROOT: 1, TASK: 2, NEXT_CALL: 1}, (0, 1)),
        ([Claim(0, 0, {ROOT: 1, TASK: 1})], {ROOT: 1, OTHER_TASK: 2}, (1, 0)),
        (
            [Claim(0, 0, {ROOT: 1, OTHER_TASK: 1}), Claim(1, 0, {ROOT: 1, TASK: 1})],
            {ROOT: 1, TASK: 2},
            (1, 1),
        ),
        ([Claim(0, 1, {ROOT: 2}), Claim(0, 0, {ROOT: 1})], {ROOT: 2}, (1, 0)),
        ([Claim(0, 0, {ROOT: 1, CHILD: 1, CALL: 1})], {ROOT: 1, CHILD: 2, NEXT_CALL: 1}, (0, 1)),
    ],
    ids=[
        "the first call",
        "an equal call in the same attempt",
        "the next attempt of the flow",
        "the next attempt of the call itself",
        "the next attempt of the task around it",
        "the next attempt of another task",
        "the next attempt of the second of two tasks",
        "taken over already",
        "the next attempt of a child flow run",
    ],
)
def test_a_call_gets_the_lowest_number_whose_attempt_is_over(
    held: list[Claim], attempts: dict[UUID, int], expected: tuple[int, int]
) -> None:
    claim = next_claim(held, attempts)
    assert (claim.number, claim.turn) == expected
    assert claim.attempts == attempts


def test_calls_at_once_get_different_numbers_and_a_retry_of_all_the_same_numbers() -> None:
    counter = CallCounter()
    for attempt in (1, 2, 3):
        with ThreadPoolExecutor(8) as pool:
            claim = partial(counter.claim, ROOT, "call")
            numbers = list(pool.map(claim, ({ROOT: attempt, UUID(int=100 + n): 1} for n in range(50))))
        assert sorted(numbers) == list(range(50))


def test_other_calls_and_other_flow_runs_are_counted_apart() -> None:
    counter = CallCounter()
    assert counter.claim(ROOT, "call", {ROOT: 1}) == 0
    assert counter.claim(ROOT, "another call", {ROOT: 1}) == 0
    assert counter.claim(CHILD, "call", {CHILD: 1}) == 0
