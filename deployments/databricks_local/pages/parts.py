"""What pages are made of."""

from datetime import UTC, datetime
from html import escape

from databricks_local.pages.style import SCRIPT, STYLE
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.states import CANCELED, SUCCEEDED, LifeCycle, Result, State

REFRESH_SECONDS = 2
MAX_ROWS = 30
"""A longer table has a scroll bar of its own."""

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def document(title: str, body: str, *, live: bool = False, navigation: bool = True) -> str:
    """A whole page.

    Args:
        title: Its title.
        body: Its sections, as HTML.
        live: Whether it asks for its new state every now and then.
        navigation: Whether it has links to the other pages.
    """
    refresh = f'<noscript><meta http-equiv="refresh" content="{REFRESH_SECONDS}"></noscript>' if live else ""
    script = f"<script>{SCRIPT}</script>" if live else ""
    links = '<a href="/">Runs</a><a href="/jobs">Jobs</a>' if navigation else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{refresh}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body{' data-live' if live else ''}>"
        f'<header class="top"><nav><strong>Local Databricks workspace</strong>{links}</nav></header>'
        f"<main>{body}</main>{script}</body></html>"
    )


def section(name: str, body: str, title: str = "", style: str = "") -> str:
    """A section, which is swapped as a whole when it changed."""
    heading = f"<h2>{escape(title)}</h2>" if title else ""
    kind = f' class="{style}"' if style else ""
    return f'<section id="{escape(name)}"{kind}>{heading}{body}</section>'


def state_style(state: State) -> str:
    """The class that gives a state its colour."""
    if not state.terminal:
        return "busy" if state.life_cycle in (LifeCycle.RUNNING, LifeCycle.TERMINATING) else "wait"
    if state.result in SUCCEEDED:
        return "off" if state.result is Result.EXCLUDED else "good"
    never_ran = state.life_cycle is LifeCycle.SKIPPED
    return "off" if never_ran or state.result in CANCELED or state.result is None else "bad"


def state_text(state: State) -> str:
    """A state in a word."""
    return (state.result or state.life_cycle).value


def badge(state: State) -> str:
    """A state with its colour."""
    return f'<span class="state {state_style(state)}">{escape(state_text(state))}</span>'


def time_text(milliseconds: int) -> str:
    """A moment."""
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration_text(milliseconds: int) -> str:
    """A length of time, as short as it can be said."""
    if milliseconds < MINUTE:
        return f"{milliseconds / SECOND:.1f} s"
    seconds = milliseconds // SECOND
    if milliseconds < HOUR:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds // 60 % 60:02} min"


def elapsed(start: int, end: int, now: int) -> str:
    """How long something took, or takes so far; nothing if it has not begun."""
    return duration_text(max((end or now) - start, 0)) if start else ""


def facts(pairs: list[tuple[str, str]]) -> str:
    """A few facts with their names; the values are HTML. Those without value are left out."""
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in pairs if value)
    return f'<dl class="facts">{shown}</dl>'


def table(columns: list[str], rows: list[str]) -> str:
    """A table; a column whose name begins with `-` is left out where there is little room."""
    kind = "scroll tall" if len(rows) > MAX_ROWS else "scroll"
    head = "".join(
        f'<th class="wide">{escape(name[1:])}</th>' if name.startswith("-") else f"<th>{escape(name)}</th>"
        for name in columns
    )
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="{kind}"><table>{body}</table></div>'


def run_path(run: Run, task: TaskRun | None = None) -> str:
    """The page of a run or of a task run."""
    return f"/jobs/{run.job_id}/runs/{task.run_id if task else run.run_id}"
