"""CSV files read and written row by row, for databases that cannot read and write CSV themselves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import IO, Any

from databricks_blocks.csv.faults import at, has_undecoded_bytes
from databricks_blocks.csv.forms import INFERRED_FORMS, between_blanks, is_finite, is_integer, plain_decimal
from databricks_blocks.csv.records import MalformedRecord, read_records
from databricks_blocks.database.tables import Column, Empty, Kind, Readable, RecordRefused, Table


def read_rows(
    table: Table, stream: Readable, rows_at_once: int, empty: Empty = "null"
) -> Iterator[list[dict[str, Any]]]:
    """Read the records of a CSV file with a header, as values of the columns of a table.

    Args:
        table: The table. Its columns are those of the file, in its order.
        stream: The file, in UTF-8.
        rows_at_once: How many rows each list has at most.
        empty: What `""` is in a column of texts.

    Raises:
        RecordRefused: A record cannot be read, or does not fit the table.
    """
    rows = _rows(table, stream, empty)
    while batch := list(islice(rows, rows_at_once)):
        yield batch


def _rows(table: Table, stream: Readable, empty: Empty) -> Iterator[dict[str, Any]]:
    columns = list(table.columns.items())
    kept = [empty == "text" and column.kind == "text" for _, column in columns]
    try:
        for line, fields, last_line in islice(read_records(stream), 1, None):
            if len(fields) != len(columns):
                raise RecordRefused(at(last_line, f"{len(fields)} fields for {len(columns)} columns"))
            yield {
                name: text if text == "" and keep else _value(line, name, column, text)
                for (name, column), text, keep in zip(columns, fields, kept, strict=True)
            }
    except MalformedRecord as error:
        raise RecordRefused(at(error.line, str(error), error.column(list(table.columns)))) from error


def _value(line: int, name: str, column: Column, text: str | None) -> Any:
    if not text:
        if column.required:
            raise RecordRefused(at(line, "empty", name))
        return None
    value = _PARSERS[column.kind](text)
    if value is None:
        reason = f"`{text[:60]}` is not of type {column.kind}"
        if has_undecoded_bytes(text):
            reason = "bytes that are not UTF-8"
        raise RecordRefused(at(line, reason, name))
    return value


def _of_inferred(kind: Kind, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Parse fields of a type that is inferred from them: what does not look like the type is refused."""
    form = re.compile(between_blanks(INFERRED_FORMS[kind]).decode())
    return lambda text: convert(text.strip(" \t")) if form.fullmatch(text) else None


_PARSERS: dict[Kind, Callable[[str], Any]] = {
    "text": lambda text: None if has_undecoded_bytes(text) else text,
    "integer": lambda text: int(float(text)) if is_integer(text) else None,
    "decimal": lambda text: plain_decimal(text) if is_finite(text) else None,
    "double": lambda text: float(text) if is_finite(text) else None,
    "bigint": _of_inferred("bigint", int),
    "boolean": _of_inferred("boolean", lambda text: text.lower() == "true"),
    "date": _of_inferred("date", date.fromisoformat),
    "timestamp": _of_inferred("timestamp", datetime.fromisoformat),
    "timestamptz": _of_inferred("timestamptz", str),
}


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], stream: IO[bytes]) -> int:
    """Write rows as CSV with a header, in UTF-8.

    Returns:
        The number of rows.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    written = 0
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_text(value) for value in row])
            written += 1
    finally:
        # Otherwise the wrapper closes the stream, which belongs to the caller.
        text.detach()
    return written


def _text(value: Any) -> Any:
    # The shortest text that gives the same double back, as PostgreSQL writes it.
    return repr(value).removesuffix(".0") if isinstance(value, float) else value
