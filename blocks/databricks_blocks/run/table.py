"""A run as a table for people: tasks × attempts, and what its clusters cost in time. Pure."""

from __future__ import annotations

from typing import Any

from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt


def run_table(run: RunSnapshot) -> list[dict[str, Any]]:
    """One row for each attempt, for a table artifact."""
    counts: dict[str, int] = {}
    rows = []
    for attempt in run.attempts:
        counts[attempt.task_key] = counts.get(attempt.task_key, 0) + 1
        rows.append(_row(attempt, counts[attempt.task_key]))
    return rows


def cluster_minutes(run: RunSnapshot) -> float:
    """Estimate for how many minutes clusters ran for this run.

    Each cluster counts from the start of the first attempt on it to the end of the last one. Attempts that
    name no cluster, such as serverless ones, count by themselves.
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
        "task": attempt.task_key,
        "attempt": number,
        "state": str(attempt.state),
        "queued s": attempt.queue_duration / 1000,
        "setup s": attempt.setup_duration / 1000,
        "run s": attempt.execution_duration / 1000,
        "page": f"[open]({page})" if page else "",
    }
