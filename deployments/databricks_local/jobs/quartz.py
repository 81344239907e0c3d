"""Cron expressions of Quartz, which schedules have, and when they are due. Pure.

Written here because no library fits. croniter 7 and cronsim 2.8 have other numbers for weekdays, do not know
`L-3`, and make up for a time that summer time leaves out, which Quartz does not; aws-croniter 2 knows neither
seconds nor `LW` nor time zones; tzcron and cron-schedule-triggers, made for Quartz, have not been kept for
years. Source: the documentation of Quartz, "CronTrigger"; what Quartz 2.3 does was compared with this.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = {
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6,
    "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_FIELDS = (6, 7)
_WEEK = 7
_SATURDAY, _SUNDAY = 7, 1
_LARGEST_CHANGE = timedelta(hours=3)

_GMT_OFFSET = re.compile(r"GMT(?P<sign>[+-])(?P<hours>\d{1,2}?)(?::?(?P<minutes>[0-5]\d))?", re.ASCII)
"""Custom ids of `java.util.TimeZone`, up to 23 hours."""

_OFFSET = re.compile(
    r"(?:UTC|UT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?:(?<=\d\d):?(?P<minutes>[0-5]\d))?", re.ASCII
)
"""Ids of `java.time.ZoneId`, up to 18 hours; its minutes need two digits before them."""

_SHORT_IDS = {
    "ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo", "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland", "PLT": "Asia/Karachi", "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico", "PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh", "Z": "UTC",
}  # fmt: skip
"""What Java has besides the time zones of IANA (docs: `java.time.ZoneId.SHORT_IDS`)."""

_PART = re.compile(r"(?P<first>\*|[A-Z]{3}|\d+|(?=/))(?:-(?P<last>[A-Z]{3}|\d+))?(?:/(?P<step>\d+))?")
_DAY_FROM_END = re.compile(r"L(?:-(?P<before>\d+))?(?P<weekday>W)?")
_NEAREST_WEEKDAY = re.compile(r"(?P<day>\d+)W")
_LAST_OF_KIND = re.compile(r"(?P<day>[A-Z]{3}|\d)L")
_NTH_OF_KIND = re.compile(r"(?P<day>[A-Z]{3}|\d)#(?P<nth>[1-5])")

Days = Callable[[int, int], list[int]]
"""The days of a month, by its year and number, in their order."""


class QuartzError(ValueError):
    """Raised for an expression that Quartz would refuse; says why."""


@dataclass(frozen=True)
class QuartzCron:
    """A cron expression.

    Attributes:
        seconds: The seconds of a minute, in their order.
        minutes: The minutes of an hour.
        hours: The hours of a day.
        months: The months of a year.
        years: The years.
        days: The days of a month.
    """

    seconds: list[int]
    minutes: list[int]
    hours: list[int]
    months: list[int]
    years: list[int]
    days: Days

    def due(self, zone: tzinfo, after: datetime, until: datetime) -> Iterator[datetime]:
        """When it fires after one moment, up to another one and with it; in UTC.

        A time that is skipped when summer time begins never comes. One that comes twice when it ends is due
        once: when it comes again. That is how Quartz does it, by Java's calendar.
        """
        # What is before this is over, whatever the clocks did meanwhile.
        floor = after.astimezone(zone).replace(tzinfo=None) - _LARGEST_CHANGE
        for each in self._dates(floor.date(), until.astimezone(zone).date()):
            for moment in self._times(floor.hour if each == floor.date() else 0):
                local = datetime.combine(each, moment, zone).replace(fold=1)
                due = local.astimezone(UTC)
                exists = due.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
                if due > until:
                    return
                if due > after and exists:
                    yield due

    def _dates(self, first: date, last: date) -> Iterator[date]:
        year, month = first.year, first.month
        while (year, month) <= (last.year, last.month):
            if year in self.years and month in self.months:
                for day in self.days(year, month):
                    each = date(year, month, day)
                    if first <= each <= last:
                        yield each
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - December

    def _times(self, first_hour: int) -> Iterator[time]:
        return (
            time(hour, minute, second)
            for hour in self.hours
            if hour >= first_hour
            for minute in self.minutes
            for second in self.seconds
        )


def java_time_zone(name: str) -> tzinfo:
    """The time zone that Java knows by this name, as `TimeZone` or as `ZoneId`.

    Raises:
        ValueError: If it knows none.

    Example:
        >>> java_time_zone("PST"), java_time_zone("GMT+2")
        (zoneinfo.ZoneInfo(key='America/Los_Angeles'), datetime.timezone(datetime.timedelta(seconds=7200)))
    """
    for pattern, most in ((_GMT_OFFSET, timedelta(hours=23, minutes=59)), (_OFFSET, timedelta(hours=18))):
        found = pattern.fullmatch(name)
        if found is not None:
            offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
            if offset > most:
                break
            return timezone(-offset if found["sign"] == "-" else offset)
    try:
        return ZoneInfo(_SHORT_IDS.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"Java knows no time zone {name!r}") from error


def parse_quartz(expression: str) -> QuartzCron:
    """Read an expression.

    Args:
        expression: Second, minute, hour, day of month, month, day of week, and perhaps the year.

    Raises:
        QuartzError: If it is none.

    Example:
        >>> from datetime import UTC, datetime
        >>> from zoneinfo import ZoneInfo
        >>> from databricks_local.jobs.quartz import parse_quartz
        >>> noon = parse_quartz("0 0 12 ? * MON-FRI")
        >>> friday, monday = datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)
        >>> [f"{moment:%a %H:%M}" for moment in noon.due(ZoneInfo("Europe/Berlin"), friday, monday)]
        ['Fri 11:00', 'Mon 11:00']
    """
    fields = expression.upper().split()
    if len(fields) not in _FIELDS:
        raise QuartzError(f"it has {len(fields)} fields instead of 6 or 7")
    second, minute, hour, month_day, month, week_day = fields[:6]
    if (month_day == "?") == (week_day == "?"):
        raise QuartzError("exactly one of day of month and day of week must be '?'")
    return QuartzCron(
        seconds=_numbers(second, 0, 59),
        minutes=_numbers(minute, 0, 59),
        hours=_numbers(hour, 0, 23),
        months=_numbers(month, 1, 12, _MONTHS),
        years=_numbers(fields[6] if len(fields) == _FIELDS[1] else "*", 1970, 2099),
        days=_days_of_week(week_day) if month_day == "?" else _days_of_month(month_day),
    )


def _numbers(field: str, least: int, most: int, names: dict[str, int] | None = None) -> list[int]:
    """The numbers that a field without L, W and # stands for."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise QuartzError(f"'{part[:40]}' is not understood")
        # Quartz does not look at a step after a name: JAN/3 is January.
        given = None if match["first"].isalpha() else match["step"]
        step = int(given or 1)
        if not 1 <= step <= most:
            raise QuartzError(f"the step of '{part[:40]}' must be between 1 and {most}")
        if match["first"] in ("*", ""):
            first, last = least, most
        else:
            first = _number(match["first"], least, most, names)
            # A step without an end goes on to the end of the field: 10/15 is 10, 25, 40, 55.
            open_end = most if given else first
            last = _number(match["last"], least, most, names) if match["last"] else open_end
        # FRI-MON and 22-2 go over the end of the week and of the day.
        size = most - least + 1
        end = last + size if last < first else last
        found |= {(each - least) % size + least for each in range(first, end + 1, step)}
    return sorted(found)


