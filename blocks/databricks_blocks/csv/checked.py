"""A CSV file that is checked while it is sent to a database.

PostgreSQL reads more than CSV: a quoted part may begin anywhere, 0x10 and 1_000 are numbers (docs: numeric
constants), `1` is true and 01/02/03 a date. So each record is matched before it is sent: the database gets
only what every reader understands in the same way.
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
"""The fields of a record, and the offset at which it begins, in bytes from the start of the file."""


class CheckedCsv(io.RawIOBase):
    """The bytes of a CSV file without byte order mark, up to its end or to a record that does not fit.

    After reading, look at `misfit` or call `refuse_misfit`: the stream just ends at such a record.

    Attributes:
        path: The file.
        columns: The fields of its first record.
        records: Number of records that were read, without the header.
        misfit: Offset in bytes of the first record that does not fit; `None`: all fit so far.
        fault: What is wrong with that record; empty if a value does not fit its column.
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
            forms: What a field of each column looks like, `None`: any text; left out: all are text.
            watch: Called after each part with the number of bytes that have been read.

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
        """Set what a field of each column looks like, for the records that follow."""
        self._pattern = records_pattern(forms)

    def readable(self) -> bool:
        """Tell `io` that this is a stream to read from."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; none at the end, or where a record does not fit."""
        while not self._ready and self.misfit is None and self.advance():
            pass
        end = size if size >= 0 else len(self._ready)
        data, self._ready = self._ready[:end], self._ready[end:]
        return data

    def advance(self) -> bool:
        """Read the next part of the file, and keep its records that fit.

        Returns:
            Whether there is more to read.
        """
        more = self._read_on()
        # The last record may lack its line end. It is matched with one, and handed on without.
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
        """Decide about a record that does not fit; subclasses may widen the forms of the columns.

        Args:
            records: The record, and those after it, as far as they have been read.

        Returns:
            Whether to match the record again.
        """
        return False

    def refuse_misfit(self) -> None:
        """Raise an error if a record did not fit.

        Raises:
            RecordRefused: A record does not fit; the message names the line.
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
        # A long record is matched again after each part: parts as long as the record keep that rare.
        data = self._file.read(max(CHUNK, len(self._rest)))
        # The next byte might be the second half of a line end.
        data += self._file.read(1) if data.endswith(b"\r") else b""
        self._rest += data
        return bool(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def records_from(data: bytes, start: int = 0, before: int = 0) -> Iterator[Record]:
    """Yield the records from an offset on, up to the first that is incomplete or malformed.

    Args:
        data: Part of a file.
        start: Where in the part the first record begins.
        before: Number of bytes of the file before the part.
    """
    while start < len(data):
        try:
            found = split_record(data, start)
        except MalformedRecord:
            return  # reported when it is matched
        if found is None:
            return
        yield found[0], before + start
        start = found[1]


def line_at(path: Path, offset: int) -> int:
    """Find the number of the line that an offset in bytes is in."""
    return lines_at(path, [offset])[offset]


def lines_at(path: Path, offsets: Iterable[int]) -> dict[int, int]:
    """Find the numbers of the lines that some offsets in bytes are in."""
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
