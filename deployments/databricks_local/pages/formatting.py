"""How states, moments, lengths of time and links are written on every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.states import CANCELED, SUCCEEDED, LifeCycle, Result, State

MAX_ROWS = 30
"""A table or time line with more rows has a scroll bar of its own."""

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


@dataclass(frozen=True)
class Badge:
    """A state in a word, and the CSS class that gives it its colour."""

    text: str
    style: str


@dataclass(frozen=True)
class Link:
    """A text that leads to a page of this workspace; without a path it is only a text."""

    text: str
    path: str = ""


@dataclass(frozen=True)
class Fact:
    """A name and what is known under it."""

    name: str
    values: Sequence[Link]


def fact(name: str, value: str | int | Link) -> Fact:
    """A fact with one value; an empty text, 0 and a link without text are no value."""
    link = value if isinstance(value, Link) else Link(str(value) if value else "")
    return Fact(name, [link] if link.text else [])


def known(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that have a value."""
    return [each for each in facts if each.values]


def badge(state: State) -> Badge:
    """How a state is shown."""
    return Badge(state_text(state), state_style(state))


def state_style(state: State) -> str:
    """The CSS class of a state: `good`, `bad`, `busy`, `wait` or `off`."""
    if not state.terminal:
        return "busy" if state.life_cycle in (LifeCycle.RUNNING, LifeCycle.TERMINATING) else "wait"
    if state.result in SUCCEEDED:
        return "off" if state.result is Result.EXCLUDED else "good"
    never_ran = state.life_cycle is LifeCycle.SKIPPED
    return "off" if never_ran or state.result in CANCELED or state.result is None else "bad"


def state_text(state: State) -> str:
    """A state in a word: the result if there is one, otherwise the life cycle."""
    return (state.result or state.life_cycle).value


def time_text(milliseconds: int) -> str:
    """A moment with its date, in UTC; empty for 0."""
    return f"{_moment(milliseconds):%Y-%m-%d %H:%M:%S} UTC" if milliseconds else ""


def clock_text(milliseconds: int, reference: int) -> str:
    """A moment in UTC: without its date if that is the date of `reference`; empty for 0."""
    if not milliseconds:
        return ""
    moment = _moment(milliseconds)
    same_day = moment.date() == _moment(reference).date()
    return moment.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S")


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / SECOND, UTC)


def duration_text(milliseconds: int) -> str:
    """A length of time in at most two units."""
    if milliseconds < MINUTE:
        return f"{milliseconds / SECOND:.1f} s"
    seconds = milliseconds // SECOND
    if milliseconds < HOUR:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds // 60 % 60:02} min"


def elapsed(start: int, end: int, now: int) -> str:
    """How long something took, or has taken so far; empty if it has not begun."""
    return duration_text(max((end or now) - start, 0)) if start else ""


def cut(text: str, room: int) -> str:
    """The text, shortened to `room` characters if it is longer."""
    return text if len(text) <= room else f"{text[: max(room - 1, 1)]}…"


def run_path(run: Run, task: TaskRun | None = None) -> str:
    """The path of the page of a run, or of one of its task runs."""
    return f"/jobs/{run.job_id}/runs/{task.run_id if task else run.run_id}"


def message_of(state: State) -> str:
    """The message of a state that is final."""
    return state.message if state.terminal else ""
