"""What starts runs by itself, and when."""

from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.jobs.triggers import (
    Firing,
    News,
    TriggerSpec,
    TriggerType,
    Turn,
    firings,
    news_of,
    parse_trigger,
)

HOUR, MINUTE = 3_600_000, 60_000
NOON = 1_780_315_200_000
"""2026-06-01T12:00:00Z."""

FILES = {"url": "/Volumes/main/default/incoming/"}
TABLES = {"table_names": ["a.b.one", "a.b.two"]}


def spec(settings: dict[str, Any]) -> TriggerSpec:
    found = parse_trigger(settings)
    assert found is not None
    return found


def cron(expression: str, zone: str = "UTC", **fields: str) -> dict[str, Any]:
    return {"schedule": {"quartz_cron_expression": expression, "timezone_id": zone, **fields}}


def due(
    settings: dict[str, Any], turn: Turn, anchor: int = 0, last: int = 0, before: News | None = None
) -> list[int]:
    trigger = spec(settings)
    news = news_of(trigger, turn, before)
    return [(firing.time - NOON) // MINUTE for firing in firings(trigger, turn, anchor, last, news)]


@pytest.mark.parametrize(
    ("settings", "minutes"),
    [
        (cron("0 0 * * * ?"), [60, 120, 180]),
        (cron("0 30 13 * * ?"), [90]),
        # 15:30 in Berlin is 13:30 in summer.
        (cron("0 30 15 * * ?", "Europe/Berlin"), [90]),
        (cron("0 30 15 * * ?", "GMT+02:00"), [90]),
        (cron("0 30 6 * * ?", "PST"), [90]),
        (cron("0 0 * * * ?", pause_status="UNPAUSED"), [60, 120, 180]),
        (cron("0 0 * * * ?", pause_status="PAUSED"), []),
        ({"trigger": {"periodic": {"interval": 1, "unit": "HOURS"}}}, [50, 110, 170]),
        ({"trigger": {"periodic": {"interval": 90, "unit": "MINUTES"}}}, [80, 170]),
        ({"trigger": {"periodic": {"interval": 1, "unit": "WEEKS"}}}, []),
        ({"trigger": {"periodic": {"interval": 1, "unit": "HOURS"}, "pause_status": "PAUSED"}}, []),
        ({"continuous": {"pause_status": "UNPAUSED"}}, [0]),
        ({"continuous": {}}, [0]),
        ({"continuous": {"pause_status": "PAUSED"}}, []),
        ({"trigger": {"file_arrival": FILES}}, []),
        ({"trigger": {"table_update": TABLES}}, []),
    ],
)
def test_what_three_hours_make_due(settings: dict[str, Any], minutes: list[int]) -> None:
    """The job was saved ten minutes before."""
    assert due(settings, Turn(NOON, NOON + 3 * HOUR), NOON - 10 * MINUTE) == minutes


@pytest.mark.parametrize(
    ("settings", "news", "minutes"),
    [
        ({"file_arrival": FILES}, {"files": ("/Volumes/main/default/incoming/a/b.csv",)}, [0]),
        ({"file_arrival": FILES}, {"files": ("dbfs:/Volumes/main/default/incoming/b.csv",)}, [0]),
        ({"file_arrival": FILES}, {"files": ("/Volumes/main/default/incoming2/b.csv",)}, []),
        ({"file_arrival": {"url": "s3://b/in"}}, {"files": ("s3://b/in/x",)}, [0]),
        (
            {"file_arrival": {**FILES, "wait_after_last_change_seconds": 300}},
            {"files": (FILES["url"] + "x",)},
            [5],
        ),
        # Longer than the turn.
        (
            {"file_arrival": {**FILES, "wait_after_last_change_seconds": 3660}},
            {"files": (FILES["url"] + "x",)},
            [],
        ),
        # The trigger started a run 20 minutes before.
        (
            {"file_arrival": {**FILES, "min_time_between_triggers_seconds": 1800}},
            {"files": (FILES["url"] + "x",)},
            [10],
        ),
        ({"table_update": TABLES}, {"tables": ("a.b.two",)}, [0]),
        ({"table_update": TABLES}, {"tables": ("a.b.three",)}, []),
        ({"table_update": {**TABLES, "condition": "ALL_UPDATED"}}, {"tables": ("a.b.two",)}, []),
        ({"table_update": {**TABLES, "condition": "ALL_UPDATED"}}, {"tables": ("a.b.two", "a.b.one")}, [0]),
    ],
)
def test_news(settings: dict[str, Any], news: dict[str, Any], minutes: list[int]) -> None:
    turn = Turn(NOON, NOON + HOUR, **news)
    assert due({"trigger": settings}, turn, last=NOON - 20 * MINUTE) == minutes


QUIET = {"wait_after_last_change_seconds": 1800}


@pytest.mark.parametrize(
    ("settings", "before", "news", "minutes"),
    [
        ({"file_arrival": {**FILES, **QUIET}}, News(NOON - 10 * MINUTE), {}, [20]),
        # It was due before the turn: nothing starts between turns.
        ({"file_arrival": {**FILES, **QUIET}}, News(NOON - HOUR), {}, [0]),
        # Something else came, so that it waits anew.
        ({"file_arrival": {**FILES, **QUIET}}, News(NOON - HOUR), {"files": (FILES["url"] + "x",)}, [30]),
        ({"file_arrival": FILES, "pause_status": "PAUSED"}, News(NOON - HOUR), {}, []),
        (
            {"table_update": {**TABLES, "condition": "ALL_UPDATED"}},
            News(NOON - HOUR, ("a.b.two",)),
            {"tables": ("a.b.one",)},
            [0],
        ),
        (
            {"table_update": {**TABLES, "condition": "ALL_UPDATED"}},
            News(NOON - HOUR, ("a.b.two",)),
            {"tables": ("a.b.two",)},
            [],
        ),
    ],
)
def test_news_that_waited(
    settings: dict[str, Any], before: News, news: dict[str, Any], minutes: list[int]
) -> None:
    assert due({"trigger": settings}, Turn(NOON, NOON + HOUR, **news), before=before) == minutes


def test_a_run_knows_what_started_it() -> None:
    turn = Turn(NOON, NOON + MINUTE, (FILES["url"] + "x",), ("a.b.two",))
    every_half_minute = list(firings(spec(cron("0/30 * * * * ?")), turn, 0, 0))
    assert [(each.time, each.trigger_time) for each in every_half_minute] == [
        (NOON + 30_000, NOON),
        (NOON + MINUTE, NOON + MINUTE),
    ]
    (file,) = firings(spec({"trigger": {"file_arrival": FILES}}), turn, 0, 0, News(NOON))
    assert file == Firing(NOON, TriggerType.FILE_ARRIVAL, NOON, {"file_arrival.location": FILES["url"]})
    (table,) = firings(spec({"trigger": {"table_update": TABLES}}), turn, 0, 0, News(NOON, ("a.b.two",)))
    assert table.references == {"table_update.updated_tables": '["a.b.two"]'}


@pytest.mark.parametrize("settings", [{}, {"trigger": {}}, {"trigger": {"model": {}}}])
def test_what_starts_nothing(settings: dict[str, Any]) -> None:
    assert parse_trigger(settings) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (cron("0 9 * * *"), "Invalid quartz_cron_expression: '0 9 * * *': it has 5 fields"),
        (cron("0 0 9 * * ?", "Europe/Atlantis"), "Invalid timezone_id: 'Europe/Atlantis'."),
        (cron("0 0 9 * * ?", "../../etc/passwd"), "Invalid timezone_id"),
        (cron("0 0 9 * * ?", pause_status="MAYBE"), "pause_status must be one of: PAUSED, UNPAUSED"),
        ({"schedule": {"timezone_id": "UTC"}}, "Missing required field: quartz_cron_expression"),
        ({"schedule": {"quartz_cron_expression": "0 0 9 * * ?"}}, "Missing required field: timezone_id"),
        (
            {**cron("0 0 9 * * ?"), "continuous": {"pause_status": "PAUSED"}},
            "only one of schedule, continuous",
        ),
        ({"trigger": {"periodic": {"interval": 0, "unit": "HOURS"}}}, "interval must be between 1 and 10000"),
        ({"trigger": {"periodic": {"interval": 1, "unit": "YEARS"}}}, "unit must be one of: MINUTES, HOURS"),
        (
            {"trigger": {"file_arrival": {"min_time_between_triggers_seconds": 60}}},
            "Missing required field: url",
        ),
        (
            {"trigger": {"file_arrival": {**FILES, "wait_after_last_change_seconds": 59}}},
            "wait_after_last_change_seconds must be between 60 and",
        ),
        (
            {"trigger": {"table_update": {"table_names": [], "condition": "X"}}},
            "Missing required field: table_names",
        ),
        ({"schedule": "daily"}, "Expected 'START_OBJECT' for field 'schedule'"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message.replace("*", r"\*")):
        parse_trigger(settings)
