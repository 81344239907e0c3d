"""Says where a value is that does not fit: file, line and column."""

import csv
import json
import re
from collections.abc import Iterator, Sequence

from databricks_local.runtime.tables.copying.reading import Copy
from databricks_local.runtime.tables.copying.sources import SourceFile, dialect_of, header_of
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
    error: Exception, copy: Copy, files: Sequence[SourceFile], columns: Sequence[str]
) -> Exception | None:
    """The error with the place of the value, if it is one of a value; None for other errors.

    Args:
        error: What the engine says.
        copy: The copy.
        files: The files that it read.
        columns: The columns of the table.
    """
    text = str(error)
    value = _VALUE.search(text)
    if value is not None:
        by_position = copy.columns or (tuple(columns) if copy.by_position else ())
        place = _place(copy, files, value["column"], value["value"], by_position)
        message = text.partition("] ")[2].partition("JVM stacktrace")[0].partition(" SQLSTATE")[0].strip()
        return analysis_error("CAST_INVALID_INPUT", f"{place}: {message}")
    fields = _FIELDS.search(text)
    if fields is not None:
        file, line = _ragged(copy, files, int(fields["expected"]), int(fields["got"]))
        return analysis_error(
            "MALFORMED_RECORD_IN_PARSING",
            f"{file}, line {line}: there are {fields['got']} fields, where {fields['expected']} are "
            "expected.",
        )
    return None


def _place(
    copy: Copy, files: Sequence[SourceFile], column: str, value: str, by_position: Sequence[str]
) -> str:
    for file in files:
        for line, record in _records(copy, file, by_position):
            if record.get(column.lower()) == value:
                return f"{file.key}, line {line}, column {column}"
    only = files[0].key if len(files) == 1 else f"one of {len(files)} files of {copy.source}"
    return f"{only}, column {column}"


def _records(
    copy: Copy, file: SourceFile, by_position: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """The records of a file, each with its line."""
    if file.path is None or copy.select:
        return
    if copy.file_format == "json":
        with file.path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                record = _json(line)
                yield number, {str(name).lower(): str(value) for name, value in record.items()}
    elif copy.file_format == "csv":
        header = copy.format_options.get("header", "false").lower() == "true"
        names = [name.lower() for name in header_of(file.path, copy)]
        given = [name.lower() for name in by_position] or (names if header else [])
        with file.path.open(encoding="utf-8", errors="replace", newline="") as text:
            reader = csv.reader(text, **dialect_of(copy))
            before = 0
            for row in reader:
                number, before = before + 1, reader.line_num
                if number > 1 or not header:
                    yield number, dict(zip(given or [f"_c{i}" for i in range(len(row))], row, strict=False))


def _json(line: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _ragged(copy: Copy, files: Sequence[SourceFile], expected: int, got: int) -> tuple[str, int]:
    """The file and line of the record with another number of fields."""
    for file in files:
        if file.path is None:
            continue
        with file.path.open(encoding="utf-8", errors="replace", newline="") as text:
            reader = csv.reader(text, **dialect_of(copy))
            before = 0
            for row in reader:
                line, before = before + 1, reader.line_num
                if row and len(row) == got != expected:
                    return file.key, line
    return copy.source, 0
