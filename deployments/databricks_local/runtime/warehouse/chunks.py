"""Writes the result of a statement to files while it comes; memory holds a small piece of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.runtime.sail.results import signed_table
from databricks_local.runtime.warehouse.encoding import ENCODINGS
from databricks_local.runtime.warehouse.failures import ResultTooLargeError
from databricks_local.runtime.warehouse.variants import with_variants

PIECE_CELLS = 100_000
"""How many values are text at once: as such they need far more memory than in Arrow."""


@dataclass(frozen=True)
class Limits:
    """How much of a result is kept. Bytes are those that are written.

    Attributes:
        chunk_bytes: About how large a chunk may be.
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
        schema: The schema of the result as Spark has it, once that is known.
        chunks: What was written: for each file its rows and bytes.
        truncated: Whether a limit cut the result.
    """

    directory: Path
    format: str
    limits: Limits
    schema: Any = None
    chunks: list[dict[str, int]] = field(default_factory=list)
    truncated: bool = False
    _rows: int = 0
    _bytes: int = 0
    _is_open: bool = False

    def add(self, table: Any) -> bool:
        """Write the next rows; whether more are wanted.

        Raises:
            ResultTooLargeError: If there are more bytes than allowed.
            FileNotFoundError: If the directory was removed meanwhile.
        """
        table, limit = with_variants(signed_table(table), self.schema), self.limits.rows
        if limit is not None and self._rows + table.num_rows > limit:
            table, self.truncated = table.slice(0, limit - self._rows), True
        if not self.chunks and table.num_rows:
            # Once only: who removes it wants nothing more in it.
            self.directory.mkdir(parents=True, mode=0o700)
        for piece in self._pieces(table):
            if not self._take(piece):
                self.truncated = True
                break
        return not self.truncated

    def finish(self) -> None:
        """Write the end of the last file."""
        if self._is_open:
            self._append(ENCODINGS[self.format].tail, 0)
            self._is_open = False

    def _pieces(self, table: Any) -> Iterator[Any]:
        """A table in parts that are small against a chunk, also as text."""
        parts = 1 + 4 * table.nbytes // self.limits.chunk_bytes
        step = max(1, min(table.num_rows // parts, PIECE_CELLS // max(1, table.num_columns)))
        return (table.slice(start, step) for start in range(0, table.num_rows, step))

    def _take(self, piece: Any) -> bool:
        """Write as many rows of a piece as are allowed; whether that were all."""
        encoding, limits, rows = ENCODINGS[self.format], self.limits, piece.num_rows
        content = encoding.body(piece)
        if limits.refuse_bytes is not None and self._bytes + len(content) > limits.refuse_bytes:
            raise ResultTooLargeError(limits.refuse_bytes)
        while limits.bytes is not None and self._bytes + len(content) > limits.bytes:
            if rows == 1 and self._rows:
                return False
            if rows == 1:
                # At least one row is kept, as a result without any would look like an empty one.
                break
            rows //= 2
            content = encoding.body(piece.slice(0, rows))
        if not self._is_open:
            self._begin(encoding.head(piece, not self.chunks))
        elif encoding.between:
            content = encoding.between + content
        self._append(content, rows)
        self._rows += rows
        self._bytes += len(content)
        if self.chunks[-1]["byte_count"] >= limits.chunk_bytes:
            self.finish()
        return bool(rows == piece.num_rows)

    def _begin(self, head: bytes) -> None:
        index = len(self.chunks)
        self.chunks.append({"chunk_index": index, "row_offset": self._rows, "row_count": 0, "byte_count": 0})
        self._is_open = True
        self._append(head, 0)

    def _append(self, content: bytes, rows: int) -> None:
        chunk = self.chunks[-1]
        with (self.directory / str(chunk["chunk_index"])).open("ab") as file:
            file.write(content)
        chunk["row_count"] += rows
        chunk["byte_count"] += len(content)
