"""`SET name = value`, which Sail does not know. Pure but for `serve_settings`."""

import re
from typing import Any

from databricks_local.runtime.source import without_comments_before

_SET = re.compile(r"(?is)\s*SET\s+(?P<name>[\w.\-]*\.[\w.\-]*)\s*=\s*(?P<value>.*?)\s*;?\s*")


def setting_of(statement: str) -> tuple[str, str] | None:
    """The name and value of `SET name = value`; None for other statements.

    Example:
        >>> setting_of("SET spark.sql.shuffle.partitions = 4"), setting_of("SET VAR x = 1")
        (('spark.sql.shuffle.partitions', '4'), None)
    """
    found = _SET.fullmatch(without_comments_before(statement)[1])
    return None if found is None else (found["name"], found["value"].strip("`"))


def serve_settings(session: Any) -> None:
    """Let `SET name = value` set the configuration of a session, and answer as Spark does."""
    ask = session.sql

    def sql(sqlQuery: Any, *arguments: Any, **named: Any) -> Any:  # noqa: N803 - Spark's own name
        setting = setting_of(sqlQuery) if isinstance(sqlQuery, str) else None
        if setting is None:
            return ask(sqlQuery, *arguments, **named)
        session.conf.set(*setting)
        return session.createDataFrame([setting], "key string, value string")

    session.sql = sql
