"""The tasks of a run as a graph."""

from collections.abc import Mapping, Sequence
from html import escape

from databricks_local.pages.layout import LARGE, Edge, Layout, Point, lay_out
from databricks_local.pages.parts import elapsed, run_path, state_style, state_text
from databricks_local.runs.models import Run, TaskRun

CHARACTER_WIDTH = 7.3
LEAST_SCALE = 0.7
MARKS = {
    "SUCCESS": "OK",
    "FAILED": "FAIL",
    "TIMEDOUT": "TIME",
    "CANCELED": "STOP",
    "RUNNING": "RUN",
    "TERMINATING": "STOP",
    "PENDING": "WAIT",
    "BLOCKED": "WAIT",
    "QUEUED": "WAIT",
    "WAITING_FOR_RETRY": "WAIT",
}
"""States where there is no room for their names; the others are those of tasks that never ran."""


def graph(run: Run, latest: Mapping[str, TaskRun], now: int) -> str:
    """The latest attempts and what they depend on, as an SVG."""
    tasks = list(latest.values())
    layout = lay_out([task.spec for task in tasks])
    edges = "".join(_edge(edge, latest[edge.target]) for edge in layout.edges)
    nodes = "".join(_node(run, task, layout, now) for task in tasks)
    width, height = round(layout.width), round(layout.height)
    kind = "" if layout.size is LARGE else ' class="dense"'
    return (
        f'<div class="scroll tall"><svg{kind} viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="The tasks and what they depend on" style="display:block;width:100%;max-width:{width}px;'
        f'min-width:{min(round(width * LEAST_SCALE), width)}px">{edges}{nodes}</svg></div>'
    )


def _node(run: Run, task: TaskRun, layout: Layout, now: int) -> str:
    x, y = layout.corners[task.spec.key]
    width, height = layout.size.width, layout.size.height
    style, text = state_style(task.state), state_text(task.state)
    duration = elapsed(task.start_time, task.end_time, now)
    attempt = f", attempt {task.attempt_number + 1}" if task.attempt_number else ""
    title = escape(f"{task.spec.key}: {text}{attempt}{f', {duration}' if duration else ''}")
    room = int((width - 26) / CHARACTER_WIDTH)
    if layout.size is LARGE:
        number = f" · #{task.attempt_number + 1}" if task.attempt_number else ""
        after = f" · {duration}" if duration else ""
        lines = _text(x + 18, y + 19, cut(task.spec.key, room)) + (
            f'<text class="sub" x="{x + 18:g}" y="{y + 36:g}"><tspan class="{style}">{_short(text)}</tspan>'
            f'<tspan class="soft">{escape(after + number)}</tspan></text>'
        )
    else:
        mark = MARKS.get(text, "SKIP")
        lines = _text(x + 14, y + 17, cut(task.spec.key, room - 5)) + (
            f'<text class="sub {style}" x="{x + width - 6:g}" y="{y + 17:g}" text-anchor="end">{mark}</text>'
        )
    return (
        f'<a href="{run_path(run, task)}"><title>{title}</title>'
        f'<rect class="node" x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="7"/>'
        f'<rect class="{style}" x="{x + 5:g}" y="{y + 6:g}" width="4" height="{height - 12}" rx="2"/>'
        f"{lines}</a>"
    )


def _edge(edge: Edge, target: TaskRun) -> str:
    x, y = edge.points[-1]
    outcome = target.spec.outcomes.get(edge.source, "")
    label = ""
    if outcome:
        label = (
            f'<text class="sub soft" x="{x - 10:g}" y="{y - 5:g}" text-anchor="end">{escape(outcome)}</text>'
        )
    arrow = f'<path class="arrow" d="M{x:g} {y:g}l-8 -4v8z"/>'
    return f'<path class="edge" d="{_curve(edge.points)}"/>{arrow}{label}'


def _curve(points: Sequence[Point]) -> str:
    (x, y), *others = points
    parts = [f"M{x:g} {y:g}"]
    for next_x, next_y in others:
        middle = (x + next_x) / 2
        parts.append(f"C{middle:g} {y:g} {middle:g} {next_y:g} {next_x:g} {next_y:g}")
        x, y = next_x, next_y
    return "".join(parts)


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _short(text: str) -> str:
    return escape(cut(text, 22))


def cut(text: str, room: int) -> str:
    """Text that is not longer than there is room."""
    return text if len(text) <= room else f"{text[: max(room - 1, 1)]}…"
