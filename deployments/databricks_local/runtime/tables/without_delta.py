"""Statements that Apache Spark does not know without Delta's jars are refused in one line, with what to do.

What it knows, such as the format and UPDATE, it refuses itself, and its errors get the same hint.
"""

from typing import Any

from databricks_local.runtime.apache_spark.hints import NEEDS_DELTA
from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.tables.reading.tokens import SIGN, Token, tokens_of

EXTENSIONS = "spark.sql.extensions"
DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"

_OF_DELTA = (
    ("OPTIMIZE",), ("VACUUM",), ("RESTORE",), ("COPY", "INTO"), ("DESCRIBE", "HISTORY"), ("DESC", "HISTORY"),
    ("DESCRIBE", "DETAIL"), ("DESC", "DETAIL"),
)  # fmt: skip
"""Statements that only Delta brings."""

_SHOWN_WORDS = 2


def delta_in(statement: str) -> str:
    """What of a statement only Delta brings; empty if nothing does.

    Example:
        >>> delta_in("DESCRIBE HISTORY t"), delta_in("SELECT 'DESCRIBE HISTORY t'")
        ('DESCRIBE HISTORY', '')
    """
    tokens = tokens_of(without_comments_before(statement)[1])
    for words in _OF_DELTA:
        # A table may have any of these names, as in DESCRIBE history.
        if len(tokens) > len(words) and all(t.is_word(w) for t, w in zip(tokens, words, strict=False)):
            return " ".join(words)
    for index, token in enumerate(tokens):
        if token.is_word("DELTA") and _is_path(tokens[index + 1 : index + 3]):
            return "delta.`path`"
    return ""


def _is_path(tokens: list[Token]) -> bool:
    return (
        len(tokens) == _SHOWN_WORDS
        and tokens[0].kind == SIGN
        and tokens[0].text == "."
        and "/" in tokens[1].text
    )


def refusal(what: str) -> Exception:
    """The refusal of what needs Delta."""
    from pyspark.errors.exceptions.connect import UnsupportedOperationException

    return UnsupportedOperationException(f"{what} needs Delta. {NEEDS_DELTA}")


def refuse_delta(session: Any, hooks: list[Any]) -> None:
    """Refuse what needs Delta in a session of Apache Spark, unless its cluster has Delta.

    Args:
        session: The session.
        hooks: What sees the requests of the session before they are sent; one more is added.
    """
    asking = False

    def see(request: Any) -> None:
        nonlocal asking
        what = "" if asking else _delta_asked(request)
        if not what:
            return
        asking = True
        try:
            extensions = session.conf.get(EXTENSIONS, "") or ""
        finally:
            asking = False
        if DELTA_EXTENSION not in extensions:
            raise refusal(what)

    hooks.append(see)


def _delta_asked(request: Any) -> str:
    """What of a request of Spark Connect needs Delta."""
    # Not by recursion: a plan may be thousands of steps deep.
    messages = [request]
    while messages:
        message = messages.pop()
        if message.DESCRIPTOR.name == "SQL" and delta_in(message.query):
            return delta_in(message.query)
        for field, value in message.ListFields():
            if field.message_type is None or field.message_type.GetOptions().map_entry:
                continue
            if field.message_type.name != "Expression":
                messages.extend([value] if hasattr(value, "ListFields") else value)
    return ""
