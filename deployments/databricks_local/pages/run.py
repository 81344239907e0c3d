"""The page of a run, the page of one attempt at a task, and an exported notebook."""

from collections.abc import Sequence
from dataclasses import dataclass

from databricks_local.jobs.specs import RunType
from databricks_local.pages.attempts import (
    ERROR_CHARACTERS,
    Iterations,
    attempts_at,
    attempts_of,
    iterations_of,
    what,
)
from databricks_local.pages.cells import TaskOutput, task_output
from databricks_local.pages.formatting import (
    Badge,
    Fact,
    Link,
    badge,
    cut,
    elapsed,
    fact,
    known,
    message_of,
    run_path,
    state_style,
    time_text,
)
from databricks_local.pages.graph import graph
from databricks_local.pages.rendering import render
from databricks_local.pages.timeline import time_lines
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.notifications import notifications_of

MAX_INLINE = 12
"""How many outputs are on the page of a run. If more tasks began, only those that failed or run now."""

_KINDS = {
    RunType.JOB_RUN: "Run of a job",
    RunType.SUBMIT_RUN: "One-time run",
    RunType.WORKFLOW_RUN: "Notebook",
}


@dataclass(frozen=True)
class NotificationRow:
    """Somebody who would have been told: when, of what, of which task or of the run, and where."""

    time: str
    event: str
    about: Link
    to: str


@dataclass(frozen=True)
class InlineOutput:
    """The output of an attempt on the page of its run.

    Attributes:
        section: The id of its section. It is the same for all attempts at the task, so that on a live page
            a new attempt replaces the one before.
        run_id: The id of the attempt.
        key: The task's key.
        path: The page of the attempt.
        state: Its state.
        message: What its state says, for an attempt without output.
        open: Whether the output is shown without a click.
        iterations: Of a for-each task, its iterations.
        output: What it left behind.
    """

    section: str
    run_id: int
    key: str
    path: str
    state: Badge
    message: str
    open: bool
    iterations: Iterations | None
    output: TaskOutput


def inline_tasks(run: Run) -> list[TaskRun]:
    """The attempts whose output the page of a run shows: the latest ones, those that failed first."""
    begun = [task for task in run.latest().values() if task.start_time]
    urgent = {"bad": 0, "busy": 1}
    if len(begun) > MAX_INLINE:
        begun = [task for task in begun if state_style(task.state) in urgent]
    begun.sort(key=lambda task: (urgent.get(state_style(task.state), len(urgent)), task.start_time))
    return begun[:MAX_INLINE]


def run_page(run: Run, shown: Sequence[TaskRun], now: int) -> str:
    """The page of a run, as HTML.

    Args:
        run: The run.
        shown: The attempts of `inline_tasks`, with their output.
        now: The time in milliseconds since 1970.
    """
    latest = run.latest()
    begun = sum(bool(task.start_time) for task in latest.values())
    return render(
        "run",
        live=run.active,
        title=run.spec.name,
        state=badge(run.state),
        message=run.state.message if run.state.terminal else run.state.queue_reason,
        facts=_run_facts(run, now),
        graph=graph(run, latest, now) if len(latest) > 1 else None,
        time_lines=time_lines(run, now),
        attempts=attempts_of(run, now),
        outputs=[_inline(run, task, is_only=len(latest) == 1, now=now) for task in shown],
        left_out=max(begun - len(shown), 0),
        notifications=_notifications(run, now),
    )


def task_page(run: Run, task: TaskRun, now: int) -> str:
    """The page of one attempt at a task, with its output, as HTML.

    Args:
        run: The run that the attempt belongs to.
        task: The attempt, with its output.
        now: The time in milliseconds since 1970.
    """
    return render(
        "task",
        live=not task.state.terminal,
        title=task.spec.key,
        run=Link(run.spec.name, run_path(run)),
        state=badge(task.state),
        message=message_of(task.state),
        facts=_task_facts(task, now),
        attempts=attempts_at(run, task.spec.key, now),
        iterations=iterations_of(run, task, now),
        output=task_output(task),
    )


def export_page(task: TaskRun) -> str:
    """The cells of a notebook with their output, as `runs/export` returns them: HTML in one file."""
    return render("export", live=False, title=what(task.spec.body), output=task_output(task))


def _notifications(run: Run, now: int) -> list[NotificationRow]:
    tasks = {each.run_id: each for task in run.tasks for each in (task, *task.iterations)}
    return [
        NotificationRow(
            time=time_text(each.time),
            event=each.event,
            about=Link(each.task_key, run_path(run, tasks[each.task_run_id]))
            if each.task_key
            else Link("the run"),
            to=f"{each.channel} {each.destination}",
        )
        for each in notifications_of(run, now)
    ]


def _run_facts(run: Run, now: int) -> list[Fact]:
    latest = run.latest().values()
    failed = [task for task in latest if state_style(task.state) == "bad"] if len(latest) > 1 else []
    kind = Link(_KINDS[run.spec.run_type])
    if run.spec.run_type is RunType.JOB_RUN:
        kind = Link(f"Run of job {run.job_id}", f"/jobs/{run.job_id}")
    given = ", ".join(f"{name}={value}" for name, value in run.parameters.job.items())
    return known(
        [
            fact("Started", time_text(run.start_time)),
            fact("Duration", elapsed(run.start_time, run.end_time, now)),
            fact("Run", run.run_id),
            fact("Kind", kind),
            fact("Trigger", _trigger(run)),
            fact("Repairs", len(run.rounds) - 1),
            Fact("Failed", [Link(task.spec.key, run_path(run, task)) for task in failed]),
            fact("Parameters", cut(given, ERROR_CHARACTERS)),
        ]
    )


def _trigger(run: Run) -> str:
    due = run.spec.trigger_time
    return f"{run.spec.trigger}, due {time_text(due)}" if due else ""


def _task_facts(task: TaskRun, now: int) -> list[Fact]:
    child = Link(str(task.child_run_id), f"/runs/{task.child_run_id}") if task.child_run_id else ""
    return known(
        [
            fact("Started", time_text(task.start_time)),
            fact("Duration", elapsed(task.start_time, task.end_time, now)),
            fact("Attempt", task.attempt_number + 1),
            fact("Repair", task.round),
            fact("What", what(task.spec.body)),
            fact("After", ", ".join(task.spec.depends_on)),
            fact("Cluster", task.cluster_id),
            fact("Outcome", task.outcome),
            fact("Started run", child),
        ]
    )


def _inline(run: Run, task: TaskRun, *, is_only: bool, now: int) -> InlineOutput:
    return InlineOutput(
        section=f"output-{task.original_run_id or task.run_id}",
        run_id=task.run_id,
        key=task.spec.key,
        path=run_path(run, task),
        state=badge(task.state),
        message=message_of(task.state),
        open=is_only or state_style(task.state) in ("bad", "busy"),
        iterations=iterations_of(run, task, now),
        output=task_output(task),
    )
