"""Finds the paths in a SQL statement: locations, directories, options, sources of COPY INTO, tables. Pure."""

import re
from collections.abc import Iterator, Sequence

from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.tables.reading.tokens import each_token

FILE_FORMATS = frozenset({"avro", "binaryfile", "csv", "json", "orc", "parquet", "text", "xml"})
"""The formats whose sources are plain files. Others, such as Delta, say themselves what is missing."""

_FORMATS = FILE_FORMATS | {"delta", "iceberg"}
"""What may stand before a path that names a table. Before anything else a backtick begins a column."""

_COPY = re.compile(r"(?i)COPY\s+INTO\b")
_PATH = re.compile(r"dbfs:|file:|s3[an]?:|/")
_COPIED_DEPTH = 1
"""COPY INTO has its source inside of one pair of parentheses at most, around a SELECT."""


def paths_in(statement: str) -> Iterator[tuple[int, int, str]]:
    """Where the paths are in a statement, without their quotes, and the format before a table's path.

    Example:
        >>> [(start, end) for start, end, _ in paths_in("CREATE TABLE t LOCATION '/t' -- LOCATION '/u'")]
        [(25, 27)]
    """
    copies = _COPY.match(without_comments_before(statement)[1]) is not None
    before: list[str] = []
    openings: list[str] = []
    for token in each_token(statement):
        start, end = token.start, token.end
        text = statement[start:end]
        if text == "(":
            openings.append(before[-1].upper() if before else "")
        elif text == ")" and openings:
            openings.pop()
        elif text[0] == "`" and _PATH.match(text, 1) and _names_table(before):
            yield start + 1, end - 1, _plain(before[-2]).lower()
        elif text[0] in "'\"" and _PATH.match(text, 1) and _wants_path(before, openings, copies=copies):
            yield start + 1, end - 1, ""
        before.append(text)


def _names_table(before: Sequence[str]) -> bool:
    """Whether a text in backticks after these tokens is a table by its path, as in delta.`/x`."""
    *others, form, point = ["", "", *before]
    return point == "." and _plain(form).lower() in _FORMATS and others[-1:] != ["."]


def _wants_path(before: Sequence[str], openings: Sequence[str], *, copies: bool) -> bool:
    """Whether a quoted text is a path where it stands.

    Args:
        before: The tokens before it.
        openings: The words before the parentheses that are open.
        copies: Whether the statement is COPY INTO.
    """
    word = before[-1].upper() if before else ""
    if word == "FROM":
        # Elsewhere it comes before a quoted text that is no path, as in TRIM(BOTH '/' FROM '/x').
        return copies and len(openings) <= _COPIED_DEPTH
    if not openings:
        return word in ("LOCATION", "DIRECTORY")
    # The equals sign between the name of an option and its value may be missing.
    *rest, name = before[:-1] if word == "=" else before
    return openings[-1] == "OPTIONS" and _plain(name).upper() == "PATH" and rest[-1] in "(,"


def _plain(token: str) -> str:
    return token.strip("'\"`")
