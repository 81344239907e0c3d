"""What a person sees of a table besides its columns: the first rows, and the history. It reads files."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.catalog.delta_log import in_one_line
from databricks_local.catalog.records import DELTA, Table

ROWS = 50
COMMITS = 50
CELL_LENGTH = 300
BUFFER_BYTES = 256 * 1024
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
        opened = dataset()
        rows = list(islice(_rows(opened), ROWS))
    except (DeltaError, pa.ArrowException, OSError, ValueError, OverflowError) as error:
        return Look(problem=f"The rows cannot be read: {in_one_line(error)}")
    return Look(tuple(opened.schema.names), tuple(rows))


def _rows(dataset: Any) -> Iterator[tuple[str | None, ...]]:
    """The rows of the files, one file after the other. Whatever their size, little of them is read at once.

    The scanner of a dataset would read the whole first row group, which may be all of a file.
    """
    import pyarrow.parquet as pq

    for fragment in dataset.get_fragments():
        if fragment.count_rows():
            elsewhere = _elsewhere(dataset, fragment)
            with fragment.open() as opened:
                file = pq.ParquetFile(opened, buffer_size=BUFFER_BYTES, pre_buffer=False)
                for batch in file.iter_batches(ROWS, use_threads=False):
                    known = {**elsewhere, **dict(zip(batch.schema.names, batch.columns, strict=True))}
                    texts = [
                        _texts(known[field.name].cast(field.type, safe=False), len(batch))
                        for field in dataset.schema
                    ]
                    yield from zip(*texts, strict=True)


def _elsewhere(dataset: Any, fragment: Any) -> dict[str, Any]:
    """The columns that are not in a file: their one value is in the path or the log, or it is null."""
    missing = [name for name in dataset.schema.names if name not in fragment.physical_schema.names]
    found = fragment.scanner(schema=dataset.schema, columns=missing).head(1)
    return dict(zip(missing, found.columns, strict=True))


def _texts(column: Any, number: int) -> list[str | None]:
    try:
        values = column.to_pylist()
    except (ValueError, OverflowError):
        # A date that Python does not have, as one of the year 0.
        values = column.cast(_without_dates(column.type)).to_pylist()
    texts = [cell_text(value) for value in values]
    return texts if len(texts) == number else texts * number


def _without_dates(kind: Any) -> Any:
    """A type of Arrow with texts in place of dates and times."""
    import pyarrow as pa

    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_dates(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_without_dates(kind.key_type), _without_dates(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _without_dates(field.type)) for field in kind])
    return kind


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
