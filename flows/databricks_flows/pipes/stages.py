"""Decides which tasks of a run are listened to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState

_AT_WORK = frozenset({"RUNNING", "TERMINATING"})
_MILLISECONDS_OF_CLOCKS = 1000
"""The clocks of the workspace and of the machine that speaks may differ by so much."""


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
        begun: The attempts at it whose code may have run, in order.
    """

    stage: Stage
    begun: tuple[TaskAttempt, ...] = ()

    @property
    def attempts(self) -> int:
        """How many attempts at it have begun."""
        return len(self.begun)

    @property
    def latest(self) -> TaskAttempt | None:
        """The attempt that began last; `None`: none has."""
        return max(self.begun, key=lambda one: (not one.state.is_terminal, one.start_time), default=None)

    @property
    def run_ids(self) -> frozenset[int]:
        """Ids of the attempts; a job that starts over has others."""
        return frozenset(one.run_id for one in self.begun)

    @property
    def ended(self) -> frozenset[int]:
        """Ids of the attempts that have ended."""
        return frozenset(one.run_id for one in self.begun if one.state.is_terminal)

    @property
    def has_worked(self) -> bool:
        """Whether it is sure that code ran. Databricks shows no time of work for a driver that crashed."""
        return any(_is_at_work(one) or one.execution_duration > 0 for one in self.begun)

    def attempt_at(self, time: datetime) -> int:
        """The number of the attempt, from 1, that ran at a time.

        Args:
            time: When something was said.
        """
        latest = self.latest
        of_task = [one for one in self.begun if latest and one.task_key == latest.task_key]
        until = time.timestamp() * 1000 + _MILLISECONDS_OF_CLOCKS
        return max(1, sum(one.start_time <= until for one in of_task))


SILENT = Speaker(Stage.SILENT)


def piece_of_code(*, is_over: bool) -> Speaker:
    """What code does that somebody else launched: it speaks until we are told that it has ended."""
    state = RunState("TERMINATED", "SUCCESS", ended=True) if is_over else RunState("RUNNING")
    attempt = TaskAttempt("", 0, 0, state, execution_duration=int(is_over))
    return Speaker(Stage.OVER if is_over else Stage.SPEAKING, (attempt,))


def speaker(run: RunSnapshot, task_key: str) -> Speaker:
    """Find what a task does.

    Args:
        run: The run.
        task_key: Key of the task; empty: any task of the run, as in an existing job.
    """
    begun = tuple(one for one in run.attempts if task_key in ("", one.task_key) and _may_have_begun(one))
    if not begun:
        return SILENT
    # A task of an existing job that waits for another one may speak later.
    may_follow = not task_key and not run.state.is_terminal
    stage = Stage.SPEAKING if any(map(_is_at_work, begun)) or may_follow else Stage.OVER
    return Speaker(stage, begun)


def speakers(run: RunSnapshot | None, task_keys: Sequence[str]) -> dict[str, Speaker]:
    """Find what tasks do, by their keys."""
    return {key: SILENT if run is None else speaker(run, key) for key in task_keys}


def _may_have_begun(attempt: TaskAttempt) -> bool:
    """Whether code of the attempt may have run."""
    return not attempt.state.is_left_out and (attempt.state.is_terminal or _is_at_work(attempt))


def _is_at_work(attempt: TaskAttempt) -> bool:
    return attempt.state.life_cycle_state in _AT_WORK
