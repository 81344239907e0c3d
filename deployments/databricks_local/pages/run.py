"""The page of a run, and of one attempt at a task."""

from collections.abc import Iterable, Sequence
from html import escape

from databricks_local.jobs.specs import NotebookSpec, PythonFileSpec, PythonWheelSpec, RunJobSpec, RunType
from databricks_local.pages.cells import task_output
from databricks_local.pages.graph import cut, graph
from databricks_local.pages.parts import (
    badge,
    document,
    elapsed,
    facts,
    run_path,
    section,
    state_style,
    table,
    time_text,
)
from databricks_local.pages.timeline import timelines
from databricks_local.runs.models import Run, TaskRun

MAX_INLINE = 12
"""Attempts whose output is on the page of the run; of a larger run only of those that failed or run now."""

MAX_ITERATIONS = 200
ERROR_CHARACTERS = 300


def inline_tasks(run: Run) -> list[TaskRun]:
    """The attempts whose output the page of a run shows: of the latest, those that failed first."""
    begun = [task for task in run.latest().values() if task.start_time]
    urgent = {"bad": 0, "busy": 1}
    if len(begun) > MAX_INLINE:
        begun = [task for task in begun if state_style(task.state) in urgent]
    begun.sort(key=lambda task: (urgent.get(state_style(task.state), len(urgent)), task.start_time))
    return begun[:MAX_INLINE]


def run_page(run: Run, shown: Sequence[TaskRun], now: int) -> str:
    """One run.

    Args:
        run: The run.
        shown: The attempts of `inline_tasks`, with their output.
        now: The time.
    """
    latest = run.latest()
    parts = [section("head", _head(run, now), style="plain")]
    if len(latest) > 1:
        parts.append(section("graph", graph(run, latest, now), "Tasks"))
    parts += [
        section("time", timelines(run, now) + _PALER, "Time line"),
        section("attempts", _attempts(run, now), "Attempts"),
    ]
    parts.extend(_inline(run, task, is_only=len(latest) == 1, now=now) for task in shown)
    left_out = sum(bool(task.start_time) for task in latest.values()) - len(shown)
    if left_out > 0:
        note = f'<p class="soft">The output of {left_out} tasks is on pages of their own.</p>'
        parts.append(section("more", note, style="plain"))
    return document(f"{run.spec.name} – run", "".join(parts), live=run.active)


def task_page(run: Run, task: TaskRun, now: int) -> str:
    """One attempt at a task, with its output."""
    head = (
        '<p class="soft small"><a href="/">Runs</a> / '
        f'<a href="{run_path(run)}">{escape(run.spec.name)}</a></p>'
        f"<h1>{escape(task.spec.key)}</h1>{badge(task.state)}{_message(task)}{_task_facts(task, now)}"
    )
    siblings = [each for each in run.tasks if each.spec.key == task.spec.key]
    parts = [section("head", head, style="plain")]
    if len(siblings) > 1:
        rows = [_attempt_row(run, each, now) for each in siblings]
        parts.append(section("attempts", table(_COLUMNS, rows), "Attempts"))
    if task.total_iterations:
        parts.append(section("iterations", _iterations(run, task, now), "Iterations"))
    output = task_output(task) or '<p class="soft">Nothing yet.</p>'
    parts.append(section("output", output, "Output"))
    return document(f"{task.spec.key} – {run.spec.name}", "".join(parts), live=not task.state.terminal)


def export_page(task: TaskRun) -> str:
    """The cells of a notebook run with their output, as `runs/export` returns them."""
    body = section("output", f"<h1>{escape(what(task))}</h1>{task_output(task)}")
    return document(what(task), body, navigation=False)


def what(task: TaskRun) -> str:
    """What a task does, in a few words."""
    body = task.spec.body
    if isinstance(body, NotebookSpec):
        return body.path
    if isinstance(body, PythonFileSpec):
        return body.path
    if isinstance(body, PythonWheelSpec):
        return f"{body.package}: {body.entry_point}"
    if isinstance(body, RunJobSpec):
        return f"Run job {body.job_id}"
    return type(body).__name__.removesuffix("Spec")


_PALER = '<p class="soft small note">Paler: until the cluster was there.</p>'
_COLUMNS = ["Task", "State", "-Attempt", "-Started", "Duration", "-What", "-Error"]
_KINDS = {
    RunType.JOB_RUN: "Run of a job",
    RunType.SUBMIT_RUN: "One-time run",
    RunType.WORKFLOW_RUN: "Notebook",
}


