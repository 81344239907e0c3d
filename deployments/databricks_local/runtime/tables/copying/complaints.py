"""Says where a value is that does not fit: file, line and column."""

import csv
import json
import re
from collections.abc import Iterator, Sequence

from databricks_local.runtime.tables.copying.sources import FileReader, SourceFile, dialect_of
from databricks_local.runtime.tables.errors import analysis_error

_VALUE = re.compile(
    r"\[CAST_INVALID_INPUT\] The value '(?P<value>.*)' of the type .* for the column `(?P<column>.*)`\."
    r" Correct",
    re.DOTALL,
)
_FIELDS = re.compile(
    r"incorrect number of fields for line (?P<line>\d+), expected (?P<expected>\d+) got (?P<got>\d+)"
)


def located(
    error: Exception, reader: FileReader, files: Sequence[SourceFile], columns: Sequence[str]
) -> Exception | None:
    """The error with the place of the value, if it is one of a value; None for other errors.

    Args:
        error: What the engine says.
        reader: Reads the files of the copy.
        files: The files that it read.
        columns: The columns of the table.
    """
    text, copy = str(error), reader.copy
    value = _VALUE.search(text)
    if value is not None:
        by_position = copy.columns or (tuple(columns) if copy.by_position else ())
        place = _place(reader, files, value["column"], value["value"], by_position)
        message = text.partition("] ")[2].partition("JVM stacktrace")[0].partition(" SQLSTATE")[0].strip()
        return analysis_error("CAST_INVALID_INPUT", f"{place}: {message}")
    fields = _FIELDS.search(text)
    if fields is not None:
        place = _ragged(reader, files, int(fields["expected"]), int(fields["got"]))
        return analysis_error(
            "MALFORMED_RECORD_IN_PARSING",
            f"{place}: there are {fields['got']} fields, where {fields['expected']} are expected.",
        )
    return None


def _place(
    reader: FileReader, files: Sequence[SourceFile], column: str, value: str, by_position: Sequence[str]
) -> str:
    for file in files:
        for line, record in _records(reader, file, by_position):
            if record.get(column.lower()) == value:
                return f"{file.key}, line {line}, column {column}"
    only = files[0].key if len(files) == 1 else f"one of {len(files)} files of {reader.copy.source}"
    return f"{only}, column {column}"


def _records(
    reader: FileReader, file: SourceFile, by_position: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """The records of a file, each with its line."""
    copy = reader.copy
    if copy.select:
        return
    if copy.file_format == "json":
        for number, text in enumerate(reader.lines(file), 1):
            yield number, {str(name).lower(): str(value) for name, value in _json(text).items()}
    elif copy.file_format == "csv":
        header = copy.reads("header")
        given = [name.lower() for name in by_position]
        for number, row in _rows(reader, file):
            if number == 1 and header:
                given = given or [name.lower() for name in row]
            else:
                yield number, dict(zip(given or [f"_c{i}" for i in range(len(row))], row, strict=False))


def _rows(reader: FileReader, file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, each with the line where it begins."""
    rows = csv.reader(reader.lines(file), **dialect_of(reader.copy))
    before = 0
    for row in rows:
        number, before = before + 1, rows.line_num
        yield number, row


def _json(line: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _ragged(reader: FileReader, files: Sequence[SourceFile], expected: int, got: int) -> str:
    """The file and line of the record with another number of fields."""
    for file in files:
        for number, row in _rows(reader, file):
            if row and len(row) == got != expected:
                return f"{file.key}, line {number}"
    return reader.copy.source
