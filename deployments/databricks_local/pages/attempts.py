"""Tables of attempts at tasks, and of the iterations of a loop."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from databricks_local.jobs.specs import (
    Body,
    ConditionSpec,
    DbtSpec,
    ForEachSpec,
    NotebookSpec,
    PythonFileSpec,
    PythonWheelSpec,
    RunJobSpec,
    SqlSpec,
)
from databricks_local.pages.formatting import (
    MAX_ROWS,
    Badge,
    badge,
    clock_text,
    cut,
    elapsed,
    message_of,
    run_path,
    time_text,
)
from databricks_local.runs.models import Run, TaskRun

MAX_ITERATIONS = 200
ERROR_CHARACTERS = 300
INPUT_CHARACTERS = 80


@dataclass(frozen=True)
class AttemptRow:
    """One attempt at a task.

    Attributes:
        key: The task's key.
        path: The page of the attempt.
        number: Which attempt it is, from 1, repairs included.
        repair: Which repair it belongs to; 0 is the original run.
        state: Its state.
        started: When it began, without the date if that is the run's.
        started_fully: The same with the date.
        duration: How long it took, or has taken so far.
        what: What the task does.
        error: The beginning of its error.
        loop_input: Of an iteration, its input as JSON.
    """

    key: str
    path: str
    number: int
    repair: int
    state: Badge
    started: str
    started_fully: str
    duration: str
    what: str
    error: str
    loop_input: str = ""


@dataclass(frozen=True)
class AttemptTable:
    """Attempts, and which columns are worth showing."""

    rows: Sequence[AttemptRow]

    @cached_property
    def with_errors(self) -> bool:
        """Whether any attempt has an error."""
        return any(row.error for row in self.rows)

    @cached_property
    def with_inputs(self) -> bool:
        """Whether these are iterations with a known input."""
        return any(row.loop_input for row in self.rows)

    @cached_property
    def long(self) -> bool:
        """Whether the table has a scroll bar of its own."""
        return len(self.rows) > MAX_ROWS


@dataclass(frozen=True)
class Iterations:
    """The iterations of a for-each task: the attempts, at how many inputs, and how many are not shown."""

    table: AttemptTable
    attempts: int
    inputs: int
    left_out: int


def attempts_of(run: Run, now: int) -> AttemptTable:
    """All attempts of a run, those at one task together."""
    order = {key: number for number, key in enumerate(run.latest())}
    tasks = sorted(run.tasks, key=lambda task: (order[task.spec.key], task.attempt_number))
    return AttemptTable([_row(run, task, now) for task in tasks])


def attempts_at(run: Run, key: str, now: int) -> AttemptTable:
    """The attempts at one task."""
    return AttemptTable([_row(run, task, now) for task in run.tasks if task.spec.key == key])


def iterations_of(run: Run, task: TaskRun, now: int) -> Iterations | None:
    """The iterations of a for-each task; None for any other task, and for one without inputs."""
    if not task.total_iterations:
        return None
    iterations = run.iterations_of(task)
    inputs = _inputs(task)
    rows = [
        replace(_row(run, each, now), loop_input=inputs.get(each.input_index, ""))
        for each in iterations[:MAX_ITERATIONS]
    ]
    left_out = len(iterations) - len(rows)
    return Iterations(AttemptTable(rows), len(iterations), task.total_iterations, left_out)


def _inputs(task: TaskRun) -> dict[int, str]:
    """The inputs of a for-each task by their index, as far as its references are resolved."""
    resolved = task.resolved.get("for_each_task")
    values = json.loads(resolved["inputs"]) if resolved else []
    texts = (json.dumps(value, ensure_ascii=False) for value in values)
    return {index: cut(text, INPUT_CHARACTERS) for index, text in enumerate(texts)}


def _row(run: Run, task: TaskRun, now: int) -> AttemptRow:
    return AttemptRow(
        key=task.spec.key,
        path=run_path(run, task),
        number=task.attempt_number + 1,
        repair=task.round,
        state=badge(task.state),
        started=clock_text(task.start_time, run.start_time),
        started_fully=time_text(task.start_time),
        duration=elapsed(task.start_time, task.end_time, now),
        what=what(task.spec.body),
        error=cut(task.error or message_of(task.state), ERROR_CHARACTERS),
    )


def what(body: Body) -> str:
    """What a task does, in a few words."""
    match body:
        case NotebookSpec() | PythonFileSpec():
            return body.path
        case PythonWheelSpec():
            return f"{body.package}: {body.entry_point}"
        case SqlSpec() | DbtSpec():
            return _on_warehouse(body)
        case RunJobSpec():
            return f"Run job {body.job_id}"
        case ConditionSpec():
            return cut(f"{body.left} {body.op} {body.right}", INPUT_CHARACTERS)
        case ForEachSpec():
            return f"For each: {what(body.task.body)}"


def _on_warehouse(body: SqlSpec | DbtSpec) -> str:
    if isinstance(body, DbtSpec):
        return cut("; ".join(body.commands), INPUT_CHARACTERS)
    return body.path or f"Query {body.query_id}"
