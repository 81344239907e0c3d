"""When a run is over, though its repair may be visible only later."""

from __future__ import annotations

import pytest
from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.run.repair_watch import ExpectedRepair, RepairWatch
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.run.states import RunState
from databricks_blocks.workspace.polling import PollingPolicy

from .fake_workspace import Time

LIMIT = 900.0


def run(*repair_ids: int, active: bool = False) -> RunSnapshot:
    state = RunState("RUNNING") if active else RunState("TERMINATED", "FAILED")
    return RunSnapshot(9, state, "https://dbc.example/run/9", repair_ids=repair_ids)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def watch(time: Time) -> RepairWatch:
    return RepairWatch(PollingPolicy(max_unreachable=LIMIT), time)


@pytest.mark.parametrize(
    ("expected", "seen", "over"),
    [
        (None, run(), True),
        (None, run(active=True), False),
        (ExpectedRepair((), 7), run(), False),
        (ExpectedRepair((), 7), run(7), True),
        (ExpectedRepair((), 7), run(7, active=True), False),
        (ExpectedRepair((6,), 7), run(6), False),
        (ExpectedRepair((6,), 7), run(6, 7), True),
        (ExpectedRepair((6,), 7), run(6, 7, 8), True),
        (ExpectedRepair((6,)), run(6), False),
        (ExpectedRepair((6,)), run(6, 7), True),
        (ExpectedRepair((6,)), run(6, active=True), False),
    ],
)
def test_a_run_is_over_when_it_has_ended_and_shows_its_repair(
    watch: RepairWatch, expected: ExpectedRepair | None, seen: RunSnapshot, over: bool
) -> None:
    watch.expect(expected)
    assert watch.is_over(seen) is over


@pytest.mark.parametrize("expected", [ExpectedRepair((), 7), ExpectedRepair()])
def test_the_limit_counts_from_when_the_repair_is_expected(
    watch: RepairWatch, time: Time, expected: ExpectedRepair
) -> None:
    time.sleep(5000)
    watch.expect(expected)
    time.sleep(LIMIT)
    assert not watch.is_over(run())
    assert not watch.is_given_up
    time.sleep(1)
    assert watch.is_given_up
    with pytest.raises(DatabricksUnreachable, match=r"does not show its repair( 7)? after 901 s") as told:
        watch.is_over(run())
    assert (told.value.run_id, told.value.run_page_url) == (9, "https://dbc.example/run/9")


def test_a_run_that_is_active_needs_no_patience(watch: RepairWatch, time: Time) -> None:
    """A stale answer after hours of a repair is waited for as long as one at its beginning."""
    watch.expect(ExpectedRepair((), 7))
    time.sleep(10 * LIMIT)
    assert not watch.is_over(run(active=True))
    time.sleep(LIMIT)
    assert not watch.is_over(run())
    assert watch.is_over(run(7))


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("Run 9 is active, so that it cannot be repaired.", True),
        ("A repair of run 9 is in progress.", True),
        ("Run 9 is still running.", True),
        ("The latest repair ID needs to be provided in order to create a new repair", True),
        ("Run 9 is not a job run and cannot be repaired.", False),
        ("User ada does not have Manage Run permissions", False),
    ],
)
def test_a_refusal_tells_whether_another_repair_is_the_reason(message: str, says: bool) -> None:
    assert DatabricksRunRefused(message).says_another_repair is says