def _number(text: str, least: int, most: int, names: dict[str, int] | None) -> int:
    number = (names or {}).get(text, int(text) if text.isdecimal() else -1)
    if not least <= number <= most:
        raise QuartzError(f"'{text[:40]}' must be between {least} and {most}")
    return number


def _days_of_month(field: str) -> Days:
    if match := _DAY_FROM_END.fullmatch(field):
        before, to_weekday = _number(match["before"] or "0", 0, 30, None), bool(match["weekday"])
        return lambda year, month: _near(year, month, _length(year, month) - before, to_weekday=to_weekday)
    if match := _NEAREST_WEEKDAY.fullmatch(field):
        day = _number(match["day"], 1, 31, None)
        return lambda year, month: _near(year, month, day, to_weekday=True)
    days = _numbers(field, 1, 31)
    return lambda year, month: [day for day in days if day <= _length(year, month)]


def _days_of_week(field: str) -> Days:
    if match := _LAST_OF_KIND.fullmatch(field):
        kind = _number(match["day"], 1, _WEEK, _WEEKDAYS)
        return lambda year, month: _of_kinds(year, month, {kind})[-1:]
    if match := _NTH_OF_KIND.fullmatch(field):
        kind, nth = _number(match["day"], 1, _WEEK, _WEEKDAYS), int(match["nth"])
        return lambda year, month: _of_kinds(year, month, {kind})[nth - 1 : nth]
    kinds = {_SATURDAY} if field == "L" else set(_numbers(field, 1, _WEEK, _WEEKDAYS))
    return lambda year, month: _of_kinds(year, month, kinds)


def _of_kinds(year: int, month: int, kinds: set[int]) -> list[int]:
    return [day for day in range(1, _length(year, month) + 1) if _kind(year, month, day) in kinds]


def _near(year: int, month: int, day: int, *, to_weekday: bool) -> list[int]:
    """A day, or the weekday next to it in the same month; none if the month does not have the day."""
    last = _length(year, month)
    if not 1 <= day <= last:
        return []
    kind = _kind(year, month, day)
    if to_weekday and kind == _SATURDAY:
        return [day - 1 if day > 1 else day + 2]
    if to_weekday and kind == _SUNDAY:
        return [day + 1 if day < last else day - 2]
    return [day]


def _kind(year: int, month: int, day: int) -> int:
    """The number of a weekday in Quartz: 1 is Sunday."""
    return date(year, month, day).isoweekday() % _WEEK + 1


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