def _head(run: Run, now: int) -> str:
    message = run.state.message if run.state.terminal else run.state.queue_reason
    problem = f'<p class="problem">{escape(message)}</p>' if message else ""
    failed = [task for task in run.latest().values() if state_style(task.state) == "bad"]
    links = ", ".join(f'<a href="{run_path(run, task)}">{escape(task.spec.key)}</a>' for task in failed)
    repairs = len(run.rounds) - 1
    kind = _KINDS[run.spec.run_type]
    if run.spec.run_type is RunType.JOB_RUN:
        kind = f'<a href="/jobs/{run.job_id}">Run of job {run.job_id}</a>'
    given = ", ".join(f"{name}={value}" for name, value in run.parameters.job.items())
    return f"<h1>{escape(run.spec.name)}</h1>{badge(run.state)}{problem}" + facts(
        [
            ("Started", time_text(run.start_time)),
            ("Duration", elapsed(run.start_time, run.end_time, now)),
            ("Run", str(run.run_id)),
            ("Kind", kind),
            ("Repairs", str(repairs) if repairs else ""),
            ("Failed", links if len(run.latest()) > 1 else ""),
            ("Parameters", escape(cut(given, ERROR_CHARACTERS))),
        ]
    )


def _attempts(run: Run, now: int) -> str:
    order = {key: number for number, key in enumerate(run.latest())}
    tasks = sorted(run.tasks, key=lambda task: (order[task.spec.key], task.attempt_number))
    return table(_COLUMNS, [_attempt_row(run, task, now) for task in tasks])


def _attempt_row(run: Run, task: TaskRun, now: int) -> str:
    number = task.attempt_number
    repair = f", repair {task.round}" if task.round else ""
    narrow = f' <span class="soft">#{number + 1}</span>' if number else ""
    error = task.error or (task.state.message if task.state.terminal else "")
    return (
        f'<tr><td><a href="{run_path(run, task)}">{escape(task.spec.key)}</a>{narrow}</td>'
        f'<td>{badge(task.state)}</td><td class="number wide">{number + 1}{repair}</td>'
        f'<td class="number wide">{time_text(task.start_time)}</td>'
        f'<td class="number">{elapsed(task.start_time, task.end_time, now)}</td>'
        f'<td class="wide">{escape(what(task))}</td>'
        f'<td class="error wide">{escape(cut(error, ERROR_CHARACTERS))}</td></tr>'
    )


def _iterations(run: Run, task: TaskRun, now: int) -> str:
    iterations = run.iterations_of(task)
    rows = [_attempt_row(run, each, now) for each in iterations[:MAX_ITERATIONS]]
    left_out = len(iterations) - len(rows)
    more = f'<p class="soft small">{left_out} more are left out.</p>' if left_out > 0 else ""
    total = f'<p class="soft small">{len(iterations)} attempts at {task.total_iterations} inputs.</p>'
    return total + table(_COLUMNS, rows) + more


def _inline(run: Run, task: TaskRun, *, is_only: bool, now: int) -> str:
    """The output of an attempt: open if it is the only one, failed, or is under way."""
    is_open = is_only or state_style(task.state) in ("bad", "busy")
    body = task_output(task) or _message(task) or '<p class="soft note">No output.</p>'
    iterations = _iterations(run, task, now) if task.total_iterations else ""
    return section(
        f"output-{_name(task)}",
        f'<details class="task" id="task-{task.run_id}"{" open" if is_open else ""}><summary>'
        f"{escape(task.spec.key)}{badge(task.state)}"
        f'<a class="small" href="{run_path(run, task)}">Page of this task</a></summary>'
        f"{iterations}{body}</details>",
    )


def _name(task: TaskRun) -> str:
    """The same for all attempts, so that a new one takes the place of the one before."""
    return str(task.original_run_id or task.run_id)


def _message(task: TaskRun) -> str:
    message = task.state.message if task.state.terminal else ""
    return f'<p class="problem">{escape(message)}</p>' if message else ""


def _task_facts(task: TaskRun, now: int) -> str:
    child = f'<a href="/runs/{task.child_run_id}">{task.child_run_id}</a>' if task.child_run_id else ""
    return facts(
        [
            ("Started", time_text(task.start_time)),
            ("Duration", elapsed(task.start_time, task.end_time, now)),
            ("Attempt", str(task.attempt_number + 1)),
            ("Repair", str(task.round) if task.round else ""),
            ("What", escape(what(task))),
            ("After", escape(_names(task.spec.depends_on))),
            ("Cluster", escape(task.cluster_id)),
            ("Outcome", escape(task.outcome)),
            ("Started run", child),
        ]
    )


def _names(keys: Iterable[str]) -> str:
    return ", ".join(keys)
