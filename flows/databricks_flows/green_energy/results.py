"""What an analysis of a department comes to: its days, and the trend with and without the initiative."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from databricks_blocks.csv.faults import InputError
from pydantic import TypeAdapter, ValidationError

CHART_FILE, TABLE_FILE = "green_energy.png", "green_energy.csv"
KINDS = {"green": True, "not_green": False}
"""How the notebooks name the rows with and without the initiative."""
MEASURES = (
    "AvgAmtPowerUse",
    "AvgAmtPowerReturnedToGrid",
    "AvgAmtProductOutput",
    "AvgAmtNetPowerConsumption",
    "Efficiency",
)
HEADER = ("Department", "IsGreenEnergyInitiative", "TS", *MEASURES)


@dataclass(frozen=True)
class Trend:
    """The straight line through the efficiency by day, of one kind of rows.

    Attributes:
        rows: Number of rows of the department.
        days: Number of days that have a row.
        slope: Change of the efficiency in a day; `None` if fewer than two days have an efficiency.
        r2: How much of the change of the efficiency the line explains, from 0 to 1.
        first_day: The first day.
        last_day: The last day.
        on_first_day: The line on the first day.
        on_last_day: The line on the last day.
    """

    rows: int
    days: int
    slope: float | None = None
    r2: float | None = None
    first_day: date | None = None
    last_day: date | None = None
    on_first_day: float | None = None
    on_last_day: float | None = None


@dataclass(frozen=True)
class Day:
    """A day of one kind of rows.

    Attributes:
        day: The day; `None` where the rows have none.
        measures: The values of `MEASURES`; `None` where there is no value.
    """

    day: date | None
    measures: tuple[float | None, ...]

    @property
    def efficiency(self) -> float | None:
        """Output by net power."""
        return self.measures[-1]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Day:
        """Read a row of an efficiency table.

        Raises:
            InputError: The table has not the columns that our notebooks write.
        """
        if missing := [name for name in ("TS", *MEASURES) if name not in row]:
            raise InputError(
                f"the efficiency table has no column `{missing[0]}`; a notebook in place of ours has to "
                f"write TS, {', '.join(MEASURES)}"
            )
        return cls(row["TS"], tuple(row[name] for name in MEASURES))


@dataclass(frozen=True)
class Kind:
    """The rows of a department with the initiative, or those without it.

    Attributes:
        green: Whether they are those with it.
        trend: The trend of the efficiency.
        days: The days, in order.
    """

    green: bool
    trend: Trend
    days: tuple[Day, ...]


@dataclass(frozen=True)
class Department:
    """What the notebooks found for one department.

    Attributes:
        name: Name of the department.
        kinds: The rows without the initiative, and those with it.
    """

    name: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class WrittenTable:
    """What a notebook has written.

    Attributes:
        table: Full name of the table, quoted as in SQL.
        rows: Number of its rows.
    """

    table: str
    rows: int


_TRENDS = TypeAdapter(dict[str, Trend])
_WRITTEN = TypeAdapter(WrittenTable)


def read_trends(exit_values: Mapping[str, str]) -> dict[str, Trend]:
    """Read what the notebook `analytics` returned: the trend of each of `KINDS`.

    Args:
        exit_values: What each notebook gave to `dbutils.notebook.exit`, by task key.

    Raises:
        InputError: It is something else, as with a notebook of a user's own.
    """
    value = exit_values.get("analytics", "")
    try:
        trends = _TRENDS.validate_json(value)
    except ValidationError as error:
        raise _unreadable("analytics", value) from error
    if trends.keys() != KINDS.keys():
        raise _unreadable("analytics", value)
    return trends


def read_written(exit_values: Mapping[str, str], task_key: str) -> WrittenTable:
    """Read what another notebook returned: the table that it wrote.

    Args:
        exit_values: What each notebook gave to `dbutils.notebook.exit`, by task key.
        task_key: The task of the notebook.

    Raises:
        InputError: It is something else.
    """
    value = exit_values.get(task_key, "")
    try:
        return _WRITTEN.validate_json(value)
    except ValidationError as error:
        raise _unreadable(task_key, value) from error


def _unreadable(notebook: str, value: str) -> InputError:
    found = f"it returned `{' '.join(value.split())[:60]}`" if value else "it returned nothing"
    return InputError(f"the notebook {notebook} has to return its result as JSON, as ours does; {found}")


def check_targets(folder: Path) -> Path:
    """Refuse a folder where table or chart cannot take the place of what is there.

    Args:
        folder: The folder.

    Returns:
        The folder.

    Raises:
        InputError: A folder has the name of one of them.
    """
    for name in (CHART_FILE, TABLE_FILE):
        if (folder / name).is_dir():
            raise InputError(f"{folder / name}: is a folder; remove it, or write to another folder")
    return folder


def write_table(departments: Iterable[Department], path: Path) -> int:
    """Write a row for each department, kind and day, sorted, with all digits.

    Args:
        departments: The departments.
        path: The CSV file.

    Returns:
        The number of rows.
    """
    rows = [
        (department.name, kind.green, day)
        for department in departments
        for kind in department.kinds
        for day in kind.days
    ]
    rows.sort(key=lambda row: (row[0], row[1], row[2].day or date.min))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for name, green, day in rows:
            writer.writerow([name, str(green).lower(), day.day or "", *_written(day.measures)])
    return len(rows)


def _written(measures: Sequence[float | None]) -> list[str]:
    return ["" if value is None else repr(value) for value in measures]
