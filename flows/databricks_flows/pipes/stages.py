"""Decides which tasks of a run are listened to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt

_AT_WORK = frozenset({"RUNNING", "TERMINATING"})


class Stage(Enum):
    """What a task does, as far as listening to it goes."""

    SILENT = "has not begun"
    SPEAKING = "is running"
    OVER = "has ended, and nothing more is written"


@dataclass(frozen=True)
class Speaker:
    """A task at one moment.

    Attributes:
        stage: Whether it is listened to.
        attempts: How many attempts at it have begun.
        latest: The attempt that began last; `None`: none has.
    """

    stage: Stage
    attempts: int = 0
    latest: TaskAttempt | None = None


SILENT = Speaker(Stage.SILENT)


def speaker(run: RunSnapshot, task_key: str) -> Speaker:
    """Find what a task does.

    Args:
        run: The run.
        task_key: Key of the task; empty: any task of the run, as in an existing job.
    """
    begun = [one for one in run.attempts if task_key in ("", one.task_key) and _has_begun(one)]
    if not begun:
        return SILENT
    latest = max(begun, key=lambda one: (not one.state.is_terminal, one.start_time))
    is_at_work = any(one.state.life_cycle_state in _AT_WORK for one in begun)
    # A task of an existing job that waits for another one may speak later.
    may_follow = not task_key and not run.state.is_terminal
    stage = Stage.SPEAKING if is_at_work or may_follow else Stage.OVER
    return Speaker(stage, len(begun), latest)


def speakers(run: RunSnapshot | None, task_keys: Sequence[str]) -> dict[str, Speaker]:
    """Find what tasks do, by their keys."""
    return {key: SILENT if run is None else speaker(run, key) for key in task_keys}


def _has_begun(attempt: TaskAttempt) -> bool:
    """Whether code of the attempt may have run."""
    state = attempt.state
    if state.is_left_out:
        return False
    return state.life_cycle_state in _AT_WORK or (state.is_terminal and attempt.execution_duration > 0)
