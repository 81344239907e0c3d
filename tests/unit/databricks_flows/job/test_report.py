"""What is told of a run in a line, and how far its bar is."""

from __future__ import annotations

import pytest
from databricks_blocks.run.repair_policy import Repair
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_flows.job.report import _counted, _detail, _task_line

SUCCESS = RunState("TERMINATED", "SUCCESS")
FAILED = RunState("TERMINATED", "FAILED", "no disk")
LEFT_OUT = RunState("TERMINATED", "UPSTREAM_FAILED")
RUNNING = RunState("RUNNING", state_message="In run")
EXCLUDED = RunState("TERMINATED", "EXCLUDED")


def run(*states: RunState) -> RunSnapshot:
    attempts = [TaskAttempt(f"t{number}", number, 0, state) for number, state in enumerate(states)]
    return RunSnapshot(1, RUNNING, attempts=tuple(attempts))


@pytest.mark.parametrize(
    ("states", "counted", "detail"),
    [
        ([SUCCESS, RUNNING, RUNNING], (1, 3), "t1, t2"),
        ([SUCCESS, EXCLUDED], (2, 2), ""),
        ([FAILED, LEFT_OUT, SUCCESS], (1, 3), "failed: t0"),
        ([FAILED, RUNNING], (0, 2), "t1"),
        ([RUNNING] * 7, (0, 7), "t0, t1, t2, t3, t4"),
    ],
)
def test_only_what_ended_well_is_done(states: list[RunState], counted: tuple[int, int], detail: str) -> None:
    assert (_counted(run(*states)), _detail(run(*states))) == (counted, detail)


@pytest.mark.parametrize(
    ("task", "line"),
    [
        (TaskAttempt("load", 1, 0, RUNNING, start_time=1000), "Task load: RUNNING"),
        (
            TaskAttempt("load", 1, 0, SUCCESS, start_time=1000, end_time=3500),
            "Task load: SUCCESS after 2.5 s",
        ),
        (TaskAttempt("load", 1, 0, FAILED), "Task load: FAILED: no disk"),
        (TaskAttempt("ask", 1, 0, SUCCESS, start_time=1000, end_time=1000), "Task ask: SUCCESS after 0.0 s"),
        (
            TaskAttempt("ask", 1, 0, SUCCESS, start_time=1, end_time=101, outcome="true"),
            "Task ask: SUCCESS after 0.1 s, outcome true",
        ),
    ],
)
def test_a_task_is_told_in_a_line(task: TaskAttempt, line: str) -> None:
    assert _task_line(task) == line


@pytest.mark.parametrize(
    ("repair", "told"),
    [
        (Repair(number=1, allowed=2, wait_seconds=5.4), "repair 1 of 2 in 5 s"),
        (Repair(number=2, allowed=2), "repair 2 of 2 now"),
        (Repair(), "a repair now"),
    ],
)
def test_a_repair_is_told_with_its_number_and_its_wait(repair: Repair, told: str) -> None:
    assert str(repair) == told
