"""Decides what is shown of a Databricks run as Prefect task runs. Pure: no call is made."""

from __future__ import annotations

from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState

_ACTIVE_NAMES = {
    "QUEUED": "Queued",
    "PENDING": "WaitingForCluster",
    "WAITING_FOR_RETRY": "WaitingForRetry",
    "TERMINATING": "Terminating",
}


def attempts_to_show(run: RunSnapshot, *, over: bool) -> dict[str, list[TaskAttempt]]:
    """Collect the attempts at each task that a task run shows, in their order.

    While the run may still be repaired, a task that was left out because of another one is not shown: the
    repair may run it. Once all is over, it is, so that each task of the run has an end.

    Args:
        run: The run.
        over: Whether nothing follows any more.
    """
    shown: dict[str, list[TaskAttempt]] = {}
    for attempt in run.attempts:
        if _is_real(attempt):
            shown.setdefault(attempt.task_key, []).append(attempt)
    if over:
        for task in run.tasks:
            if task.state.is_left_out and not _is_real(task):
                shown.setdefault(task.task_key, []).append(task)
    return shown


def name_of_active(state: RunState) -> str:
    """Name the Prefect state of an attempt that has not ended."""
    return _ACTIVE_NAMES.get(state.life_cycle_state, "Running")


def name_of_left_out(state: RunState) -> str:
    """Name the Prefect state of a task that was left out, such as `UpstreamFailed`."""
    return "".join(word.capitalize() for word in str(state).split("_"))


def _is_real(attempt: TaskAttempt) -> bool:
    """Whether Databricks has started this attempt, or skipped it for good."""
    if attempt.state.is_left_out:
        return attempt.state.is_fine
    return attempt.state.life_cycle_state not in ("", "BLOCKED")
