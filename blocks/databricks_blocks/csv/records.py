"""The records of a CSV file, matched many at a time against the forms of their fields.

One regular expression for whole records reads several tens of megabytes a second, faster than databases take
them. Reading each field in Python is slower than the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from databricks_blocks.csv.forms import between_blanks
from databricks_blocks.database.tables import Readable

LONGEST_RECORD = 16 * 1024 * 1024
_READ_AT_ONCE = 256 * 1024
_QUOTED = rb'"[^"\x00]*+(?:""[^"\x00]*+)*+'
_EMPTY = rb'(?:"")?+'
_END_OF_DATA = b"\\."
_LINE_END = rb"(?:\n|\r\n?+)"
_SPECIAL = (b'"', b"\r", b"\x00", b"\\.")

Form = bytes | int | None
"""What a field looks like if it is not empty: an expression; a text of at most so many bytes; any text."""


class MalformedRecord(ValueError):
    """Raised when bytes are no record of CSV; the message says why.

    Attributes:
        line: Its first line, from 1, where the whole file is read.
        field: Position of the field that is at fault, if one is.
    """

    def __init__(self, reason: str, line: int = 1, field: int | None = None) -> None:
        super().__init__(reason)
        self.line = line
        self.field = field

    def column(self, columns: Sequence[str]) -> str:
        """The name of the column of the field that is at fault; empty if there is none."""
        return columns[self.field] if self.field is not None and self.field < len(columns) else ""


class Record(NamedTuple):
    """A record of a file.

    Attributes:
        line: Its first line, from 1.
        fields: Its fields; bytes that are not UTF-8 stay in them as surrogates. `None`: nothing at all is
            there, while `""` is an empty text in quotes.
        last_line: Its last line.
    """

    line: int
    fields: list[str | None]
    last_line: int

    @property
    def is_empty_line(self) -> bool:
        """Whether nothing but a line end is there."""
        return self.fields == [None]


class Grammar:
    """The regular expressions for records whose fields are separated by a delimiter."""

    # All patterns are possessive: without backtracking, a record that does not match costs one pass.
    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter.encode()
        mark = re.escape(self._delimiter)
        self._plain = rb'[^"' + mark + rb"\r\n\x00]*+"
        self._text = rb"(?:" + _QUOTED + rb'"|' + self._plain + rb")"
        self._fields_before = re.compile(rb"(?:" + self._text + mark + rb")*+")
        self._record = re.compile(self._text + rb"(?:" + mark + self._text + rb")*+" + _LINE_END)
        self._beginning = re.compile(
            rb"(?:" + self._text + mark + rb")*+(?:" + self._plain + rb"|" + _QUOTED + rb'"?+)\Z'
        )
        self._field = re.compile(rb"(" + self._text + rb")(?:" + mark + rb"|" + _LINE_END + rb")")

    def records_pattern(self, forms: Sequence[Form]) -> re.Pattern[bytes]:
        """Make the pattern of as many records as fit, one after the other.

        Args:
            forms: What a field of each column looks like.
        """
        fields = re.escape(self._delimiter).join(self._form(form) for form in forms)
        if len(forms) == 1:
            fields = rb"(?!" + re.escape(_END_OF_DATA) + rb"[\r\n])(?:" + fields + rb")"
        return re.compile(rb"(?:" + fields + _LINE_END + rb")*+")

    def _form(self, form: Form) -> bytes:
        if form is None:
            return self._text
        if isinstance(form, int):
            most = b"{0,%d}+" % form
            plain = self._plain.removesuffix(b"*+") + most
            # The first is the fast way; two quotes in a row are one quote of the text.
            quoted = rb'"(?:[^"\x00]' + most + rb'"(?!")|(?:[^"\x00]|"")' + most + rb'")'
            return rb"(?:" + quoted + rb"|" + plain + rb")"
        value = between_blanks(form)
        # The form without blanks comes first: to look for blanks around every field costs a fifth more time.
        return rb"(?:" + form + rb"|" + value + rb'|"' + value + rb'"|' + _EMPTY + rb")"

    def raw_fields(self, data: bytes, start: int = 0) -> tuple[list[bytes], int] | None:
        """Split the record at an offset into its fields as they are, with their quotes.

        Returns:
            The fields, and the offset of the next record; `None` if the record does not end within the data.

        Raises:
            MalformedRecord: The bytes are no record, or one of more than 16 MiB.
        """
        if found := self._record.match(data, start):
            text = found[0]
            if text.rstrip(b"\r\n") == _END_OF_DATA:
                # Before 18, PostgreSQL takes it for the end of the file (docs: COPY, file formats, CSV).
                raise MalformedRecord(r"a line of `\.` alone; put it in quotes")
            if b'"' in text:
                return self._field.findall(text), found.end()
            return text.rstrip(b"\r\n").split(self._delimiter), found.end()
        if self._beginning.match(data, start) is None:
            before = self._fields_before.match(data, start)
            field = len(self._field.findall(before[0])) if before else 0
            nul, line_end = data.find(b"\x00", start), data.find(b"\n", start)
            if nul >= 0 and not 0 <= line_end < nul:
                raise MalformedRecord("a NUL byte; save the file as text", field=field)
            reason = "a quote inside a field that does not begin with one; write it twice"
            raise MalformedRecord(reason, field=field)
        if len(data) - start > LONGEST_RECORD:
            raise MalformedRecord("a record of more than 16 MiB; is a quote missing or in excess?")
        return None


@lru_cache
def grammar(delimiter: str = ",") -> Grammar:
    """The regular expressions for a delimiter, compiled once."""
    return Grammar(delimiter)


def value_of(raw: bytes) -> str | None:
    """The value of a field as it is in the file; `None` if nothing is there, `""` if it is two quotes."""
    if not raw:
        return None
    if raw.startswith(b'"'):
        raw = raw[1:-1].replace(b'""', b'"')
    return raw.decode("utf-8", "surrogateescape")


def split_record(data: bytes, start: int = 0, delimiter: str = ",") -> tuple[list[str], int] | None:
    """Split the record at an offset into its fields, whatever they look like.

    Bytes that are not UTF-8 stay in them as surrogates.

    Returns:
        The fields, and the offset of the next record; `None` if the record does not end within the data.

    Raises:
        MalformedRecord: The bytes are no record, or one of more than 16 MiB.
    """
    found = grammar(delimiter).raw_fields(data, start)
    return None if found is None else ([value_of(raw) or "" for raw in found[0]], found[1])


def count_records(data: bytes) -> int:
    """Count the records in data that holds only whole and well-formed ones."""
    return _line_ends(_outside_quotes(data))


def _outside_quotes(data: bytes) -> bytes:
    # Every second part is inside quotes; a quote that is written twice only adds an empty part.
    return b'"'.join(data.split(b'"')[::2]) if b'"' in data else data


def _line_ends(data: bytes) -> int:
    if b"\r" in data:
        return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    return data.count(b"\n")


def has_breaks_in_quotes(stream: Readable) -> bool:
    r"""Whether a record of a file has a line break in quotes.

    Args:
        stream: A file of well-formed records.

    Examples:
        >>> import io
        >>> has_breaks_in_quotes(io.BytesIO(b'a,b\n"one ""two"" three",4\n'))
        False
        >>> has_breaks_in_quotes(io.BytesIO(b'a,b\n"one\ntwo",4\n'))
        True
    """
    inside = False
    while data := stream.read(_READ_AT_ONCE):
        for place, part in enumerate(data.split(b'"')):
            inside ^= place > 0
            if inside and (b"\n" in part or b"\r" in part):
                return True
    return False


def with_one_line_end(data: bytes) -> bytes:
    """End all records with a line feed; line ends inside of quotes stay as they are.

    Args:
        data: Whole and well-formed records.
    """
    if b"\r" not in data:
        return data
    parts = data.split(b'"')
    parts[::2] = [part.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for part in parts[::2]]
    return b'"'.join(parts)


def read_records(stream: Readable, delimiter: str = ",") -> Iterator[Record]:
    """Read all records of a file, one by one, with their lines.

    Args:
        stream: The file in UTF-8, without a byte order mark.
        delimiter: What separates the fields.

    Raises:
        MalformedRecord: Bytes are no record, or the last one does not end.
    """
    split, line, data, more = grammar(delimiter).raw_fields, 1, b"", True
    while more:
        # A long record is split again after each part: parts as long as the record keep that rare.
        part = stream.read(max(_READ_AT_ONCE, len(data)))
        more = bool(part)
        # The next byte might be the second half of a line end.
        data += part + (stream.read(1) if part.endswith(b"\r") else b"")
        if not more and data:
            data += b"\n"
        start = 0
        if not any(sign in data for sign in _SPECIAL):
            # Several times as fast as record by record.
            start = data.rfind(b"\n") + 1
            for text in data[:start].decode("utf-8", "surrogateescape").split("\n")[:-1]:
                yield Record(line, [field or None for field in text.split(delimiter)], line)
                line += 1
        while start < len(data):
            try:
                found = split(data, start)
            except MalformedRecord as error:
                raise MalformedRecord(str(error), line, error.field) from None
            if found is None:
                break
            fields, end = found
            following = line + _line_ends(data[start:end])
            yield Record(line, [value_of(raw) for raw in fields], following - 1)
            start, line = end, following
        data = data[start:]
    if data:
        raise MalformedRecord("the record does not end; is a quote missing?", line)
