"""Who would be told of a run and its tasks, and of what. Nothing is ever sent. Pure.

It is read off the run whenever somebody asks, so that it needs no records of its own. Source: the Jobs API's
fields `email_notifications`, `webhook_notifications`, `notification_settings` and `health`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from databricks_local.api.bodies import Json
from databricks_local.jobs.alerts import (
    EMAIL,
    NOT_IF_CANCELED,
    NOT_IF_SKIPPED,
    ON_LAST_ATTEMPT,
    WEBHOOK,
    destinations,
    duration_limit,
    switched,
)
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.states import LifeCycle, Result, State

START, SUCCESS, FAILURE = "on_start", "on_success", "on_failure"
DURATION = "on_duration_warning_threshold_exceeded"

_NOT_WANTED = frozenset({Result.EXCLUDED, Result.DISABLED})
"""Tasks that the settings leave out: nobody waits for them."""

_SECOND = 1_000


@dataclass(frozen=True)
class Notification:
    """One message to one destination.

    Attributes:
        time: When; milliseconds since 1970.
        event: The field that asks for it, such as `on_failure`.
        channel: `email` or `webhook`.
        destination: An address, or the id of a notification destination.
        run_id: The run.
        task_key: The task that it is about; empty for the run.
        task_run_id: The attempt at the task; 0 for the run.
    """

    time: int
    event: str
    channel: str
    destination: str
    run_id: int
    task_key: str = ""
    task_run_id: int = 0


@dataclass(frozen=True)
class _Span:
    """What notifications are about: a run, a repair of it, or an attempt at a task."""

    alerts: Json
    start: int
    end: int
    state: State
    first: bool = True
    last: bool = True


def notifications_of(run: Run, now: int) -> list[Notification]:
    """The notifications of a run and its tasks so far, the first one first.

    Args:
        run: The run.
        now: The time in milliseconds since 1970.
    """
    found = [
        Notification(time, event, channel, destination, run.run_id)
        for each in run.rounds
        for time, event, channel, destination in _told(_round_span(run, each), now)
    ]
    # The one task of a run in the old format has the fields of its run.
    tasks = [] if run.spec.legacy else run.tasks
    numbers: dict[tuple[int, int], list[int]] = {}
    attempts = [each for task in tasks for each in (task, *task.iterations) if each.spec.alerts]
    for task in attempts:
        numbers.setdefault((task.original_run_id, task.round), []).append(task.attempt_number)
    found += [
        Notification(time, event, channel, destination, run.run_id, task.spec.key, task.run_id)
        for task in attempts
        for time, event, channel, destination in _told(
            _task_span(run, task, numbers[task.original_run_id, task.round]), now
        )
    ]
    return sorted(found, key=lambda each: each.time)


def _round_span(run: Run, each: Round) -> _Span:
    waits = each.state.life_cycle in (LifeCycle.QUEUED, LifeCycle.SKIPPED)
    begun = run.queued_until if each is run.rounds[0] and run.queued_until else each.start_time
    return _Span(each.alerts, 0 if waits else begun, each.end_time, each.state)


def _task_span(run: Run, task: TaskRun, numbers: Sequence[int]) -> _Span:
    """An attempt at a task, of which there are attempts with these numbers in the same repair."""
    # A task that never started has no end. Records of earlier versions do not say when it was settled.
    end = task.end_time or task.settled_time or run.rounds[task.round].end_time
    first, last = task.attempt_number == min(numbers), task.attempt_number == max(numbers)
    return _Span(task.spec.alerts, task.start_time, end, task.state, first, last)


def _told(span: _Span, now: int) -> Iterator[tuple[int, str, str, str]]:
    """Time, event, channel and destination of what is told of a span."""
    for time, event in _events(span, now):
        for channel in (EMAIL, WEBHOOK):
            for destination in destinations(span.alerts, channel, event):
                yield time, event, channel.removesuffix("_notifications"), destination


def _events(span: _Span, now: int) -> Iterator[tuple[int, str]]:
    """What happened that somebody can ask to be told of."""
    last_only = switched(span.alerts, ON_LAST_ATTEMPT)
    if span.start and (span.first or not last_only):
        yield span.start, START
    limit = duration_limit(span.alerts) * _SECOND
    if limit and span.start and (span.end or now) - span.start > limit:
        yield span.start + limit, DURATION
    if span.state.terminal:
        event = _ending(span)
        if event and (span.last or not last_only or event != FAILURE):
            yield span.end, event


def _ending(span: _Span) -> str:
    """How a span ended, as an event; empty if nobody is told of it."""
    state = span.state
    if state.result in _NOT_WANTED or state.result is Result.SUCCESS_WITH_FAILURES:
        # Docs name the result SUCCESS for success, and none of these for failure.
        return ""
    if state.life_cycle is LifeCycle.SKIPPED:
        # The field of the same name among the addresses is older, and deprecated.
        quiet = switched(span.alerts, NOT_IF_SKIPPED) or switched(span.alerts, NOT_IF_SKIPPED, EMAIL)
        return "" if quiet else FAILURE
    if state.result is Result.CANCELED:
        return "" if switched(span.alerts, NOT_IF_CANCELED) else FAILURE
    return SUCCESS if state.result is Result.SUCCESS else FAILURE
