"""What starts runs of a saved job by itself, and when that is due. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from databricks_local.api.bodies import (
    Json,
    read_choice,
    read_integer,
    read_object,
    read_required_integer,
    read_required_string,
    read_string_list,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.quartz import QuartzError, java_time_zone, parse_quartz

LEAST_WAIT_SECONDS, MAX_WAIT_SECONDS = 60, 604_800
"""Docs: the minimum of the waits of file arrival and table update triggers."""

UNIT_SECONDS = {"MINUTES": 60, "HOURS": 3600, "DAYS": 86_400, "WEEKS": 604_800}
MAX_INTERVAL = 10_000

QUIET, GAP = "wait_after_last_change_seconds", "min_time_between_triggers_seconds"

_PAUSE = ("PAUSED", "UNPAUSED")
_CONDITIONS = ("ANY_UPDATED", "ALL_UPDATED")
_SECOND, _MINUTE = 1_000, 60_000


class TriggerType(StrEnum):
    """`trigger` of a run that a turn of the clock starts."""

    PERIODIC = "PERIODIC"
    CONTINUOUS = "CONTINUOUS"
    FILE_ARRIVAL = "FILE_ARRIVAL"
    TABLE = "TABLE"


@dataclass(frozen=True)
class TriggerSpec:
    """What starts runs of a job by itself.

    Attributes:
        type: The type of the runs' trigger.
        paused: Whether it starts nothing for now.
        cron: Of a schedule, its expression.
        timezone: Of a schedule, the time zone that the expression is meant in.
        interval_seconds: Of a periodic trigger, the time between its runs.
        url: Of a file arrival trigger, where files arrive.
        tables: Of a table update trigger, the names of the tables.
        all_tables: Whether all of them have to be updated.
        wait_seconds: How long files or tables have to be quiet before a run.
        gap_seconds: The least time between two runs.
    """

    type: TriggerType
    paused: bool = False
    cron: str = ""
    timezone: str = ""
    interval_seconds: int = 0
    url: str = ""
    tables: tuple[str, ...] = ()
    all_tables: bool = False
    wait_seconds: int = 0
    gap_seconds: int = 0


@dataclass(frozen=True)
class Turn:
    """A turn of the clock, and what is said to have happened when it began. In milliseconds since 1970.

    Attributes:
        after: The time before.
        until: The time then.
        files: The files that arrived.
        tables: The tables that were updated.
    """

    after: int
    until: int
    files: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class News:
    """What came that a trigger waits for, and started no run yet.

    Attributes:
        time: When the last of it came; milliseconds since 1970.
        tables: The tables that were updated, of a trigger that waits for tables.
    """

    time: int
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Firing:
    """A run that is due.

    Attributes:
        time: When; milliseconds since 1970.
        type: The type of its trigger.
        trigger_time: What `{{job.trigger.time.*}}` says.
        references: What `{{job.trigger.*}}` says besides.
    """

    time: int
    type: TriggerType
    trigger_time: int
    references: dict[str, str] = field(default_factory=dict)


def parse_trigger(settings: Json) -> TriggerSpec | None:
    """Read `schedule`, `trigger` and `continuous` of a job; None if there is none, or one not served here."""
    found = {name: read_object(settings, name) for name in ("schedule", "trigger", "continuous")}
    # An empty object counts: `continuous` has no field that is required.
    given = {name: body for name, body in found.items() if body is not None}
    if len(given) > 1:
        # Docs: "You can only have one trigger defined for a job".
        raise invalid_parameter(f"A job can have only one of {', '.join(given)}.")
    for name, body in given.items():
        paused = read_choice(body, "pause_status", _PAUSE, "UNPAUSED") == "PAUSED"
        if name == "schedule":
            return _schedule(body, paused=paused)
        if name == "continuous":
            return TriggerSpec(TriggerType.CONTINUOUS, paused)
        return _trigger(body, paused=paused)
    return None


def _schedule(body: Json, *, paused: bool) -> TriggerSpec:
    cron = read_required_string(body, "quartz_cron_expression")
    timezone = read_required_string(body, "timezone_id")
    try:
        parse_quartz(cron)
    except QuartzError as error:
        raise invalid_parameter(
            f"Invalid quartz_cron_expression: '{cron[:200]}': {error}. "
            "It has the syntax of Quartz, not of Unix cron."
        ) from error
    try:
        java_time_zone(timezone)
    except ValueError as error:
        raise invalid_parameter(f"Invalid timezone_id: '{timezone[:200]}'.") from error
    return TriggerSpec(TriggerType.PERIODIC, paused, cron=cron, timezone=timezone)


def _trigger(body: Json, *, paused: bool) -> TriggerSpec | None:
    if (periodic := read_object(body, "periodic")) is not None:
        unit = read_choice(periodic, "unit", tuple(UNIT_SECONDS), "")
        interval = read_required_integer(periodic, "interval")
        if not 1 <= interval <= MAX_INTERVAL:
            raise invalid_parameter(f"interval must be between 1 and {MAX_INTERVAL}, but is {interval}.")
        return TriggerSpec(TriggerType.PERIODIC, paused, interval_seconds=interval * UNIT_SECONDS[unit])
    if (files := read_object(body, "file_arrival")) is not None:
        url, quiet, gap = read_required_string(files, "url"), _wait(files, QUIET), _wait(files, GAP)
        return TriggerSpec(TriggerType.FILE_ARRIVAL, paused, url=url, wait_seconds=quiet, gap_seconds=gap)
    if update := read_object(body, "table_update") or read_object(body, "table"):
        tables = read_string_list(update, "table_names")
        if not tables:
            raise invalid_parameter("Missing required field: table_names")
        every = read_choice(update, "condition", _CONDITIONS, "ANY_UPDATED") == "ALL_UPDATED"
        quiet, gap = _wait(update, QUIET), _wait(update, GAP)
        return TriggerSpec(
            TriggerType.TABLE,
            paused,
            tables=tables,
            all_tables=every,
            wait_seconds=quiet,
            gap_seconds=gap,
        )
    return None


def _wait(body: Json, name: str) -> int:
    seconds = read_integer(body, name)
    if seconds and not LEAST_WAIT_SECONDS <= seconds <= MAX_WAIT_SECONDS:
        raise invalid_parameter(f"{name} must be between {LEAST_WAIT_SECONDS} and {MAX_WAIT_SECONDS}.")
    return seconds


def firings(
    spec: TriggerSpec, turn: Turn, anchor: int, last: int, news: News | None = None
) -> Iterator[Firing]:
    """The runs that a turn of the clock makes due, the first one first.

    Args:
        spec: What starts runs.
        turn: The turn.
        anchor: When the job was saved first: intervals count from there.
        last: When the trigger started a run before; 0 if it has not.
        news: What `news_of` found for it.
    """
    if spec.paused:
        return
    if spec.cron:
        after, until = (datetime.fromtimestamp(each / _SECOND, UTC) for each in (turn.after, turn.until))
        for moment in parse_quartz(spec.cron).due(java_time_zone(spec.timezone), after, until):
            due = int(moment.timestamp()) * _SECOND
            # Docs: rounded down to the minute for jobs with a cron schedule.
            yield Firing(due, spec.type, due - due % _MINUTE)
    elif spec.interval_seconds:
        interval = spec.interval_seconds * _SECOND
        first = anchor + max((turn.after - anchor) // interval + 1, 1) * interval
        for due in range(first, turn.until + 1, interval):
            yield Firing(due, spec.type, due)
    elif spec.type is TriggerType.CONTINUOUS:
        yield Firing(turn.after, spec.type, turn.after)
    elif news is not None and (not spec.all_tables or len(news.tables) == len(spec.tables)):
        quiet = news.time + spec.wait_seconds * _SECOND
        due = max(turn.after, quiet, last + spec.gap_seconds * _SECOND if last else 0)
        if due <= turn.until:
            yield Firing(due, spec.type, due, _references(spec, news))


def news_of(spec: TriggerSpec, turn: Turn, before: News | None) -> News | None:
    """What a trigger knows of when a turn begins; None if it waits for nothing, or nothing came.

    Args:
        spec: What starts runs.
        turn: The turn.
        before: What came in earlier turns and started no run yet.
    """
    if spec.paused:
        return None
    folder = _path(spec.url) + "/"
    files = spec.url and any(_path(file).startswith(folder) for file in turn.files)
    if not files and not set(spec.tables) & set(turn.tables):
        return before
    updated = {*turn.tables, *(before.tables if before else ())}
    # Docs: what comes while the trigger waits lets it wait anew.
    return News(turn.after, tuple(table for table in spec.tables if table in updated))


def _references(spec: TriggerSpec, news: News) -> dict[str, str]:
    if spec.type is TriggerType.FILE_ARRIVAL:
        return {"file_arrival.location": spec.url}
    return {"table_update.updated_tables": json.dumps(news.tables)}


def _path(url: str) -> str:
    """A place, however it is written: `dbfs:/Volumes/x` is `/Volumes/x`."""
    return url.removeprefix("dbfs:").rstrip("/")
