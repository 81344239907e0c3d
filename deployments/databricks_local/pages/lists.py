"""The lists of runs and jobs, and the small pages."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from databricks_local.jobs.store import Job
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
from databricks_local.runs.models import Run

GROUPS = {"active": "Active", "good": "Succeeded", "bad": "Failed", "off": "Canceled or skipped"}
"""The states by which runs are chosen, and their names."""


def group_of(run: Run) -> str:
    """Which of `GROUPS` a run is in."""
    return "active" if run.active else state_style(run.state)


def runs_page(
    runs: Sequence[Run],
    counts: Mapping[str, int],
    chosen: str,
    now: int,
    title: str = "Runs",
    base: str = "/",
) -> str:
    """A list of runs, the newest first.

    Args:
        runs: The runs that are shown.
        counts: How many there are in each group.
        chosen: The group that is shown; empty for all.
        now: The time.
        title: What the page is called.
        base: The path of the page.
    """
    return document(
        title, _runs_body(runs, counts, chosen, now, title, base), live=bool(counts.get("active"))
    )


def job_page(job: Job, runs: Sequence[Run], counts: Mapping[str, int], chosen: str, now: int) -> str:
    """A saved job: its settings and its runs."""
    settings = json.dumps(job.settings, indent=2, ensure_ascii=False)
    name = job.spec.name
    known = facts(
        [
            ("Job", str(job.job_id)),
            ("Tasks", str(len(job.spec.tasks))),
            ("Creator", escape(job.creator)),
            ("Created", time_text(job.created_time)),
        ]
    )
    head = f'<p class="soft small"><a href="/jobs">Jobs</a></p><h1>{escape(name)}</h1>{known}'
    body = (
        section("head", head, style="plain")
        + _runs_section(runs, counts, chosen, now, f"/jobs/{job.job_id}")
        + section(
            "settings",
            f'<details id="json"><summary>Settings</summary><pre>{escape(settings)}</pre></details>',
        )
    )
    return document(f"{name} – job", body, live=bool(counts.get("active")))


def jobs_page(jobs: Sequence[tuple[Job, Run | None]], total: int) -> str:
    """The saved jobs, each with its last run."""
    rows = [_job_row(job, last) for job, last in jobs]
    more = f'<p class="soft small">{len(rows)} of {total} jobs.</p>' if total > len(rows) else ""
    shown = table(["Job", "Last run", "-Tasks", "-Created"], rows) if rows else _nothing("No job is saved.")
    body = section("head", "<h1>Jobs</h1>", style="plain") + section("jobs", shown + more)
    return document("Jobs", body, live=any(last is not None and last.active for _, last in jobs))


def login_page(target: str, problem: str = "") -> str:
    """The form that asks for the token."""
    note = f'<p class="bad">{escape(problem)}</p>' if problem else ""
    form = (
        f'<h1>Log in</h1>{note}<form method="post" action="/login">'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        '<label>Token <input type="password" name="token" autocomplete="current-password" autofocus></label> '
        "<button>Log in</button></form>"
    )
    return document("Log in", section("login", form), navigation=False)


def message_page(title: str, text: str) -> str:
    """A page that says one thing."""
    return document(title, section("message", f"<h1>{escape(title)}</h1><p>{escape(text)}</p>"))


def _runs_body(
    runs: Sequence[Run], counts: Mapping[str, int], chosen: str, now: int, title: str, base: str
) -> str:
    head = section("head", f"<h1>{escape(title)}</h1>", style="plain")
    return head + _runs_section(runs, counts, chosen, now, base)


def _runs_section(runs: Sequence[Run], counts: Mapping[str, int], chosen: str, now: int, base: str) -> str:
    filters = [_filter(base, "", "All", sum(counts.values()), chosen)]
    filters += [_filter(base, group, name, counts.get(group, 0), chosen) for group, name in GROUPS.items()]
    rows = [_run_row(run, now) for run in runs]
    total = counts.get(chosen, 0) if chosen else sum(counts.values())
    more = f'<p class="soft small">The last {len(runs)} of {total} runs.</p>' if total > len(runs) else ""
    columns = ["Run", "State", "-Tasks", "-Started", "Duration"]
    shown = table(columns, rows) if rows else _nothing("No runs." if chosen else "Nothing was run yet.")
    chips = f'<nav class="filters" aria-label="State">{"".join(filters)}</nav>'
    return section("filters", chips, style="plain") + section("runs", shown + more)


def _filter(base: str, group: str, name: str, count: int, chosen: str) -> str:
    target = f"{base}?{urlencode({'state': group})}" if group else base
    current = ' aria-current="true"' if group == chosen else ""
    return f'<a href="{escape(target)}"{current}>{escape(name)} <span class="soft">{count}</span></a>'


def _run_row(run: Run, now: int) -> str:
    latest = run.latest().values()
    done = sum(task.state.terminal for task in latest)
    repairs = len(run.rounds) - 1
    repaired = f' <span class="soft small">{repairs}× repaired</span>' if repairs > 0 else ""
    return (
        f'<tr><td><a href="{run_path(run)}">{escape(run.spec.name)}</a>{repaired}</td>'
        f'<td>{badge(run.state)}</td><td class="number wide">{done} of {len(latest)}</td>'
        f'<td class="number wide">{time_text(run.start_time)}</td>'
        f'<td class="number">{elapsed(run.start_time, run.end_time, now)}</td></tr>'
    )


def _job_row(job: Job, last: Run | None) -> str:
    state = (
        f'<a href="{run_path(last)}">{badge(last.state)}</a>' if last else '<span class="soft">never</span>'
    )
    return (
        f'<tr><td><a href="/jobs/{job.job_id}">{escape(job.spec.name)}</a></td><td>{state}</td>'
        f'<td class="number wide">{len(job.spec.tasks)}</td>'
        f'<td class="number wide">{time_text(job.created_time)}</td></tr>'
    )


def _nothing(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>'
