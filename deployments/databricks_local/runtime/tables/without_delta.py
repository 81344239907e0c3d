"""What Apache Spark is asked without Delta's jars is refused in one line, with a word of what to use."""

from typing import Any

from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.tables.reading.tokens import SIGN, Token, tokens_of

EXTENSIONS = "spark.sql.extensions"
DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"

_OF_DELTA = (
    ("OPTIMIZE",), ("VACUUM",), ("RESTORE",), ("COPY", "INTO"), ("DESCRIBE", "HISTORY"), ("DESC", "HISTORY"),
    ("DESCRIBE", "DETAIL"), ("DESC", "DETAIL"), ("MERGE",), ("UPDATE",), ("DELETE",),
)  # fmt: skip
"""Statements that Spark has for Delta tables only."""

_SHOWN_WORDS = 2


def delta_in(statement: str) -> str:
    """What of a statement needs Delta; empty if nothing does.

    Example:
        >>> delta_in("CREATE TABLE t (a INT) USING delta"), delta_in("SELECT 'USING delta'")
        ('USING DELTA', '')
    """
    tokens = tokens_of(without_comments_before(statement)[1])
    for words in _OF_DELTA:
        if len(tokens) >= len(words) and all(t.is_word(w) for t, w in zip(tokens, words, strict=False)):
            return " ".join(words)
    for index, token in enumerate(tokens):
        if token.is_word("DELTA") and index and tokens[index - 1].is_word("USING"):
            return "USING DELTA"
        if token.is_word("DELTA") and _is_path(tokens[index + 1 : index + 3]):
            return "delta.`path`"
        if token.is_word("VERSION", "TIMESTAMP") and _words(tokens[index + 1 : index + 3]) == ["AS", "OF"]:
            return f"{token.text.upper()} AS OF"
    return ""


def _is_path(tokens: list[Token]) -> bool:
    return (
        len(tokens) == _SHOWN_WORDS
        and tokens[0].kind == SIGN
        and tokens[0].text == "."
        and "/" in tokens[1].text
    )


def _words(tokens: list[Token]) -> list[str]:
    return [token.text.upper() for token in tokens]


def refusal(what: str) -> Exception:
    """The refusal of what needs Delta."""
    from pyspark.errors.exceptions.connect import UnsupportedOperationException

    return UnsupportedOperationException(
        f"{what} needs Delta, and Apache Spark has no Delta here: use the engine sail (--engine, or the tag "
        "local_engine), or name the jars of Delta Lake in spark.driver.extraClassPath and "
        f"{DELTA_EXTENSION} in "
        f"{EXTENSIONS} of the cluster's spark_conf."
    )


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
        name = message.DESCRIPTOR.name
        if name == "SQL" and delta_in(message.query):
            return delta_in(message.query)
        if (name == "DataSource" and message.format.lower() == "delta") or (
            name == "WriteOperation" and message.source.lower() == "delta"
        ):
            return "The format delta"
        for field, value in message.ListFields():
            if field.message_type is None or field.message_type.GetOptions().map_entry:
                continue
            if field.message_type.name != "Expression":
                messages.extend([value] if hasattr(value, "ListFields") else value)
    return ""
