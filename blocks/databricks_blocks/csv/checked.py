"""A CSV file that is checked while it is sent to a database.

PostgreSQL reads more than CSV: a quoted part may begin anywhere, 0x10 and 1_000 are numbers (docs: numeric
constants), `1` is true and 01/02/03 a date. So each record is matched before it is sent: the database gets
only what every reader understands in the same way.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from databricks_blocks.csv.faults import at, has_undecoded_bytes
from databricks_blocks.csv.format import PLAIN, CsvFormat
from databricks_blocks.csv.records import (
    LONGEST_RECORD,
    Form,
    MalformedRecord,
    count_records,
    grammar,
    split_record,
    with_one_line_end,
)
from databricks_blocks.csv.rewriting import plain_records
from databricks_blocks.database.tables import RecordRefused

CHUNK = 256 * 1024
Record = tuple[list[str], int]
"""The fields of a record, and where it begins, in bytes of UTF-8 from the start of the file."""


class CheckedCsv(io.RawIOBase):
    """A CSV file as plain CSV (UTF-8, commas, line feeds), up to a record that does not fit.

    After reading, look at `misfit` or call `refuse_misfit`: the stream just ends at such a record. Empty
    lines at the end of the file are left out; in a file of one column, each is a record.

    Attributes:
        path: The file.
        format: How it is written.
        columns: The fields of its first record.
        records: Number of records that were read, without the header.
        misfit: Offset in bytes of the first record that does not fit; `None`: all fit so far.
        fault: What is wrong with that record; empty if a value does not fit its column.
        faulty_column: Name of the column, if the fault is in one field.
        is_decoded: Whether all bytes up to the record were UTF-8, or what the format has.
    """

    def __init__(
        self,
        path: Path,
        forms: Sequence[Form] | None = None,
        watch: Callable[[int], object] = lambda _: None,
        csv_format: CsvFormat = PLAIN,
        handed_on: Sequence[int] | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: The file.
            forms: What a field of each column looks like; left out: all are text.
            watch: Called after each part with the number of bytes that have been read.
            csv_format: How the file is written.
            handed_on: Positions of the columns to hand on; left out: all.

        Raises:
            MalformedRecord: The file has no header.
        """
        self.path = path
        self.format = csv_format
        self._file = csv_format.open(path)
        self._grammar = grammar(csv_format.delimiter)
        self._columns_handed_on = handed_on
        self._decimal_columns: Sequence[int] = ()
        self._offset = 0
        self._rest = self._ready = b""
        self.misfit: int | None = None
        self.fault = self.faulty_column = ""
        self.is_decoded = True
        self.records = 0
        self.watch = watch
        try:
            self.columns = self._take_header()
        except MalformedRecord:
            self.close()
            raise
        self.match_fields(forms or [None] * len(self.columns))

    def match_fields(self, forms: Sequence[Form], decimals: Sequence[int] = ()) -> None:
        """Set what a field of each column looks like, for the records that follow.

        Args:
            forms: The forms.
            decimals: Positions of the columns of numbers that may have decimals.
        """
        self._pattern = self._grammar.records_pattern(forms)
        self._decimal_columns = decimals if self.format.decimal == "," else ()

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
            if _is_empty_from(data, end) and len(data) - end <= LONGEST_RECORD:
                if not more:
                    data = self._rest = data[:end]
                break
            try:
                record = split_record(data, end, self.format.delimiter)
            except MalformedRecord as error:
                self.fault = str(error)
                self.faulty_column = error.column(self.columns)
            else:
                if record is None and more:
                    break
                if record is None:
                    self.fault = "the record does not end; is a quote missing?"
                elif self._accept(record[0], data, end):
                    start = end
                    continue
            self.misfit = self._offset + end
            break
        end = self._decoded_until(data, end)
        self.records += count_records(data[:end]) if self._rest else 0
        end = min(end, len(self._rest))
        self._ready += self._as_plain(self._rest[:end])
        self._rest = self._rest[end:]
        self._offset += end
        self.watch(self._offset)
        return more

    def _accept(self, fields: Sequence[str], data: bytes, start: int) -> bool:
        if fields == [""] and len(self.columns) > 1:
            self.fault = "an empty line; remove it"
        elif len(fields) != len(self.columns):
            self.fault = f"{len(fields)} fields where the header has {len(self.columns)}"
        else:
            return self.accept(records_from(data, start, self._offset, self.format.delimiter))
        return False

    def _decoded_until(self, data: bytes, end: int) -> int:
        """Find the first record that is not UTF-8, and make it the misfit."""
        part = data[:end]
        if part.isascii():
            return end
        try:
            part.decode()
        except UnicodeDecodeError:
            for fields, offset in records_from(part, 0, 0, self.format.delimiter):
                found = [place for place, field in enumerate(fields) if has_undecoded_bytes(field)]
                if found:
                    self.misfit, self.is_decoded = self._offset + offset, False
                    self.fault = f"bytes that are not {self.format.encoding.upper()}"
                    self.faulty_column = self.columns[found[0]]
                    return offset
        return end

    def _as_plain(self, data: bytes) -> bytes:
        if self.format.delimiter == "," and not self._decimal_columns and self._columns_handed_on is None:
            return with_one_line_end(data)
        return plain_records(
            data, self.format.delimiter, decimals=self._decimal_columns, columns=self._columns_handed_on
        )

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
            line = line_at(self.path, self.misfit, self.format)
            raise RecordRefused(at(line, reason, self.faulty_column))

    def _match(self, data: bytes, start: int) -> int:
        found = self._pattern.match(data, start)
        return found.end() if found else start

    def _take_header(self) -> list[str]:
        more, header = True, None
        while more and header is None:
            more = self._read_on()
            data = self._rest if more else self._rest + b"\n"
            header = split_record(data, 0, self.format.delimiter)
        if header is None:
            raise MalformedRecord("the record does not end; is a quote missing?")
        fields, end = header
        taken, self._rest = self._rest[:end], self._rest[end:]
        self._ready = self._as_plain(taken)
        self._offset += len(taken)
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


def _is_empty_from(data: bytes, start: int) -> bool:
    return data[start : start + 1] in (b"\n", b"\r") and not data[start:].strip(b"\r\n")


def records_from(data: bytes, start: int = 0, before: int = 0, delimiter: str = ",") -> Iterator[Record]:
    """Yield the records from an offset on, up to the first that is incomplete or malformed.

    Args:
        data: Part of a file.
        start: Where in the part the first record begins.
        before: Number of bytes of the file before the part.
        delimiter: What separates the fields.
    """
    while start < len(data):
        try:
            found = split_record(data, start, delimiter)
        except MalformedRecord:
            return  # reported when it is matched
        if found is None:
            return
        yield found[0], before + start
        start = found[1]


def line_at(path: Path, offset: int, csv_format: CsvFormat = PLAIN) -> int:
    """Find the number of the line that an offset is in, in bytes of UTF-8 without a byte order mark."""
    return lines_at(path, [offset], csv_format)[offset]


def lines_at(path: Path, offsets: Iterable[int], csv_format: CsvFormat = PLAIN) -> dict[int, int]:
    """Find the numbers of the lines that some offsets are in, in bytes of UTF-8 without a byte order mark."""
    lines: dict[int, int] = {}
    line, position, last = 1, 0, b""
    with csv_format.open(path) as stream:
        for offset in sorted(offsets):
            while position < offset and (data := stream.read(min(offset - position, CHUNK))):
                ends = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
                line += ends - (last == b"\r" and data.startswith(b"\n"))
                position, last = position + len(data), data[-1:]
            lines[offset] = line
    return lines
