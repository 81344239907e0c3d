"""When expressions of Quartz are due. The table was compared with Quartz 2.3.2 itself."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from databricks_local.jobs.quartz import QuartzError, java_time_zone, parse_quartz

BERLIN, NEW_YORK, SYDNEY = "Europe/Berlin", "America/New_York", "Australia/Sydney"


def due(expression: str, zone: str, after: str, count: int) -> list[str]:
    """The next times in their zone, as month-day hour:minute, and the offset at changes of summer time."""
    begin = datetime.fromisoformat(after)
    found = parse_quartz(expression).due(ZoneInfo(zone), begin, begin + timedelta(days=1500))
    return [f"{moment.astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for moment in islice(found, count)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 12 * * ?", "03-29 12:00, 03-30 12:00, 03-31 12:00"),
        ("0 0/20 9 * * ?", "03-29 09:00, 03-29 09:20, 03-29 09:40"),
        ("0 /30 9 * * ?", "03-29 09:00, 03-29 09:30, 03-30 09:00"),
        ("0 10/25 9 * * ?", "03-29 09:10, 03-29 09:35, 03-30 09:10"),
        ("0 0 6-20/7 * * ?", "03-29 06:00, 03-29 13:00, 03-29 20:00"),
        ("0 0 22-1 * * ?", "03-28 22:00, 03-28 23:00, 03-29 00:00"),
        ("0 0 9 ? * MON-FRI", "03-30 09:00, 03-31 09:00, 04-01 09:00"),
        ("0 0 9 ? * 2-6", "03-30 09:00, 03-31 09:00, 04-01 09:00"),
        ("0 0 9 ? * FRI-MON", "03-29 09:00, 03-30 09:00, 04-03 09:00"),
        ("0 0 9 ? * mon,wed,7", "03-30 09:00, 04-01 09:00, 04-04 09:00"),
        ("0 0 9 ? * L", "04-04 09:00, 04-11 09:00, 04-18 09:00"),
        ("0 0 9 L * ?", "03-31 09:00, 04-30 09:00, 05-31 09:00"),
        ("0 0 9 L-3 * ?", "04-27 09:00, 05-28 09:00, 06-27 09:00"),
        ("0 0 9 LW * ?", "03-31 09:00, 04-30 09:00, 05-29 09:00"),
        ("0 0 9 L-5W * ?", "04-24 09:00, 05-26 09:00, 06-25 09:00"),
        ("0 0 9 15W * ?", "04-15 09:00, 05-15 09:00, 06-15 09:00"),
        # The first of August is a Saturday: the weekday next to it in the month is the third.
        ("0 0 9 1W 8 ?", "08-03 09:00, 08-02 09:00, 08-01 09:00"),
        ("0 0 9 ? * 6L", "04-24 09:00, 05-29 09:00, 06-26 09:00"),
        ("0 0 9 ? * FRIL", "04-24 09:00, 05-29 09:00, 06-26 09:00"),
        ("0 0 9 ? * 2#1", "04-06 09:00, 05-04 09:00, 06-01 09:00"),
        ("0 0 9 ? * MON#5", "03-30 09:00, 06-29 09:00, 08-31 09:00"),
        ("0 0 9 31 * ?", "03-31 09:00, 05-31 09:00, 07-31 09:00"),
        ("0 0 9 29 2 ?", "02-29 09:00"),
        ("0 0 9 1/10 * ?", "03-31 09:00, 04-01 09:00, 04-11 09:00"),
        ("0 0 9 1 1/4 ?", "05-01 09:00, 09-01 09:00, 01-01 09:00"),
        ("0 0 9 1 NOV-FEB ?", "11-01 09:00, 12-01 09:00, 01-01 09:00"),
        # Quartz does not look at a step after a name.
        ("0 0 9 ? JAN/3 MON", "01-04 09:00, 01-11 09:00, 01-18 09:00"),
        ("0 0 9 31 12 ? 2027-2028", "12-31 09:00, 12-31 09:00"),
        ("0 0 9 30 2 ?", ""),
    ],
)
def test_days_and_times(expression: str, expected: str) -> None:
    assert ", ".join(due(expression, "UTC", "2026-03-28T20:03:07Z", 3)) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # Summer time begins: what would be in the hour that is left out does not come that day.
        ("0 30 2 * * ?", BERLIN, "2026-03-28T00:00:00Z", "03-28 02:30, 03-30 02:30"),
        ("0 0 * * * ?", BERLIN, "2026-03-29T00:00:00Z", "03-29 03:00, 03-29 04:00"),
        ("0 0/30 1-3 * * ?", BERLIN, "2026-03-29T00:00:00Z", "03-29 01:30, 03-29 03:00"),
        ("0 30 2 * * ?", NEW_YORK, "2026-03-07T12:00:00Z", "03-09 02:30, 03-10 02:30"),
        ("0 0 2 ? * SUN", SYDNEY, "2026-09-28T00:00:00Z", "10-11 02:00, 10-18 02:00"),
        # It ends: what is in the hour that comes twice is due the second time.
        ("0 0 12 * * ?", BERLIN, "2026-10-24T00:00:00Z", "10-24 12:00, 10-25 12:00"),
        ("0 0 1 * * ?", NEW_YORK, "2026-10-31T12:00:00Z", "11-01 01:00, 11-02 01:00"),
    ],
)
def test_changes_of_summer_time(expression: str, zone: str, after: str, expected: str) -> None:
    assert ", ".join(due(expression, zone, after, 2)) == expected


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        (BERLIN, "2026-10-24T23:30:00Z", "01:00 02:00"),
        (NEW_YORK, "2026-11-01T04:30:00Z", "06:00 07:00"),
        (SYDNEY, "2026-04-04T14:30:00Z", "16:00 17:00"),
    ],
)
def test_an_hourly_schedule_leaves_out_the_first_of_two_equal_hours(
    zone: str, after: str, expected: str
) -> None:
    begin = datetime.fromisoformat(after)
    found = parse_quartz("0 0 * * * ?").due(ZoneInfo(zone), begin, begin + timedelta(hours=3))
    assert " ".join(f"{moment.astimezone(UTC):%H:%M}" for moment in found) == expected


def test_the_beginning_is_not_part_of_the_time_and_the_end_is() -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    hourly = parse_quartz("0 0 * * * ?")
    found = list(hourly.due(ZoneInfo("UTC"), noon, noon + timedelta(hours=2)))
    assert found == [noon + timedelta(hours=1), noon + timedelta(hours=2)]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 9 * * *", "it has 5 fields instead of 6 or 7"),
        ("", "it has 0 fields"),
        ("0 0 9 * * *", "exactly one of day of month and day of week must be '?'"),
        ("0 0 9 ? * ?", "exactly one"),
        ("0 60 * * * ?", "'60' must be between 0 and 59"),
        ("0 0 24 * * ?", "'24' must be between 0 and 23"),
        ("0 0 9 32 * ?", "'32' must be between 1 and 31"),
        ("0 0 9 L-31 * ?", "'31' must be between 0 and 30"),
        ("0 0 9 ? 13 MON", "'13' must be between 1 and 12"),
        ("0 0 9 ? * 8", "'8' must be between 1 and 7"),
        ("0 0 9 ? * 0L", "'0' must be between 1 and 7"),
        ("0 0 9 ? * FOO", "'FOO' must be between 1 and 7"),
        ("0 0 9 ? * MON#6", "'MON#6' is not understood"),
        ("0 0 9 ? * 2L,6L", "'2L' is not understood"),
        ("0 0 9 1,L * ?", "'L' is not understood"),
        ("0 0 9 ? * TUE-", "'TUE-' is not understood"),
        ("0 0/61 * * * ?", "the step of '0/61' must be between 1 and 59"),
        ("0 0/0 * * * ?", "the step of '0/0' must be between 1 and 59"),
        ("0 0 9 * * ? 1969", "'1969' must be between 1970 and 2099"),
        ("a b c d e ?", "'A' is not understood"),
    ],
)
def test_what_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(QuartzError, match=reason.replace("?", r"\?")):
        parse_quartz(expression)


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        ("GMT+02:00", 120),
        ("GMT+2", 120),
        ("GMT+230", 150),
        ("GMT+2:30", 150),
        ("GMT+0010", 10),
        ("GMT-8", -480),
        ("GMT+23:59", 1439),
        ("UTC+2", 120),
        ("UTC+02:00", 120),
        ("UT-0230", -150),
        ("+2", 120),
        ("-08:30", -510),
        ("+18:00", 1080),
        ("Z", 0),
        ("UTC", 0),
        ("GMT0", 0),
        ("Etc/GMT+5", -300),
        ("PST", -480),
        ("EST", -300),
        ("IST", 330),
        ("Europe/Berlin", 60),
    ],
)
def test_time_zones_that_java_knows(name: str, minutes: int) -> None:
    """Each was given to `TimeZone.getTimeZone` and `ZoneId.of` of Java 21."""
    winter = datetime(2026, 1, 15, tzinfo=java_time_zone(name))
    assert winter.utcoffset() == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "GMT+24:00",
        "GMT+2:5",
        "GMT+",
        "UTC+19",
        "UTC+2:30",
        "+2:30",
        "+18:01",
        "z",
        "pst",
        "Europe",
        "../x",
    ],
)
def test_time_zones_that_java_does_not_know(name: str) -> None:
    with pytest.raises(ValueError, match="Java knows no time zone"):
        java_time_zone(name)
