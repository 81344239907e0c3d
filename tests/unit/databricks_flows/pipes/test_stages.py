"""Which tasks are listened to, by what the run shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_flows.pipes.stages import Stage, speaker

ACTIVE = RunState("RUNNING")
RUNNING = RunState("RUNNING")
PENDING = RunState("PENDING")
WAITS = RunState("WAITING_FOR_RETRY")
SUCCESS = RunState("TERMINATED", "SUCCESS", ended=True)
FAILED = RunState("TERMINATED", "FAILED", ended=True)
EXCLUDED = RunState("TERMINATED", "EXCLUDED", ended=True)
NO_CLUSTER = RunState("INTERNAL_ERROR", "FAILED", ended=True)


def run_of(*attempts: tuple[str, RunState, int], state: RunState = ACTIVE) -> RunSnapshot:
    made = [
        TaskAttempt(key, number, number, state, start_time=number, execution_duration=worked)
        for number, (key, state, worked) in enumerate(attempts, start=1)
    ]
    return RunSnapshot(1, state, attempts=tuple(made))


@pytest.mark.parametrize(
    ("attempts", "stage", "count"),
    [
        ([], Stage.SILENT, 0),
        ([("a", PENDING, 0)], Stage.SILENT, 0),
        ([("a", RUNNING, 0)], Stage.SPEAKING, 1),
        ([("a", RunState("TERMINATING"), 0)], Stage.SPEAKING, 1),
        ([("a", SUCCESS, 5)], Stage.OVER, 1),
        ([("a", FAILED, 5), ("a", PENDING, 0)], Stage.OVER, 1),
        ([("a", WAITS, 5)], Stage.SILENT, 0),
        ([("a", FAILED, 5), ("a", RUNNING, 0)], Stage.SPEAKING, 2),
        ([("a", FAILED, 5), ("a", SUCCESS, 5)], Stage.OVER, 2),
        ([("a", EXCLUDED, 0)], Stage.SILENT, 0),
        ([("a", NO_CLUSTER, 0)], Stage.OVER, 1),
        ([("a", SUCCESS, 0)], Stage.OVER, 1),
        ([("a", FAILED, 0), ("a", PENDING, 0)], Stage.OVER, 1),
        ([("b", RUNNING, 0)], Stage.SILENT, 0),
    ],
)
def test_a_task_speaks_while_it_runs(
    attempts: list[tuple[str, RunState, int]], stage: Stage, count: int
) -> None:
    found = speaker(run_of(*attempts), "a")
    assert (found.stage, found.attempts) == (stage, count)


def test_any_task_of_an_existing_job_may_speak_until_the_run_has_ended() -> None:
    between = run_of(("a", SUCCESS, 5), ("b", PENDING, 0))
    assert speaker(between, "").stage is Stage.SPEAKING
    ended = run_of(("a", SUCCESS, 5), ("b", SUCCESS, 5), state=SUCCESS)
    assert speaker(ended, "").stage is Stage.OVER


def test_lines_go_to_the_attempt_that_runs() -> None:
    latest = speaker(run_of(("a", RUNNING, 0), ("b", SUCCESS, 5)), "").latest
    assert latest is not None
    assert latest.task_key == "a"


def test_what_was_said_belongs_to_the_attempt_that_ran_then() -> None:
    made = speaker(run_of(("a", FAILED, 5), ("a", RUNNING, 0)), "a")
    begun = tuple(
        replace(one, start_time=start) for one, start in zip(made.begun, (10_000, 60_000), strict=True)
    )
    second = replace(made, begun=begun)
    times = [datetime.fromtimestamp(seconds, UTC) for seconds in (5, 11, 58, 61)]
    assert [second.attempt_at(time) for time in times] == [1, 1, 1, 2]
