"""What a person sees of a table besides its columns: the first rows, and the history. It reads files."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.catalog.delta_log import in_one_line
from databricks_local.catalog.records import DELTA, Table

ROWS = 50
COMMITS = 50
CELL_LENGTH = 300
MAPPING = "delta.columnMapping.mode"
"""With it, columns have other names in the files, which `deltalake` does not look for."""

_ANSWERED_FORMATS = (DELTA, "PARQUET")


@dataclass(frozen=True)
class Look:
    """What is seen of a table.

    Attributes:
        columns: The names of the columns of `rows`.
        rows: The first rows, as text; None for null.
        history: Its commits as Delta keeps them, the newest first.
        problem: Why there are no rows; empty if they are shown.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    history: tuple[Json, ...] = ()
    problem: str = ""


def look_at(table: Table, place: Path | str, storage_options: Mapping[str, str]) -> Look:
    """Look at a table; what cannot be read is said instead of shown.

    Args:
        table: The table.
        place: Its directory, or its URI elsewhere.
        storage_options: How that is reached.
    """
    data_format = table.record.get("data_source_format", "")
    if data_format not in _ANSWERED_FORMATS:
        return Look(problem=f"Rows are shown of Delta and Parquet tables; this one is {data_format}.")
    if data_format != DELTA:
        return _look_at_parquet(place)
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        opened = DeltaTable(place, storage_options=None if isinstance(place, Path) else dict(storage_options))
        history = tuple(opened.history(COMMITS))
    except (DeltaError, OSError, ValueError) as error:
        return Look(problem=f"The table cannot be read: {in_one_line(error)}")
    if opened.metadata().configuration.get(MAPPING, "none") != "none":
        return Look(history=history, problem="Rows are not shown of tables with column mapping.")
    look = _first_rows(opened.to_pyarrow_dataset)
    return replace(look, history=history)


def _look_at_parquet(place: Path | str) -> Look:
    import pyarrow.dataset as ds

    if not isinstance(place, Path) or not place.exists():
        return Look(problem="Rows are shown of Parquet tables on this machine that have some.")
    return _first_rows(lambda: ds.dataset(place, format="parquet"))


def _first_rows(dataset: Callable[[], Any]) -> Look:
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        # Small pieces, one after the other: whatever the size of the table, little of it is read.
        scanner = dataset().scanner(batch_size=ROWS, batch_readahead=1, fragment_readahead=1)
        found = scanner.head(ROWS)
    except (DeltaError, pa.ArrowException, OSError) as error:
        return Look(problem=f"The rows cannot be read: {in_one_line(error)}")
    return Look(tuple(found.column_names), _texts(found))


def _texts(found: Any) -> tuple[tuple[str | None, ...], ...]:
    columns = [[cell_text(value) for value in column.to_pylist()] for column in found.columns]
    return tuple(zip(*columns, strict=True))


def cell_text(value: Any) -> str | None:
    """A value as a cell shows it.

    Example:
        >>> cell_text(bytes([0, 255])), cell_text({"a": [1]}), cell_text(True), cell_text(None)
        ('00FF', '{"a": [1]}', 'true', None)
    """
    if value is None:
        return None
    if isinstance(value, bytes):
        text = value[:CELL_LENGTH].hex().upper()
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, dict | list | tuple):
        text = json.dumps(value, default=str, ensure_ascii=False)
    else:
        text = str(value)
    return text if len(text) <= CELL_LENGTH else f"{text[:CELL_LENGTH]}…"
