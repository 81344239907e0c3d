"""The attempts of a run on time lines: one for the original run, one for each repair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from databricks_local.pages.formatting import (
    MAX_ROWS,
    Badge,
    badge,
    duration_text,
    elapsed,
    run_path,
    state_text,
)
from databricks_local.runs.models import Round, Run, TaskRun

TICKS = 4
LEAST_PERCENT = 0.6
"""The width of the shortest bar."""

LAST_TICK = 0.9
"""A label further to the right than this part of the line would not fit."""

NICE = (1, 2, 5)
MINUTES_FROM = 120_000


@dataclass(frozen=True)
class Bar:
    """One attempt: from where to where it goes, in percent of the line.

    Attributes:
        title: What is shown when the mouse is over it.
        style: The CSS class of its state.
        setup: Its start and width while the cluster was not there; drawn paler.
        work: Its start and width while the task ran; None if it never did.
    """

    title: str
    style: str
    setup: tuple[float, float]
    work: tuple[float, float] | None


@dataclass(frozen=True)
class Lane:
    """One task: its last attempt's page and state, and a bar for each attempt that began."""

    key: str
    path: str
    attempts: int
    label: str
    state: Badge
    duration: str
    bars: list[Bar]


@dataclass(frozen=True)
class Tick:
    """A label below which the line is so many percent long."""

    percent: float
    text: str


@dataclass(frozen=True)
class TimeLine:
    """The original run or a repair; without a name if it is the only one."""

    name: str
    state: Badge
    duration: str
    ticks: list[Tick]
    lanes: list[Lane]

    @property
    def long(self) -> bool:
        """Whether it has a scroll bar of its own."""
        return len(self.lanes) > MAX_ROWS


def time_lines(run: Run, now: int) -> list[TimeLine]:
    """All time lines of a run."""
    by_round: list[list[TaskRun]] = [[] for _ in run.rounds]
    for task in run.tasks:
        by_round[task.round].append(task)
    return [_time_line(run, number, tasks, now) for number, tasks in enumerate(by_round)]


def _time_line(run: Run, number: int, tasks: Sequence[TaskRun], now: int) -> TimeLine:
    each: Round = run.rounds[number]
    begin = each.start_time
    end = max([each.end_time or now, begin + 1, *(task.end_time for task in tasks)])
    lanes: dict[str, list[TaskRun]] = {}
    for task in tasks:
        lanes.setdefault(task.spec.key, []).append(task)
    name = f"Repair {number}" if number else "Original run"
    return TimeLine(
        name=name if len(run.rounds) > 1 else "",
        state=badge(each.state),
        duration=elapsed(each.start_time, each.end_time, now),
        ticks=_ticks(end - begin),
        lanes=[_lane(run, attempts, (begin, end), now) for attempts in lanes.values()],
    )


def _lane(run: Run, attempts: Sequence[TaskRun], span: tuple[int, int], now: int) -> Lane:
    last = attempts[-1]
    begun = [task for task in attempts if task.start_time]
    return Lane(
        key=last.spec.key,
        path=run_path(run, last),
        attempts=len(attempts),
        label=f"{last.spec.key}: {', '.join(state_text(task.state) for task in attempts)}",
        state=badge(last.state),
        duration=elapsed(begun[0].start_time, last.end_time, now) if begun else "",
        bars=[_bar(task, span, now) for task in begun],
    )


def _bar(task: TaskRun, span: tuple[int, int], now: int) -> Bar:
    end = task.end_time or now
    ready = min(task.ready_time or end, end)
    state, took = badge(task.state), duration_text(end - task.start_time)
    return Bar(
        title=f"attempt {task.attempt_number + 1}: {state.text}, {took}",
        style=state.style,
        setup=_percents(task.start_time, ready, span),
        work=_percents(ready, end, span) if task.ready_time else None,
    )


def _percents(start: int, end: int, span: tuple[int, int]) -> tuple[float, float]:
    begin, finish = span
    x = min(max(100 * (start - begin) / (finish - begin), 0), 100 - LEAST_PERCENT)
    width = min(max(100 * (end - start) / (finish - begin), LEAST_PERCENT), 100 - x)
    return round(x, 2), round(width, 2)


def _ticks(milliseconds: int) -> list[Tick]:
    marks = range(0, milliseconds, nice_step(milliseconds))
    return [
        Tick(round(100 * at / milliseconds, 2), _tick_text(at))
        for at in marks
        if at <= milliseconds * LAST_TICK
    ]


def nice_step(milliseconds: int) -> int:
    """A round number of milliseconds that fits about `TICKS` times into the given ones."""
    wanted = max(milliseconds / TICKS, 1)
    scale = 10 ** math.floor(math.log10(wanted))
    return int(next((scale * nice for nice in NICE if scale * nice >= wanted), scale * 10))


def _tick_text(milliseconds: int) -> str:
    in_seconds = milliseconds < MINUTES_FROM
    return f"{milliseconds / 1000:g} s" if in_seconds else f"{milliseconds / 60_000:.3g} min"
