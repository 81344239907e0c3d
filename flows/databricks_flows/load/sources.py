"""Finds the CSV files to load, and names their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from databricks_blocks.csv.faults import LONGEST_NAME, InputError
from databricks_blocks.safe_text import printable

from databricks_flows.renewable.share_files import table_name
from databricks_flows.shared.local_files import files_named


@dataclass(frozen=True)
class Source:
    """A file and its table.

    Attributes:
        path: Path of the file.
        table: Name of the table that it is loaded into.
    """

    path: Path
    table: str

    @property
    def name(self) -> str:
        """The path, as text that can be stored and sent."""
        return printable(str(self.path), lines=False)


def find_sources(names: Sequence[str], reserved: str) -> list[Source]:
    """Find CSV files, and name their tables after them.

    Args:
        names: Files, folders and patterns such as `data/2026-*.csv`. In a folder, all files that end in .csv.
        reserved: Name that no table may have.

    Returns:
        The files, each of them once.

    Raises:
        InputError: There is no such file, one is a pipe or a device, or two would have the same table.
    """
    sources: dict[str, Source] = {}
    for path in dict.fromkeys(path.absolute() for name in names for path in _csv_files(name)):
        table = table_name(path.stem, LONGEST_NAME)
        if table in sources:
            raise InputError(f"{sources[table].path} and {path}: both make the table `{table}`; rename one")
        if table == reserved:
            raise InputError(f"{path}: the table `{table}` is kept for what has been loaded; rename the file")
        sources[table] = Source(path, table)
    return list(sources.values())


def check_schema(name: str) -> None:
    """Refuse a schema that the database keeps for itself.

    Raises:
        InputError: It is such a schema.
    """
    if name == "information_schema" or name.startswith("pg_"):
        raise InputError(f"target_schema: `{name}` is kept for the database itself; name another schema")


def _csv_files(name: str) -> list[Path]:
    return files_named(name, "CSV file", lambda file: file.suffix.lower() == ".csv")
