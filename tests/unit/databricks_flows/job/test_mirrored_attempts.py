"""Which attempts of a Databricks run are shown as task runs, and what their states are called."""

from __future__ import annotations

import pytest
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_flows.job.mirrored_attempts import attempts_to_show, name_of_active, name_of_left_out

BLOCKED = RunState("BLOCKED")
RUNNING = RunState("RUNNING")
FAILED = RunState("TERMINATED", "FAILED")
SUCCESS = RunState("TERMINATED", "SUCCESS")
CANCELED = RunState("TERMINATED", "CANCELED")
UPSTREAM_FAILED = RunState("TERMINATED", "UPSTREAM_FAILED")
SKIPPED = RunState("SKIPPED")
EXCLUDED = RunState("TERMINATED", "EXCLUDED")


def shown(*states: RunState, over: bool) -> list[int]:
    """Numbers of the attempts at one task that are shown."""
    attempts = tuple(TaskAttempt("load", number, number, state) for number, state in enumerate(states))
    run = RunSnapshot(1, FAILED if over else RUNNING, attempts=attempts)
    return [attempt.attempt_number for attempt in attempts_to_show(run, over=over).get("load", ())]


@pytest.mark.parametrize(
    ("states", "while_it_runs", "when_it_is_over"),
    [
        ([BLOCKED], [], []),
        ([RUNNING], [0], [0]),
        ([SUCCESS], [0], [0]),
        ([CANCELED], [0], [0]),
        ([EXCLUDED], [0], [0]),
        # A repair may still run it.
        ([UPSTREAM_FAILED], [], [0]),
        ([SKIPPED], [], [0]),
        ([UPSTREAM_FAILED, SUCCESS], [1], [1]),
        ([FAILED, UPSTREAM_FAILED], [0], [0, 1]),
        ([UPSTREAM_FAILED, UPSTREAM_FAILED], [], [1]),
    ],
)
def test_what_was_left_out_is_shown_when_nothing_follows(
    states: list[RunState], while_it_runs: list[int], when_it_is_over: list[int]
) -> None:
    assert shown(*states, over=False) == while_it_runs
    assert shown(*states, over=True) == when_it_is_over


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (UPSTREAM_FAILED, "UpstreamFailed"),
        (RunState("TERMINATED", "UPSTREAM_CANCELED"), "UpstreamCanceled"),
        (SKIPPED, "Skipped"),
        (EXCLUDED, "Excluded"),
    ],
)
def test_the_state_of_a_task_that_was_left_out_says_why(state: RunState, name: str) -> None:
    assert name_of_left_out(state) == name


def test_the_state_of_a_task_that_waits_says_for_what() -> None:
    assert name_of_active(RunState("PENDING")) == "WaitingForCluster"
    assert name_of_active(RUNNING) == "Running"
