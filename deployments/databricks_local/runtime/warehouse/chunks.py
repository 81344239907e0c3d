"""Writes the result of a statement to files, a chunk each, while it comes; memory holds one chunk."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.runtime.sail.results import signed_table
from databricks_local.runtime.warehouse.values import (
    csv_of,
    day_time_text,
    json_of,
    rows_of,
    year_month_text,
)

JSON_ARRAY, ARROW_STREAM, CSV = "JSON_ARRAY", "ARROW_STREAM", "CSV"


class ResultTooLargeError(Exception):
    """Raised when a result has more bytes than may be inline."""


@dataclass(frozen=True)
class Limits:
    """How much of a result is kept.

    Attributes:
        chunk_bytes: About how large a chunk may be, as Arrow has it in memory.
        rows: After how many rows it is cut; None for no limit.
        bytes: After how many bytes it is cut.
        refuse_bytes: From how many bytes on the statement fails instead; None for never.
    """

    chunk_bytes: int
    rows: int | None = None
    bytes: int | None = None
    refuse_bytes: int | None = None


@dataclass
class ResultFiles:
    """The files of one result.

    Attributes:
        directory: Where they are, by their number.
        format: What is in them.
        limits: How much is kept.
        chunks: What was written: for each file its rows and bytes.
        truncated: Whether a limit cut the result.
    """

    directory: Path
    format: str
    limits: Limits
    chunks: list[dict[str, int]] = field(default_factory=list)
    truncated: bool = False
    _rows: int = 0
    _bytes: int = 0
    _waiting: list[Any] = field(default_factory=list)
    _waiting_bytes: int = 0

    def add(self, table: Any) -> bool:
        """Take the next rows; whether more are wanted.

        Raises:
            ResultTooLargeError: If there are more bytes than allowed.
        """
        table = _readable(signed_table(table))
        rows = self.limits.rows
        if rows is not None and self._rows + table.num_rows > rows:
            table, self.truncated = table.slice(0, rows - self._rows), True
        for piece in self._pieces(table):
            size = piece.nbytes
            if self.limits.refuse_bytes is not None and self._bytes + size > self.limits.refuse_bytes:
                raise ResultTooLargeError
            # At least one row is kept, as a result without any would look like an empty one.
            if self.limits.bytes is not None and self._rows and self._bytes + size > self.limits.bytes:
                self.truncated = True
                break
            self._take(piece, size)
        return not self.truncated

    def finish(self) -> None:
        """Write what is left."""
        if self._waiting:
            self._write()

    def _pieces(self, table: Any) -> list[Any]:
        """A table in parts that are small against a chunk and against the limit of bytes."""
        smallest = min(filter(None, (self.limits.chunk_bytes, self.limits.bytes)))
        parts = max(1, -(-4 * table.nbytes // smallest)) if table.nbytes > smallest // 4 else 1
        step = max(1, table.num_rows // parts)
        return [table.slice(start, step) for start in range(0, table.num_rows, step)]

    def _take(self, piece: Any, size: int) -> None:
        if self._waiting and self._waiting_bytes + size > self.limits.chunk_bytes:
            self._write()
        self._waiting.append(piece)
        self._waiting_bytes += size
        self._rows += piece.num_rows
        self._bytes += size

    def _write(self) -> None:
        import pyarrow as pa

        table = pa.concat_tables(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        content = self._encode(table)
        offset = sum(chunk["row_count"] for chunk in self.chunks)
        index = len(self.chunks)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.directory / str(index)).write_bytes(content)
        self.chunks.append(
            {
                "chunk_index": index,
                "row_offset": offset,
                "row_count": table.num_rows,
                "byte_count": len(content),
            }
        )

    def _encode(self, table: Any) -> bytes:
        import pyarrow as pa

        if self.format == JSON_ARRAY:
            return json_of(rows_of(table))
        if self.format == CSV:
            return csv_of(rows_of(table), None if self.chunks else table.column_names)
        stream = io.BytesIO()
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        return stream.getvalue()


def _readable(table: Any) -> Any:
    """A table whose intervals are text: hardly a client reads Arrow's own."""
    import pyarrow as pa

    months = [column.name for column in table.schema if str(column.type) == "month_interval"]
    if months:
        table = _months_as_numbers(table)
    for index, column in enumerate(table.schema):
        if pa.types.is_duration(column.type):
            text_of: Any = day_time_text
        elif column.name in months:
            text_of = year_month_text
        else:
            continue
        texts = [None if value is None else text_of(value) for value in table.column(index).to_pylist()]
        table = table.set_column(index, column.with_type(pa.string()), pa.array(texts, pa.string()))
    return table


class _Batch:
    """A record batch under another schema, by Arrow's interface between libraries."""

    def __init__(self, batch: Any, schema: Any) -> None:
        self._batch = batch
        self._schema = schema

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        return self._schema.__arrow_c_schema__(), self._batch.__arrow_c_array__()[1]


def _months_as_numbers(table: Any) -> Any:
    """A table whose year-month intervals are the numbers that they are: pyarrow cannot read them."""
    import pyarrow as pa

    fields = [
        column.with_type(pa.int32()) if str(column.type) == "month_interval" else column
        for column in table.schema
    ]
    schema = pa.schema(fields)
    return pa.Table.from_batches(
        [pa.record_batch(_Batch(batch, schema)) for batch in table.to_batches()], schema
    )
