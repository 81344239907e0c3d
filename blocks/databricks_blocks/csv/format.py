"""How a CSV file is written: its delimiter, its decimals and its encoding, given or found by its content."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

from databricks_blocks.csv.encoding import (
    DecodedFile,
    encoding_of_beginning,
    encoding_of_other_texts,
    not_utf_8_lines,
)
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.numbers import DecimalEvidence
from databricks_blocks.csv.records import MalformedRecord, grammar
from databricks_blocks.database.tables import Empty

AUTO = "auto"
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
Decimal = Literal["auto", ".", ","]

_SAMPLE = 256 * 1024
_SAMPLE_RECORDS = 100


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written.

    Attributes:
        delimiter: What separates its fields.
        decimal: What separates the decimals of its numbers.
        encoding: Name of its encoding.
    """

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    @property
    def is_plain(self) -> bool:
        """Whether databases read it as it is, but for its line ends."""
        return self == CsvFormat()

    def __str__(self) -> str:
        """What differs from a plain file, for a person; empty for a plain one."""
        parts = [DELIMITERS[self.delimiter]] if self.delimiter != "," else []
        parts += ["decimal commas"] if self.decimal == "," else []
        parts += [self.encoding] if self.encoding != "utf-8" else []
        return ", ".join(parts)

    def open(self, path: Path) -> io.BufferedReader | DecodedFile:
        """Open a file as a stream of UTF-8 without a byte order mark; its lines stay as they are."""
        stream = path.open("rb")
        if self.encoding != "utf-8":
            return DecodedFile(stream, self.encoding)
        if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            stream.seek(0)
        return stream


PLAIN = CsvFormat()


@dataclass(frozen=True)
class CsvOptions:
    """How a CSV file is read. `auto`: found by its content.

    Attributes:
        delimiter: `,`, `;`, a tab, `|` or `auto`.
        decimal: `.`, `,` or `auto`.
        encoding: Name of an encoding that Python knows, such as `cp1252`, or `auto`.
        empty: What `""` is in a column of texts: no value, or the empty text.
    """

    delimiter: str = AUTO
    decimal: Decimal = "auto"
    encoding: str = AUTO
    empty: Empty = "text"

    def check(self) -> None:
        """Refuse what cannot be used.

        Raises:
            InputError: There is no such encoding, or delimiter and decimal are the same.
        """
        if self.delimiter not in (AUTO, *DELIMITERS):
            raise InputError(f"delimiter {self.delimiter!r}: it is one of , ; | a tab, and auto")
        if self.decimal == self.delimiter == ",":
            raise InputError("delimiter and decimal are both a comma; choose another one, or auto")
        if self.encoding != AUTO:
            try:
                codecs.lookup(self.encoding)
                "".encode(self.encoding)
            except LookupError as error:
                raise InputError(
                    f"encoding {self.encoding!r}: no such encoding; name one such as utf-8, cp1252 or cp1251"
                ) from error


def find_format(path: Path, options: CsvOptions) -> CsvFormat:
    """Find how a file is written, as far as it is not given.

    Reads the first 256 KiB; all of it, as a stream, only where decimal commas are possible.

    Args:
        path: The file.
        options: What is given.

    Raises:
        InputError: It is not UTF-8, and by its content not Western European.
    """
    with path.open("rb") as file:
        beginning = file.read(_SAMPLE)
    encoding = options.encoding
    if encoding == AUTO:
        encoding = encoding_of_beginning(beginning) or _other_encoding(path)
    elif codecs.lookup(encoding).name in ("utf-8", "ascii", "utf-8-sig"):
        encoding = "utf-8"
    found = CsvFormat(encoding=encoding)
    delimiter = options.delimiter
    if delimiter == AUTO:
        with found.open(path) as stream:
            delimiter = delimiter_of(stream.read(_SAMPLE))
    return _with_decimal(path, CsvFormat(delimiter, ".", encoding), options.decimal)


def in_other_encoding(path: Path, options: CsvOptions) -> CsvFormat | None:
    """Find the format of a file that began as UTF-8, and is not UTF-8 in the rest.

    Returns:
        The format; `None` if the encoding is given, or the file is UTF-8.

    Raises:
        InputError: By its content it is not Western European.
    """
    if options.encoding != AUTO or not next(not_utf_8_lines(path), b""):
        return None
    given = CsvOptions(options.delimiter, options.decimal, _other_encoding(path), options.empty)
    return find_format(path, given)


def _other_encoding(path: Path) -> str:
    return encoding_of_other_texts(path, list(islice(not_utf_8_lines(path), 1000)))


def delimiter_of(beginning: bytes) -> str:
    """Find the delimiter of a file by its first records.

    Commas come first. Another delimiter is taken if all records have as many fields as the header by it, and
    do not have by commas.

    Args:
        beginning: The beginning of the file, or all of it, in UTF-8.
    """
    counts = {delimiter: _field_counts(beginning, delimiter) for delimiter in DELIMITERS}
    even = [name for name, found in counts.items() if found and found[0] > 1 and len(set(found)) == 1]
    if even:
        return "," if "," in even else max(even, key=lambda name: counts[name][0])
    # No record may be at fault but one: then the header decides.
    return max(DELIMITERS, key=lambda name: counts[name][:1] or [0])


def _field_counts(beginning: bytes, delimiter: str) -> list[int]:
    counts: list[int] = []
    start, split = 0, grammar(delimiter).raw_fields
    # A file may end without a line end; where it is the sample that ends, its last record is cut off.
    data = beginning + b"\n" if len(beginning) < _SAMPLE else beginning
    while start < len(data) and len(counts) < _SAMPLE_RECORDS:
        try:
            found = split(data, start)
        except MalformedRecord:
            break
        if found is None:
            break
        fields, start = found
        if fields != [b""]:
            counts.append(len(fields))
    return counts


def _with_decimal(path: Path, found: CsvFormat, decimal: Decimal) -> CsvFormat:
    if found.delimiter == ",":
        if decimal == ",":
            raise InputError(f"{path}: its fields are separated by commas, so its decimals cannot be")
        return found
    if decimal != AUTO:
        return CsvFormat(found.delimiter, decimal, found.encoding)
    evidence = DecimalEvidence(found.delimiter)
    with found.open(path) as stream:
        for part in iter(partial(stream.read, _SAMPLE), b""):
            if evidence.add(part):
                break
    return CsvFormat(found.delimiter, evidence.decimal, found.encoding)
