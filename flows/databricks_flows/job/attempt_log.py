"""What the task run of a Databricks task shows and logs of an attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks_blocks.private_prefect import log_at, show_state
from databricks_blocks.run.snapshot import TaskAttempt
from prefect import get_run_logger
from prefect.client.schemas.objects import TaskRun

from databricks_flows.job.mirrored_attempts import name_of_active


def show_attempt(attempt: TaskAttempt, shown: str, task_run: TaskRun) -> str:
    """Show the state of an attempt, if it differs from the one shown before.

    Args:
        attempt: The attempt.
        shown: What was shown before.
        task_run: The task run that shows it.

    Returns:
        What is shown now.
    """
    name = name_of_active(attempt.state)
    message = attempt.state.state_message
    if attempt.iterations is not None:
        message = _iterations(attempt.iterations)
    if (wanted := f"{name}: {message}") != shown and (shown or name != "Running" or message):
        show_state(task_run, name, message)
    return wanted


def log_output(
    attempt: TaskAttempt, output: Mapping[str, Any], number: int, *, is_output_told: bool = False
) -> None:
    """Log the output of an attempt, with the time of its end. A run in place of a repair numbers anew.

    Args:
        attempt: The attempt.
        output: Its output.
        number: Counts the attempts.
        is_output_told: Whether what it wrote to stdout is in the log already.
    """
    logger = get_run_logger()
    ended = attempt.end_time / 1000
    log_at(
        logger,
        "INFO",
        f"Attempt {number}: {attempt.run_page_url}",
        attempt.start_time / 1000,
    )
    if attempt.iterations is not None:
        log_at(logger, "INFO", _iterations(attempt.iterations), ended)
    if attempt.outcome:
        log_at(logger, "INFO", f"Outcome: {attempt.outcome}", ended)
    if value := (output.get("notebook_output") or {}).get("result"):
        log_at(logger, "INFO", f"Exit value: {value}", ended)
    for line in () if is_output_told else (output.get("logs") or "").splitlines():
        log_at(logger, "INFO", line, ended)
    if trace := output.get("error_trace") or output.get("error"):
        log_at(logger, "ERROR", trace, ended)


def _iterations(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]} iterations ended"
