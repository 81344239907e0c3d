"""The lists of runs and jobs, the page of a job, and the small pages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from databricks_local.jobs.store import Job
from databricks_local.pages.formatting import (
    MAX_ROWS,
    Badge,
    badge,
    elapsed,
    fact,
    known,
    run_path,
    state_style,
    time_text,
)
from databricks_local.pages.rendering import render
from databricks_local.runs.models import Run

GROUPS = {"active": "Active", "good": "Succeeded", "bad": "Failed", "off": "Canceled or skipped"}
"""The groups of states by which runs are chosen, and their names."""


@dataclass(frozen=True)
class Filter:
    """A link to the runs of one group."""

    name: str
    path: str
    count: int
    current: bool


@dataclass(frozen=True)
class RunRow:
    """A run in a list; `done` of its `tasks` have ended."""

    name: str
    path: str
    repairs: int
    state: Badge
    done: int
    tasks: int
    started: str
    duration: str


@dataclass(frozen=True)
class RunList:
    """The runs of the chosen group, the newest first, and the links to the other groups."""

    filters: list[Filter]
    rows: list[RunRow]
    total: int
    nothing: str
    live: bool

    @property
    def long(self) -> bool:
        """Whether the table has a scroll bar of its own."""
        return len(self.rows) > MAX_ROWS


@dataclass(frozen=True)
class JobRow:
    """A job in a list, with the page and state of its last run; None if it never ran."""

    name: str
    path: str
    last_path: str
    last_state: Badge | None
    tasks: int
    created: str


def group_of(run: Run) -> str:
    """Which of `GROUPS` a run is in."""
    return "active" if run.active else state_style(run.state)


def runs_page(runs: Sequence[Run], counts: Mapping[str, int], chosen: str, now: int) -> str:
    """The list of all runs, as HTML.

    Args:
        runs: The runs that are shown, the newest first.
        counts: How many runs there are in each group.
        chosen: The group that is shown; empty for all.
        now: The time in milliseconds since 1970.
    """
    shown = _run_list([(run, run.spec.name) for run in runs], counts, chosen, now, "/")
    return render("runs", live=shown.live, title="Runs", runs=shown)


def job_page(job: Job, runs: Sequence[Run], counts: Mapping[str, int], chosen: str, now: int) -> str:
    """A saved job with its runs and its settings, as HTML; the arguments are those of `runs_page`."""
    # The runs of a job have its name: their ids tell them apart.
    named = [(run, str(run.run_id)) for run in runs]
    shown = _run_list(named, counts, chosen, now, f"/jobs/{job.job_id}")
    facts = [
        fact("Job", job.job_id),
        fact("Tasks", len(job.spec.tasks)),
        fact("Creator", job.creator),
        fact("Created", time_text(job.created_time)),
        fact("Cannot be read", job.fault),
    ]
    settings = json.dumps(job.settings, indent=2, ensure_ascii=False)
    return render(
        "job", live=shown.live, title=job.spec.name, facts=known(facts), runs=shown, settings=settings
    )


def jobs_page(jobs: Sequence[tuple[Job, Run | None]], total: int) -> str:
    """The saved jobs, as HTML.

    Args:
        jobs: The jobs that are shown, each with its last run.
        total: How many jobs there are.
    """
    rows = [_job_row(job, last) for job, last in jobs]
    live = any(last is not None and last.active for _, last in jobs)
    return render("jobs", live=live, title="Jobs", rows=rows, total=total, long=len(rows) > MAX_ROWS)


def login_page(target: str, problem: str = "") -> str:
    """The form that asks for the token, as HTML.

    Args:
        target: The path of this server that it leads to.
        problem: Why the last attempt failed; empty before the first.
    """
    return render("login", live=False, title="Log in", target=target, problem=problem)


def message_page(title: str, text: str) -> str:
    """A page with one message, as HTML."""
    return render("message", live=False, title=title, text=text)


def _run_list(
    runs: Sequence[tuple[Run, str]], counts: Mapping[str, int], chosen: str, now: int, path: str
) -> RunList:
    every = sum(counts.values())
    filters = [Filter("All", path, every, not chosen)]
    for group, name in GROUPS.items():
        target = f"{path}?{urlencode({'state': group})}"
        filters.append(Filter(name, target, counts.get(group, 0), group == chosen))
    return RunList(
        filters=filters,
        rows=[_run_row(run, name, now) for run, name in runs],
        total=counts.get(chosen, 0) if chosen else every,
        nothing="No runs." if chosen else "Nothing was run yet.",
        live=bool(counts.get("active")),
    )


def _run_row(run: Run, name: str, now: int) -> RunRow:
    latest = run.latest().values()
    return RunRow(
        name=name,
        path=run_path(run),
        repairs=len(run.rounds) - 1,
        state=badge(run.state),
        done=sum(task.state.terminal for task in latest),
        tasks=len(latest),
        started=time_text(run.start_time),
        duration=elapsed(run.start_time, run.end_time, now),
    )


def _job_row(job: Job, last: Run | None) -> JobRow:
    return JobRow(
        name=job.spec.name,
        path=f"/jobs/{job.job_id}",
        last_path=run_path(last) if last else "",
        last_state=badge(last.state) if last else None,
        tasks=len(job.spec.tasks),
        created=time_text(job.created_time),
    )
