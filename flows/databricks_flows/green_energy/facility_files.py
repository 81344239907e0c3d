"""The CSV files of the pipeline: the table of each, and what is wrong with them before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from databricks_blocks.csv.encoding import encoding_of_beginning
from databricks_blocks.csv.faults import InputError, at, delimiter_fault, has_undecoded_bytes
from databricks_blocks.csv.format import PLAIN
from databricks_blocks.csv.forms import is_finite
from databricks_blocks.csv.records import MalformedRecord, Record, read_records
from databricks_blocks.regular_files import file_fault
from databricks_blocks.sql.texts.schema import csv_table

from databricks_flows.shared.unknown_names import unknown_names

DATA_DIRECTORY = Path(__file__).parent / "data"
FACILITIES = "facilityefficiency"
"""The table that the notebooks read."""
COLUMNS = {
    "TS": "DATE",
    "Department": "STRING",
    "AmtPowerUse": "DOUBLE",
    "IsGreenEnergyInitiative": "BOOLEAN",
    "AmtPowerReturnedToGrid": "DOUBLE",
    "AmtProductOutput": "DOUBLE",
}
"""The columns of it that they use, and their types."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T].+)?", re.ASCII)
_NEEDED = ("IsGreenEnergyInitiative",)
"""Columns without whose value a row belongs nowhere."""
_BOOLEANS = {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"}
_LONGEST_NAME = 255
_NOT_IN_NAMES = re.compile(r"[\x00-\x20/\x7f]")
"""What Unity Catalog has in no name of a table (docs: names)."""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table.

    Attributes:
        table: Name of the table, in lower case.
        paths: Its files, in order of their names.
    """

    table: str
    paths: tuple[Path, ...]


def find_table_files(directory: Path) -> list[TableFiles]:
    """Find the CSV files of a folder, and the table of each: the name of the file up to the first dot.

    So `Facility.2024.csv` and `facility.2025.csv` are two files of the table `facility`.

    Args:
        directory: The folder. Files that do not end in `.csv` are left out, and those whose names begin with
            `.` or `_`, which Spark passes over.

    Raises:
        InputError: There is no such folder, it holds no CSV file, one is a pipe or a device, or its name
            cannot be the name of a table.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; name one that holds CSV files")
    by_table: dict[str, list[Path]] = {}
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix.lower() == ".csv")
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror or error}") from error
    for path in paths:
        if not path.name.startswith((".", "_")):
            by_table.setdefault(_table_of(path), []).append(path)
    if not by_table:
        raise InputError(f"{directory}: holds no CSV file")
    return [TableFiles(table, tuple(found)) for table, found in by_table.items()]


def _table_of(path: Path) -> str:
    if fault := file_fault(path):
        raise InputError(f"{path}: {fault}")
    table = path.name.partition(".")[0].lower()
    if _NOT_IN_NAMES.search(table):
        raise InputError(f"{path}: a name of a table has no space and no `/` in it; rename the file")
    if len(table) > _LONGEST_NAME or has_undecoded_bytes(table):
        raise InputError(f"{path}: not possible as the name of a table; rename the file")
    return table


def check_facilities(directory: Path, departments: Sequence[str]) -> list[TableFiles]:
    """Refuse files that cannot be loaded or analysed, and departments that are in none of them.

    Args:
        directory: The folder of the files.
        departments: Names of departments.

    Returns:
        All CSV files of the folder, by table.

    Raises:
        InputError: A file or a department cannot be used; the message is one line for a person.
    """
    found = find_table_files(directory)
    paths = [path for files in found if files.table == FACILITIES for path in files.paths]
    if not paths:
        raise InputError(f"{directory}: holds no file of the name FacilityEfficiency.csv")
    known: set[str] = set()
    for path in paths:
        known |= _departments(path)
    if missing := [name for name in dict.fromkeys(departments) if name not in known]:
        raise InputError(unknown_names("department", missing, known, "Department"))
    for files in found:
        csv_table(files.paths)
    return found


def _departments(path: Path) -> set[str]:
    """The departments of a file, whose columns and values are checked."""
    records = _records(path)
    header = next(records, None)
    columns = [name or "" for name in header.fields] if header and not header.is_empty_line else []
    if not columns:
        raise InputError(f"{path}{at(1, 'empty; the first line must name the columns')}")
    if fault := delimiter_fault(columns):
        raise InputError(f"{path}{at(1, fault)}")
    if missing := [name for name in COLUMNS if name not in columns]:
        names = ", ".join(f"`{name}`" for name in columns)
        raise InputError(f"{path}{at(1, f'column `{missing[0]}` is missing; found {names}')}")
    department = columns.index("Department")
    used = [(place, name) for place, name in enumerate(columns) if name in COLUMNS]
    found = set()
    for record in records:
        if record.is_empty_line:
            continue
        if len(record.fields) != len(columns):
            fault = f"{len(record.fields)} fields where the header has {len(columns)}"
            raise InputError(f"{path}{at(record.line, fault)}")
        for place, name in used:
            value = record.fields[place] or ""
            no_value = "no value, so that the row belongs nowhere" if name in _NEEDED and not value else None
            if fault := no_value or _value_fault(COLUMNS[name], value):
                raise InputError(f"{path}{at(record.line, fault, name)}")
        found.add(record.fields[department] or "")
    return found - {""}


def _value_fault(kind: str, value: str) -> str | None:
    """What is wrong with a value of a column of a kind, as Spark reads it; no value is always right."""
    if has_undecoded_bytes(value):
        return "bytes that are not UTF-8; save the file as UTF-8"
    if kind == "DOUBLE" and value and not is_finite(value):
        return f"`{value[:60]}` is not a number"
    if kind == "BOOLEAN" and value and value.strip().lower() not in _BOOLEANS:
        return f"`{value[:60]}` is neither True nor False"
    if kind == "DATE" and value and not _is_day(value):
        return f"`{value[:60]}` is not a day, such as 2024-06-21"
    return None


def _is_day(value: str) -> bool:
    try:
        return bool(_DAY.fullmatch(value) and datetime.fromisoformat(value))
    except ValueError:
        return False


def known_type(table: str, column: str) -> str | None:
    """The SQL type that a column has to have; `None` where its content may decide.

    Args:
        table: Name of the table.
        column: Name of the column.
    """
    return COLUMNS.get(column) if table == FACILITIES else None


def _records(path: Path) -> Iterator[Record]:
    """The records of a file.

    Raises:
        InputError: It cannot be read, or is not a CSV file in UTF-8.
    """
    try:
        with path.open("rb") as stream:
            if encoding_of_beginning(stream.read(64)) not in ("utf-8", None):
                raise InputError(f"{path}{at(1, 'bytes that are not UTF-8; save the file as UTF-8')}")
        with PLAIN.open(path) as stream:
            yield from read_records(stream)
    except MalformedRecord as error:
        raise InputError(f"{path}{at(error.line, str(error))}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
