"""The records of a CSV file, matched many at a time against the forms of their fields.

One regular expression for whole records reads several tens of megabytes a second, faster than databases take
them. Reading each field in Python is slower than the database.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from databricks_blocks.csv.forms import between_blanks

LONGEST_RECORD = 16 * 1024 * 1024
# The reader's own limit of a field is 128 KiB.
csv.field_size_limit(LONGEST_RECORD)

_PLAIN = rb'[^",\r\n\x00]*+'
_QUOTED = rb'"[^"\x00]*+(?:""[^"\x00]*+)*+'
_TEXT = rb"(?:" + _QUOTED + rb'"|' + _PLAIN + rb")"
_EMPTY = rb'(?:"")?+'
_END_OF_DATA = rb"\."
_LINE_END = rb"(?:\n|\r\n?+)"
# All patterns are possessive: without backtracking, a record that does not match costs one pass.
_RECORD = re.compile(_TEXT + rb"(?:," + _TEXT + rb")*+" + _LINE_END)
_BEGINNING = re.compile(rb"(?:" + _TEXT + rb",)*+(?:" + _PLAIN + rb"|" + _QUOTED + rb'"?+)\Z')


class MalformedRecord(ValueError):
    """Raised when bytes are no record of CSV; the message says why."""


def records_pattern(forms: Sequence[bytes | None]) -> re.Pattern[bytes]:
    """Make the pattern of as many records as fit, one after the other.

    Args:
        forms: What a field of each column looks like if it is not empty; `None`: any text.
    """
    fields = rb",".join(_TEXT if form is None else _field(form) for form in forms)
    if len(forms) == 1:
        fields = rb"(?!" + re.escape(_END_OF_DATA) + rb"[\r\n])(?:" + fields + rb")"
    return re.compile(rb"(?:" + fields + _LINE_END + rb")*+")


def _field(form: bytes) -> bytes:
    value = between_blanks(form)
    # The form without blanks comes first: to look for blanks around every field costs a fifth more time.
    return rb"(?:" + form + rb"|" + value + rb'|"' + value + rb'"|' + _EMPTY + rb")"


def count_records(data: bytes) -> int:
    """Count the records in data that holds only whole and well-formed ones."""
    if b'"' in data:
        # Every second part is inside quotes; a quote that is written twice only adds an empty part.
        data = b'"'.join(data.split(b'"')[::2])
    if b"\r" in data:
        return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    return data.count(b"\n")


def split_record(data: bytes, start: int = 0) -> tuple[list[str], int] | None:
    """Split the record at an offset into its fields, whatever they look like.

    Bytes that are not UTF-8 stay in them as surrogates.

    Returns:
        The fields, and the offset of the next record; `None` if the record does not end within the data.

    Raises:
        MalformedRecord: The bytes are no record, or one of more than 16 MiB.
    """
    if found := _RECORD.match(data, start):
        if found[0].rstrip(b"\r\n") == _END_OF_DATA:
            # Before version 18, PostgreSQL takes it for the end of the file (docs: COPY, file formats, CSV).
            raise MalformedRecord(r"a line of `\.` alone; put it in quotes")
        text = found[0].decode("utf-8", "surrogateescape").rstrip("\r\n")
        return next(csv.reader(io.StringIO(text, newline="")), [""]), found.end()
    if _BEGINNING.match(data, start) is None:
        nul, line_end = data.find(b"\x00", start), data.find(b"\n", start)
        if nul >= 0 and not 0 <= line_end < nul:
            raise MalformedRecord("a NUL byte; save the file as text")
        raise MalformedRecord("a quote inside a field that does not begin with one; write it twice")
    if len(data) - start > LONGEST_RECORD:
        raise MalformedRecord("a record of more than 16 MiB; is a quote missing or in excess?")
    return None
