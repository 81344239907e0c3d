"""Statements of Spark that Sail does not know, in words that both know. Pure but for `serve_settings`."""

import re
from typing import Any

from databricks_local.runtime.source import without_comments_before

_USE = re.compile(r"(?is)(\s*USE\s+)(?!(?:DATABASE|SCHEMA|NAMESPACE|CATALOG)\s)(?=[\w`])")
_DESCRIBE = re.compile(
    r"(?is)(\s*DESC(?:RIBE)?\s+)(?!(?:TABLE|EXTENDED|FORMATTED|FUNCTION|CATALOG|DATABASE|SCHEMA|NAMESPACE|QUERY"
    r"|HISTORY|DETAIL|VOLUME|SELECT|WITH)\b)(?=[\w`])"
)
_TRUNCATE = re.compile(r"(?is)\s*TRUNCATE\s+TABLE\s+(?P<table>[\w.`]+)\s*;?\s*")
_SET = re.compile(r"(?is)\s*SET\s+(?P<name>[\w.\-]*\.[\w.\-]*)\s*=\s*(?P<value>.*?)\s*;?\s*")


def with_known_words(statement: str) -> str:
    """A statement without the forms that Sail does not parse.

    Example:
        >>> with_known_words("USE sales"), with_known_words("DESCRIBE people")
        ('USE SCHEMA sales', 'DESCRIBE TABLE people')
    """
    before, statement = without_comments_before(statement)
    return before + _known(statement)


def _known(statement: str) -> str:
    truncated = _TRUNCATE.fullmatch(statement)
    if truncated is not None:
        table = truncated["table"]
        return f"INSERT OVERWRITE {table} SELECT * FROM {table} WHERE false"  # noqa: S608 - their own statement
    for short, word in ((_USE, "SCHEMA"), (_DESCRIBE, "TABLE")):
        if short.match(statement):
            return short.sub(rf"\1{word} ", statement, count=1)
    return statement


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
