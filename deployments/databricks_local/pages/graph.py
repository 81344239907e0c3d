"""The tasks of a run as a graph: what the template draws, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databricks_local.pages.formatting import Badge, badge, cut, elapsed, run_path, state_text
from databricks_local.pages.layout import LARGE, Edge, Layout, Point, lay_out
from databricks_local.runs.models import Run, TaskRun

CHARACTER_WIDTH = 7.3
LEAST_SCALE = 0.8
"""How far a graph shrinks to fit the window; a larger one is scrolled."""

STATE_CHARACTERS = 22
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
"""Short names of states for small boxes. All other states are those of tasks that never ran: SKIP."""


@dataclass(frozen=True)
class Node:
    """The box of a task.

    Attributes:
        path: The page that it leads to.
        x: Its left side.
        y: Its upper side.
        title: What is shown when the mouse is over it.
        name: The task's key, cut to the room there is.
        state: The state; in a small box as one of `MARKS`.
        note: How long it took, and which attempt it is if not the first; empty in a small box.
    """

    path: str
    x: float
    y: float
    title: str
    name: str
    state: Badge
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A dependency: the curve in SVG's path language, where its arrow ends, and the outcome it waits for."""

    curve: str
    x: float
    y: float
    outcome: str


@dataclass(frozen=True)
class Graph:
    """A graph as it is drawn; lengths are in the units of the SVG.

    Attributes:
        width: Of the whole graph.
        height: Of the whole graph.
        least_width: The width, in CSS pixels, below which it does not shrink.
        node_width: Of every box.
        node_height: Of every box.
        dense: Whether the boxes are small and have one line of text.
        nodes: The boxes.
        lines: What connects them.
    """

    width: int
    height: int
    least_width: int
    node_width: int
    node_height: int
    dense: bool
    nodes: list[Node]
    lines: list[Line]


def graph(run: Run, latest: Mapping[str, TaskRun], now: int) -> Graph:
    """The graph of the latest attempts and what they depend on.

    Args:
        run: The run.
        latest: The last attempt at each task, by its key.
        now: The time in milliseconds since 1970.
    """
    tasks = list(latest.values())
    layout = lay_out([task.spec for task in tasks])
    width, height = round(layout.width), round(layout.height)
    return Graph(
        width=width,
        height=height,
        least_width=round(width * LEAST_SCALE),
        node_width=layout.size.width,
        node_height=layout.size.height,
        dense=layout.size is not LARGE,
        nodes=[_node(run, task, layout, now) for task in tasks],
        lines=[_line(edge, latest[edge.target]) for edge in layout.edges],
    )


def _node(run: Run, task: TaskRun, layout: Layout, now: int) -> Node:
    x, y = layout.corners[task.spec.key]
    text = state_text(task.state)
    duration = elapsed(task.start_time, task.end_time, now)
    number = task.attempt_number + 1
    title = f"{task.spec.key}: {text}{f', attempt {number}' if number > 1 else ''}"
    title += f", {duration}" if duration else ""
    room = int((layout.size.width - 26) / CHARACTER_WIDTH)
    path, style = run_path(run, task), badge(task.state).style
    if layout.size is not LARGE:
        mark = Badge(MARKS.get(text, "SKIP"), style)
        return Node(path, x, y, title, cut(task.spec.key, room - 5), mark)
    note = (f" · {duration}" if duration else "") + (f" · #{number}" if number > 1 else "")
    state = Badge(cut(text, STATE_CHARACTERS), style)
    return Node(path, x, y, title, cut(task.spec.key, room), state, note)


def _line(edge: Edge, target: TaskRun) -> Line:
    x, y = edge.points[-1]
    return Line(_curve(edge.points), x, y, target.spec.outcomes.get(edge.source, ""))


def _curve(points: Sequence[Point]) -> str:
    (x, y), *others = points
    parts = [f"M{x:g} {y:g}"]
    for next_x, next_y in others:
        middle = (x + next_x) / 2
        parts.append(f"C{middle:g} {y:g} {middle:g} {next_y:g} {next_x:g} {next_y:g}")
        x, y = next_x, next_y
    return "".join(parts)
