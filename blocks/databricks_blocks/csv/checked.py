"""A CSV file on its way into a database, none of it open to another reading.

PostgreSQL begins a quoted part anywhere, takes 0x10 and 1_000 for numbers (docs: numeric constants), `1` for
true and 01/02/03 for a date. So each record is matched before it goes.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from databricks_blocks.csv.faults import at
from databricks_blocks.csv.records import MalformedRecord, count_records, records_pattern, split_record
from databricks_blocks.database.tables import RecordRefused

CHUNK = 256 * 1024
Record = tuple[list[str], int]
"""The fields of a record, and where it begins, in bytes from the start of the file."""


class CheckedCsv(io.RawIOBase):
    """The bytes of a CSV file without byte order mark, up to its end or to a record that does not fit.

    Whoever reads it has to look at `misfit` afterwards, or to call `refuse_misfit`.

    Attributes:
        path: The file.
        columns: The fields of its first record.
        records: Number of records that were handed on, without the first.
        misfit: Where the record begins that does not fit, in bytes from the start of the file.
        fault: Why it is none, if it is malformed.
    """

    def __init__(
        self,
        path: Path,
        forms: Sequence[bytes | None] | None = None,
        watch: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Open a file.

        Args:
            path: The file.
            forms: What a field of each column looks like, or any text; nothing where all columns are text.
            watch: Is told again and again how many bytes have been read.

        Raises:
            MalformedRecord: The file has no header.
        """
        self.path = path
        self._file = path.open("rb")
        mark = self._file.read(len(codecs.BOM_UTF8))
        self._handed_on = len(mark) if mark == codecs.BOM_UTF8 else 0
        self._file.seek(self._handed_on)
        self._rest = self._ready = b""
        self.misfit: int | None = None
        self.fault = ""
        self.records = 0
        self.watch = watch
        try:
            self.columns = self._take_header()
        except MalformedRecord:
            self.close()
            raise
        self.match_fields(forms or [None] * len(self.columns))

    def match_fields(self, forms: Sequence[bytes | None]) -> None:
        """Say what a field of each column looks like from here on."""
        self._pattern = records_pattern(forms)

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, of records that fit."""
        while not self._ready and self.misfit is None and self.advance():
            pass
        end = size if size >= 0 else len(self._ready)
        data, self._ready = self._ready[:end], self._ready[end:]
        return data

    def advance(self) -> bool:
        """Read on, and keep the records that fit.

        Returns:
            Whether there is more to read.
        """
        more = self._read_on()
        # A last record need not end its line; in what is handed on it stays as it is.
        data = self._rest if more else self._rest + b"\n" * (not self._rest.endswith(b"\n"))
        start = 0 if self._rest else len(data)
        while (end := self._match(data, start)) < len(data):
            try:
                record = split_record(data, end)
            except MalformedRecord as error:
                self.fault = str(error)
            else:
                if record is None and more:
                    break
                if record is None:
                    self.fault = "it does not end; is a quote missing?"
                elif self.accept(records_from(data, end, self._handed_on)):
                    start = end
                    continue
            self.misfit = self._handed_on + end
            break
        self.records += count_records(data[:end]) if self._rest else 0
        end = min(end, len(self._rest))
        self._ready += self._rest[:end]
        self._rest = self._rest[end:]
        self._handed_on += end
        self.watch(self._handed_on)
        return more

    def accept(self, records: Iterator[Record]) -> bool:
        """Make a record fit that does not, if there is a way.

        Args:
            records: The record, and those after it, as far as they have been read.

        Returns:
            Whether there was one.
        """
        return False

    def refuse_misfit(self) -> None:
        """Make sure that all records fit.

        Raises:
            RecordRefused: One does not; says in which line.
        """
        if self.misfit is not None:
            reason = self.fault or "a value that does not fit its column"
            raise RecordRefused(at(line_at(self.path, self.misfit), reason))

    def _match(self, data: bytes, start: int) -> int:
        found = self._pattern.match(data, start)
        return found.end() if found else start

    def _take_header(self) -> list[str]:
        more, header = True, None
        while more and header is None:
            more = self._read_on()
            header = split_record(self._rest if more else self._rest + b"\n")
        if header is None:
            raise MalformedRecord("it does not end; is a quote missing?")
        fields, end = header
        self._ready, self._rest = self._rest[:end], self._rest[end:]
        self._handed_on += len(self._ready)
        return fields

    def _read_on(self) -> bool:
        # As much again of a record that is long, so that it is not matched from its start too often.
        data = self._file.read(max(CHUNK, len(self._rest)))
        # What follows might be the other half of its line end.
        data += self._file.read(1) if data.endswith(b"\r") else b""
        self._rest += data
        return bool(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def records_from(data: bytes, start: int = 0, before: int = 0) -> Iterator[Record]:
    """Yield the records that begin somewhere, as far as they are there and well formed.

    Args:
        data: Part of a file.
        start: Where in it the first one begins.
        before: How many bytes of the file come before the part.
    """
    while start < len(data):
        try:
            found = split_record(data, start)
        except MalformedRecord:
            return  # it is told when its turn comes
        if found is None:
            return
        yield found[0], before + start
        start = found[1]


def line_at(path: Path, offset: int) -> int:
    """Number of the line that begins at an offset, or that it is in."""
    return lines_at(path, [offset])[offset]


def lines_at(path: Path, offsets: Iterable[int]) -> dict[int, int]:
    """Numbers of the lines that begin at some offsets, or that they are in."""
    lines: dict[int, int] = {}
    line, position, last = 1, 0, b""
    with path.open("rb") as stream:
        for offset in sorted(offsets):
            while position < offset and (data := stream.read(min(offset - position, CHUNK))):
                ends = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
                line += ends - (last == b"\r" and data.startswith(b"\n"))
                position, last = position + len(data), data[-1:]
            lines[offset] = line
    return lines
