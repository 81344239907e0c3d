"""Tables and columns, independent of the kind of database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal[
    "text", "integer", "bigint", "decimal", "double", "boolean", "date", "timestamp", "timestamptz"
]
"""Type of a column.

`integer` has 32 bits, `bigint` 64. `decimal` keeps every digit, in the range of a double. `timestamptz` is a
point in time, `timestamp` a local time without a time zone.
"""

Empty = Literal["null", "text"]
"""What an empty field in quotes is in a column of texts: no value, or the empty text.

An empty field without quotes is no value, and so is one in quotes in a column of another type.
"""


class RecordRefused(ValueError):
    """Raised when a record of a file does not fit its table; the message says where and why."""


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes:
        kind: Its type.
        required: Whether it must have a value.
    """

    kind: Kind
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table. Names of columns may be any text; the name of the table is letters, digits and `_`.

    Attributes:
        name: Its name.
        columns: Its columns, in order.
        key: Columns whose values together occur once.
    """

    name: str
    columns: Mapping[str, Column]
    key: Sequence[str] = ()


@dataclass(frozen=True)
class Profile:
    """Aggregates of the rows of a table.

    Attributes:
        rows: Number of rows.
        first: Least value of the column that orders the rows.
        last: Greatest value of that column.
        present: How many rows have a value, by column.
        totals: Sum of the absolute values by column, so that opposite values do not cancel.
    """

    rows: int
    first: int | None
    last: int | None
    present: Mapping[str, int]
    totals: Mapping[str, float]

    @classmethod
    def of(cls, columns: Sequence[str], figures: Sequence[Any]) -> Profile:
        """Make it of one row of a query: rows, first, last, then count and sum of each column."""
        rows, first, last, *of_columns = figures
        return cls(
            rows,
            first,
            last,
            present=dict(zip(columns, of_columns[::2], strict=True)),
            totals={name: float(total) for name, total in zip(columns, of_columns[1::2], strict=True)},
        )


class Readable(Protocol):
    """What a CSV file is read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Read up to `size` bytes; none at the end."""

    def readline(self, size: int = ..., /) -> bytes:
        """Never called, but psycopg2 asks for it."""
