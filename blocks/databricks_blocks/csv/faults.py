"""What is wrong with a CSV file, and where, in one line for a person."""

from __future__ import annotations

from collections.abc import Sequence

from databricks_blocks.safe_text import printable

LONGEST_NAME = 63
"""Bytes of a name of a table or a column, which PostgreSQL cuts there (docs: identifiers)."""

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class InputError(ValueError):
    """Raised when what the user gave cannot be used; the message is one line for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, lines=False))


def at(line: int, reason: str, column: str = "") -> str:
    """Say where in a file something is wrong, as it follows the name of the file.

    Args:
        line: Number of the line, from 1.
        reason: What is wrong.
        column: Name of the column, if it is one field.
    """
    place = f", column `{column}`" if column else ""
    return f", line {line}{place}: {reason}"


def has_undecoded_bytes(text: str) -> bool:
    """Whether bytes that are not UTF-8 are in a text, as surrogates."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


def delimiter_fault(columns: Sequence[str]) -> str | None:
    """Say which other delimiter a header has, if it has one."""
    for delimiter, name in _OTHER_DELIMITERS.items():
        if len(columns) == 1 and delimiter in columns[0]:
            return f"the fields are separated by {name}; save it with commas"
    return None


def duplicate_fault(columns: Sequence[str]) -> str | None:
    """Say which column a header has more than once, if there is one."""
    for column in columns:
        if columns.count(column) > 1:
            return f"column `{column}` occurs {columns.count(column)} times"
    return None
