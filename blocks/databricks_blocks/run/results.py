"""What is told of a run: a small typed result for whoever started it, and a table for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from databricks_blocks.pipes.pipes import AssetResult, CheckResult
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.safe_text import markdown_link, markdown_text


@dataclass(frozen=True)
class TaskResult:
    """The latest attempt at one task.

    Attributes:
        task_key: Key of the task.
        state: Result state in the spelling of the API, such as `SUCCESS` or `EXCLUDED`.
        attempts: How often it was tried.
        run_id: Id of the attempt in Databricks.
        run_page_url: Its page in the workspace.
        exit_value: The value that a notebook gave to `dbutils.notebook.exit`.
        logs: Output of a Python, wheel or jar task.
        outcome: Of a condition task, `true` or `false`.
        queue_seconds: Seconds in the queue.
        setup_seconds: Seconds until the cluster was ready.
        run_seconds: Seconds of the work itself.

    Examples:
        >>> from databricks_flows import TaskResult
        >>> task = TaskResult("train", "SUCCESS", attempts=2, run_id=7, run_page_url="https://…/run/7")
        >>> f"{task.task_key} ended {task.state} after {task.attempts} attempts"
        'train ended SUCCESS after 2 attempts'
    """

    task_key: str
    state: str
    attempts: int
    run_id: int
    run_page_url: str
    exit_value: str = ""
    logs: str = ""
    outcome: str = ""
    queue_seconds: float = 0.0
    setup_seconds: float = 0.0
    run_seconds: float = 0.0


@dataclass(frozen=True)
class DatabricksRunResult:
    """A run that has ended.

    Attributes:
        run_id: Id of the run in Databricks; if runs were launched in place of repairs, of the last one.
        run_page_url: Its page in the workspace.
        state: Result state in the spelling of the API.
        tasks: Results by task key.
        assets: What the code made, as it told over pipes.
        checks: What it checked.
        messages: The payloads of its custom messages.

    Examples:
        >>> from databricks_flows import DatabricksRunResult, TaskResult
        >>> train = TaskResult("train", "SUCCESS", 1, 7, "https://…/run/7", exit_value="0.93")
        >>> result = DatabricksRunResult(5, "https://…/run/5", tasks={"train": train})
        >>> result.exit_values
        {'train': '0.93'}
    """

    run_id: int
    run_page_url: str
    state: str = "SUCCESS"
    tasks: dict[str, TaskResult] = field(default_factory=dict)
    assets: tuple[AssetResult, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    messages: tuple[Any, ...] = ()

    @property
    def exit_values(self) -> dict[str, str]:
        """What each notebook gave to `dbutils.notebook.exit`, by task key."""
        return {key: task.exit_value for key, task in self.tasks.items()}


def run_result(run: RunSnapshot, outputs: Mapping[str, Mapping[str, Any]]) -> DatabricksRunResult:
    """Sum up a run.

    Args:
        run: The run as it ended.
        outputs: Answers of `jobs/runs/get-output` by task key.
    """
    attempts: dict[str, int] = {}
    for attempt in run.attempts:
        attempts[attempt.task_key] = attempts.get(attempt.task_key, 0) + (not attempt.state.is_left_out)
    tasks = {
        task.task_key: task_result(task, outputs.get(task.task_key, {}), attempts[task.task_key])
        for task in run.tasks
    }
    return DatabricksRunResult(run.run_id, run.run_page_url, str(run.state), tasks)


def task_result(task: TaskAttempt, output: Mapping[str, Any], attempts: int) -> TaskResult:
    """Sum up the latest of several attempts."""
    return TaskResult(
        task_key=task.task_key,
        state=str(task.state),
        attempts=attempts,
        run_id=task.run_id,
        run_page_url=task.run_page_url,
        exit_value=(output.get("notebook_output") or {}).get("result") or "",
        logs=output.get("logs") or "",
        outcome=task.outcome,
        queue_seconds=task.queue_duration / 1000,
        setup_seconds=task.setup_duration / 1000,
        run_seconds=task.execution_duration / 1000,
    )


def run_table(run: RunSnapshot) -> list[dict[str, Any]]:
    """One row for each attempt, for a table artifact, whose cells are Markdown."""
    counts: dict[str, int] = {}
    rows = []
    for attempt in run.attempts:
        counts[attempt.task_key] = counts.get(attempt.task_key, 0) + 1
        rows.append(_row(attempt, counts[attempt.task_key]))
    return rows


def cluster_minutes(run: RunSnapshot) -> float:
    """Estimate how many minutes clusters ran for this run.

    Each cluster counts from the start of the first attempt on it to the end of the last one. An attempt
    without a cluster, such as a serverless one, counts alone.
    """
    spans: dict[str, tuple[int, int]] = {}
    for attempt in run.attempts:
        if attempt.start_time and attempt.end_time:
            cluster = attempt.cluster_id or str(attempt.run_id)
            start, end = spans.get(cluster, (attempt.start_time, attempt.end_time))
            spans[cluster] = min(start, attempt.start_time), max(end, attempt.end_time)
    return sum(end - start for start, end in spans.values()) / 60_000


def _row(attempt: TaskAttempt, number: int) -> dict[str, Any]:
    page = attempt.run_page_url
    return {
        "task": markdown_text(attempt.task_key),
        "attempt": number,
        "state": str(attempt.state),
        "queued s": attempt.queue_duration / 1000,
        "setup s": attempt.setup_duration / 1000,
        "run s": attempt.execution_duration / 1000,
        "page": markdown_link("open", page) if page else "",
    }
