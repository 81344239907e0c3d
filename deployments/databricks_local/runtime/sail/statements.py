"""`SET name = value`, which Sail does not know. Pure but for `serve_settings`."""

import re
from typing import Any
from zoneinfo import available_timezones

from databricks_local.runtime.source import without_comments_before

_SET = re.compile(r"(?is)\s*SET\s+(?P<name>[\w.\-]+)\s*=\s*(?P<value>.*?)\s*;?\s*")
_SET_ZONE = re.compile(r"(?is)\s*SET\s+TIME\s+ZONE\s+'(?P<value>[^']*)'\s*;?\s*")
_OFFSET = re.compile(r"[+-](0\d|1[0-8]):[0-5]\d")

TIME_ZONE = "spark.sql.session.timeZone"
SHORT_NAMES = {"timezone": TIME_ZONE, "ansi_mode": "spark.sql.ansi.enabled"}
"""Settings that Databricks SQL has under a short name (docs: configuration parameters)."""


def setting_of(statement: str) -> tuple[str, str] | None:
    """The name and value of `SET name = value` and `SET TIME ZONE 'value'`; None for other statements.

    Example:
        >>> setting_of("SET spark.sql.shuffle.partitions = 4"), setting_of("SET VAR x = 1")
        (('spark.sql.shuffle.partitions', '4'), None)
        >>> setting_of("SET TIME ZONE 'Asia/Tokyo'"), setting_of("SET ansi_mode = false")
        (('spark.sql.session.timeZone', 'Asia/Tokyo'), ('spark.sql.ansi.enabled', 'false'))
    """
    text = without_comments_before(statement)[1]
    zone, found = _SET_ZONE.fullmatch(text), _SET.fullmatch(text)
    if zone is not None:
        return TIME_ZONE, zone["value"]
    if found is None:
        return None
    name, value = found["name"], found["value"].strip("`")
    if name.lower() in SHORT_NAMES:
        return SHORT_NAMES[name.lower()], value.strip("'\"")
    return (name, value) if "." in name else None


def is_zone(name: str) -> bool:
    """Whether a time zone is known.

    Example:
        >>> is_zone("Europe/Berlin"), is_zone("+01:00"), is_zone("Nowhere/X"), is_zone("../etc")
        (True, True, False, False)
    """
    return name in available_timezones() or _OFFSET.fullmatch(name) is not None


def serve_settings(session: Any) -> None:
    """Let `SET name = value` set the configuration of a session, and answer as Spark does."""
    ask = session.sql

    def sql(sqlQuery: Any, *arguments: Any, **named: Any) -> Any:  # noqa: N803 - Spark's own name
        setting = setting_of(sqlQuery) if isinstance(sqlQuery, str) else None
        if setting is None:
            return ask(sqlQuery, *arguments, **named)
        name, value = setting
        if name == TIME_ZONE and not is_zone(value):
            from pyspark.errors import IllegalArgumentException

            raise IllegalArgumentException(
                f"[INVALID_CONF_VALUE.TIME_ZONE] {TIME_ZONE} cannot be '{value}': use a name such as "
                "Europe/Berlin. SQLSTATE: 22022"
            )
        session.conf.set(name, value)
        return session.createDataFrame([setting], "key string, value string")

    session.sql = sql
