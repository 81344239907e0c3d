"""The attempts of a run on a time line: one for the original run, one for each repair."""

import math
from collections.abc import Sequence
from html import escape

from databricks_local.pages.parts import badge, duration_text, elapsed, run_path, state_style, state_text
from databricks_local.runs.models import Round, Run, TaskRun

TICKS = 4
LEAST_PERCENT = 0.6
NICE = (1, 2, 5)


def timelines(run: Run, now: int) -> str:
    """All time lines of a run."""
    shown = []
    for number, each in enumerate(run.rounds):
        tasks = [task for task in run.tasks if task.round == number]
        title = ""
        if len(run.rounds) > 1:
            name = f"Repair {number}" if number else "Original run"
            title = (
                f"<h3>{name} {badge(each.state)} "
                f'<span class="soft small">{elapsed(each.start_time, each.end_time, now)}</span></h3>'
            )
        shown.append(title + timeline(run, each, tasks, now))
    return "".join(shown)


def timeline(run: Run, each: Round, tasks: Sequence[TaskRun], now: int) -> str:
    """The attempts that were made between two moments: a lane for each task, a bar for each attempt."""
    begin = each.start_time
    end = max([each.end_time or now, begin + 1, *(task.end_time for task in tasks)])
    lanes: dict[str, list[TaskRun]] = {}
    for task in tasks:
        lanes.setdefault(task.spec.key, []).append(task)
    rows = "".join(_lane(run, key, attempts, (begin, end), now) for key, attempts in lanes.items())
    return f'<div class="scroll tall">{_axis(end - begin)}{rows}</div>'


def _lane(run: Run, key: str, attempts: Sequence[TaskRun], span: tuple[int, int], now: int) -> str:
    last = attempts[-1]
    bars = "".join(_bars(task, span, now) for task in attempts if task.start_time)
    label = f"{key}: {', '.join(state_text(task.state) for task in attempts)}"
    begun = [task.start_time for task in attempts if task.start_time]
    took = f'<span class="soft">{elapsed(begun[0], last.end_time, now)}</span>' if begun else ""
    count = f' <span class="soft">×{len(attempts)}</span>' if len(attempts) > 1 else ""
    return (
        f'<div class="lane"><span><a href="{run_path(run, last)}" title="{escape(key)}">{escape(key)}</a>'
        f'{count}</span><svg role="img" aria-label="{escape(label)}">{bars}</svg>'
        f'<span class="end">{badge(last.state)}{took}</span></div>'
    )


def _bars(task: TaskRun, span: tuple[int, int], now: int) -> str:
    """The time until the cluster was there, paler, and the time for which the task ran."""
    end = task.end_time or now
    ready = min(task.ready_time or end, end)
    title = (
        f"attempt {task.attempt_number + 1}: {state_text(task.state)}, {duration_text(end - task.start_time)}"
    )
    style = state_style(task.state)
    return (
        f"<g><title>{escape(title)}</title>"
        f"{_bar(task.start_time, ready, span, f'setup {style}')}"
        f"{_bar(ready, end, span, style) if task.ready_time else ''}</g>"
    )


def _bar(start: int, end: int, span: tuple[int, int], style: str) -> str:
    begin, finish = span
    x = min(max(100 * (start - begin) / (finish - begin), 0), 100 - LEAST_PERCENT)
    width = min(max(100 * (end - start) / (finish - begin), LEAST_PERCENT), 100 - x)
    return f'<rect class="{style}" x="{x:.2f}%" y="20%" width="{width:.2f}%" height="60%" rx="2"/>'


def _axis(milliseconds: int) -> str:
    step = nice_step(milliseconds)
    ticks = "".join(
        f'<text class="soft" x="{100 * at / milliseconds:.2f}%" y="80%">{_tick(at)}</text>'
        for at in range(0, milliseconds, step)
        # The last one would stand out of the picture.
        if at <= milliseconds * 0.9
    )
    picture = f'<svg class="axis" aria-hidden="true">{ticks}</svg>'
    return f'<div class="lane ticks"><span></span>{picture}<span></span></div>'


def nice_step(milliseconds: int) -> int:
    """A round number of milliseconds, of which about `TICKS` fit."""
    wanted = max(milliseconds / TICKS, 1)
    scale = 10 ** math.floor(math.log10(wanted))
    return int(next((scale * nice for nice in NICE if scale * nice >= wanted), scale * 10))


def _tick(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds < 120_000 else f"{milliseconds / 60_000:.3g} min"  # noqa: PLR2004
