"""The error of a failed run: first one line for each failed task, then the traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks_blocks.errors import (
    DatabricksJobError,
    DatabricksRunCancelled,
    DatabricksRunFailed,
    DatabricksRunSkipped,
    DatabricksRunTimedOut,
)
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.safe_text import one_line, printable

_KINDS: dict[str, type[DatabricksJobError]] = {
    "CANCELED": DatabricksRunCancelled,
    "TIMEDOUT": DatabricksRunTimedOut,
    "SKIPPED": DatabricksRunSkipped,
    "MAXIMUM_CONCURRENT_RUNS_REACHED": DatabricksRunSkipped,
}


def run_error(run: RunSnapshot, outputs: Mapping[str, Mapping[str, Any]]) -> DatabricksJobError:
    """Make the exception of a run that ended without success.

    Args:
        run: The run, in a terminal state other than success.
        outputs: The answer of `jobs/runs/get-output` by task key, for the tasks that failed themselves.

    Returns:
        An exception whose first line names the task, its error, the attempt and the link.
    """
    failed = [task for task in run.tasks if task.failed_itself]
    lines = [task_line(task, outputs.get(task.task_key, {})) for task in failed]
    if not lines:
        message = one_line(run.state.state_message) or "Databricks gives no reason"
        lines = [f"Run `{one_line(run.run_name)}` ended {run.state}: {message} ({run.run_page_url})"]
    traces = [
        f"--- {task.task_key} ---\n{trace}"
        for task in failed
        if (trace := printable(outputs.get(task.task_key, {}).get("error_trace") or "").strip())
    ]
    kind = _KINDS.get(str(run.state), DatabricksRunFailed)
    return kind("\n".join(lines + traces), run_id=run.run_id, run_page_url=run.run_page_url)


def task_line(task: TaskAttempt, output: Mapping[str, Any]) -> str:
    """Say in one line which task failed, why, in which attempt, and where to look."""
    error = one_line(output.get("error") or "") or task.state.state_message or "Databricks gives no reason"
    verb = {"CANCELED": "was cancelled", "TIMEDOUT": "timed out"}.get(str(task.state), "failed")
    where = f"attempt {task.attempt_number + 1}, {task.run_page_url}"
    return f"Task `{task.task_key}` {verb}: {one_line(error)} ({where})"
