"""Finds where in CSV files something is that a workspace could not read: file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from databricks_blocks.csv.faults import InputError, at
from databricks_blocks.csv.format import CsvOptions, find_format
from databricks_blocks.csv.records import MalformedRecord, read_records

_VALUE = re.compile(
    r"(?:The value|Cannot cast (?:string|value)|Error parsing \w+ from) '(?P<value>.*?)'"
    r"(?: of the type| to value|:)",
    re.DOTALL,
)
"""How Spark, and Sail, name a value that they cannot cast. They do not say where the value is."""
_MOST = 3


def places_of(message: str, paths: Sequence[Path]) -> list[str]:
    """Find the places that an error of a workspace is about.

    Args:
        message: What the workspace says.
        paths: The files that it was reading.

    Returns:
        The first place in each column that has the value of the message, three at most; if the message names
        no value, the first record of each file that has not as many fields as its header.
    """
    found = _VALUE.search(message)
    places: dict[str, str] = {}
    for path in paths:
        try:
            for column, place in _in_file(path, found["value"] if found else None):
                places.setdefault(column, place)
                if len(places) == _MOST:
                    return list(places.values())
        except MalformedRecord as error:
            places.setdefault("", f"{path}{at(error.line, str(error))}")
        except InputError as error:
            places.setdefault("", str(error))
        except OSError:
            continue  # gone since it was uploaded
    return list(places.values())


def _in_file(path: Path, value: str | None) -> Iterator[tuple[str, str]]:
    written = find_format(path, CsvOptions())
    with written.open(path) as stream:
        columns: list[str] | None = None
        for line, fields, _ in read_records(stream, written.delimiter):
            if columns is None:
                columns = [field or "" for field in fields]
            elif value is None and len(fields) != len(columns) and fields != [None]:
                yield "", f"{path}{at(line, f'{len(fields)} fields where the header has {len(columns)}')}"
                return
            elif value is not None and value in fields:
                for column, field in zip(columns, fields, strict=False):
                    if field == value:
                        yield column, f"{path}, line {line}, column `{column}`"
