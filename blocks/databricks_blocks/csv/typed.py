"""Load a CSV file into a table whose column types are inferred from the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from databricks_blocks.csv.checked import CHUNK, CheckedCsv, Record, lines_at, records_from
from databricks_blocks.csv.faults import (
    LONGEST_NAME,
    InputError,
    at,
    duplicate_fault,
    has_undecoded_bytes,
)
from databricks_blocks.csv.format import PLAIN, CsvFormat, CsvOptions, find_format, in_other_encoding
from databricks_blocks.csv.forms import inferred_forms
from databricks_blocks.csv.records import MalformedRecord
from databricks_blocks.csv.types import kind_of, widened
from databricks_blocks.database.tables import Column, Kind, RecordRefused, Table
from databricks_blocks.database.transaction import DatabaseTransaction

_SAMPLE_RECORDS = 100
_SAMPLE_CHUNKS = 1024 * 1024 // CHUNK
Watch = Callable[[int], object]
_NO_VALUE_YET = rb"(?!)"
_LOOK_AHEAD = 16


@dataclass(frozen=True)
class Widening:
    """A column whose type changed after the load had begun.

    Attributes:
        column: Its name.
        before: The type before; `None` if the column had no value yet.
        after: The type after.
        line: Line of the first record whose value did not fit.
    """

    column: str
    before: Kind | None
    after: Kind
    line: int


@dataclass(frozen=True)
class LoadedFile:
    """A CSV file that is in a table.

    Attributes:
        table: The table.
        rows: Number of rows.
        widenings: Columns whose type changed during the load, so that the file was loaded again.
        format: How the file is written.
    """

    table: Table
    rows: int
    widenings: tuple[Widening, ...] = ()
    format: CsvFormat = PLAIN


class TypedCsv(CheckedCsv):
    """The bytes of a CSV file, up to a value that does not fit the type of its column.

    Attributes:
        kinds: Type of each column, as far as values have been seen.
        surprises: Offset in bytes of the first record that changed the type of a column, by its position.
    """

    def __init__(
        self,
        path: Path,
        kinds: Sequence[Kind | None] | None = None,
        watch: Watch = lambda _: None,
        csv_format: CsvFormat = PLAIN,
    ) -> None:
        """Open a file.

        Args:
            path: The file.
            kinds: Type of each column; left out: inferred from the first megabyte.
            watch: Called after each part with the number of bytes that have been read.
            csv_format: How the file is written.

        Raises:
            MalformedRecord: The file has no header.
        """
        super().__init__(path, watch=watch, csv_format=csv_format)
        self._forms = inferred_forms(csv_format.decimal)
        self.kinds: list[Kind | None] = list(kinds or self._of_first_records())
        self.surprises: dict[int, int] = {}
        self._look_ahead = _LOOK_AHEAD
        self._match_kinds()
        self._widens = kinds is None
        for _ in range(_SAMPLE_CHUNKS):
            if self._widens and self.misfit is None:
                self.advance()
        self._widens = False
        self.surprises.clear()

    def table(self, name: str) -> Table:
        """Describe the table; a column without any value has the type text."""
        kinds = zip(self.columns, self.kinds, strict=True)
        return Table(name, {column: Column(kind or "text") for column, kind in kinds})

    def widen_to_the_end(self) -> None:
        """Read to the end of the file, and widen the types until they fit all of it."""
        self._widens, self.misfit = True, None
        while self.misfit is None and self.advance():
            self._ready = b""

    def accept(self, records: Iterator[Record]) -> bool:
        """Widen the types of the columns, while types are inferred."""
        if not self._widens:
            return False
        for fields, offset in islice(records, 1 + self._look_ahead):
            if len(fields) == len(self.columns):
                self._widen(fields, offset)
        # Compiling the pattern of many columns takes as long as reading a thousand records.
        self._look_ahead *= 2
        self._match_kinds()
        return True

    def _widen(self, fields: Sequence[str], offset: int) -> None:
        for column, (kind, field) in enumerate(zip(self.kinds, fields, strict=True)):
            self.kinds[column] = widened(kind, field, self.format.decimal)
            if self.kinds[column] != kind:
                self.surprises.setdefault(column, offset)

    def _match_kinds(self) -> None:
        self.match_fields(
            [_NO_VALUE_YET if kind is None else self._forms.get(kind) for kind in self.kinds],
            [place for place, kind in enumerate(self.kinds) if kind in ("decimal", "double")],
        )

    def _of_first_records(self) -> list[Kind | None]:
        self._read_on()
        records = islice(records_from(self._rest, delimiter=self.format.delimiter), _SAMPLE_RECORDS)
        sound = [fields for fields, _ in records if len(fields) == len(self.columns)]
        columns = zip(*sound, strict=True)
        found = [kind_of(column, self.format.decimal) for column in columns]
        return found or [None] * len(self.columns)


def load_typed(
    transaction: DatabaseTransaction,
    path: Path,
    name: str,
    watch: Watch = lambda _: None,
    options: CsvOptions = CsvOptions(),  # noqa: B008 - it is frozen
) -> LoadedFile:
    """Load a CSV file into a new table, with types that keep every value as it is.

    The types are inferred from the beginning of the file. If a later value does not fit, the rest of the file
    is read for its types, and the file is loaded again, once.

    Args:
        transaction: The transaction.
        path: The file.
        name: Name of the table; one of that name is replaced.
        watch: Called after each part with the number of bytes that have been read.
        options: How the file is read.

    Raises:
        InputError: The file cannot be used; names file and line.
    """
    load = _Load(transaction, path, name, watch, options)
    try:
        return load.load(find_format(path, options))
    except MalformedRecord as error:
        raise InputError(f"{path}{at(error.line, str(error))}") from error
    except _OtherEncoding as error:
        if (other := in_other_encoding(path, options)) is None:
            raise InputError(f"{path}{error}") from error
    except RecordRefused as error:
        raise InputError(f"{path}{error}") from error
    try:
        return load.load(other)
    except RecordRefused as error:
        raise InputError(f"{path}{error}") from error


class _OtherEncoding(RecordRefused):
    """Raised when bytes are not UTF-8, or not in the encoding that was given."""


@dataclass(frozen=True)
class _Load:
    """The load of one file; its attributes are the arguments of `load_typed`."""

    transaction: DatabaseTransaction
    path: Path
    name: str
    watch: Watch
    options: CsvOptions

    def load(self, csv_format: CsvFormat) -> LoadedFile:
        """Load the file, once more if the type of a column has to be widened."""
        with TypedCsv(self.path, watch=self.watch, csv_format=csv_format) as first:
            _check_columns(self.path, first.columns)
            if (rows := self._load(first)) is not None:
                return LoadedFile(first.table(self.name), rows, format=csv_format)
            before = list(first.kinds)
            first.widen_to_the_end()
            _refuse_misfit(first)
        # Matched again, because the file may have changed meanwhile.
        with TypedCsv(self.path, first.kinds, self.watch, csv_format) as second:
            rows = self._load(second) or 0
            _refuse_misfit(second)
        table = second.table(self.name)
        lines = lines_at(self.path, first.surprises.values(), csv_format)
        columns = list(table.columns.items())
        widenings = [
            Widening(columns[position][0], before[position], columns[position][1].kind, lines[offset])
            for position, offset in sorted(first.surprises.items())
        ]
        return LoadedFile(table, rows, tuple(widenings), csv_format)

    def _load(self, stream: TypedCsv) -> int | None:
        """Load the records that fit; the number of rows, or `None` if a column needs a wider type."""
        table = stream.table(self.name)
        self.transaction.create(table)
        rows = self.transaction.load_csv(table, stream, self.options.empty)
        if stream.fault:
            _refuse_misfit(stream)
        if rows != stream.records:
            raise RecordRefused(f": {stream.records} records, of which the database took {rows}")
        return rows if stream.misfit is None else None


def _refuse_misfit(stream: TypedCsv) -> None:
    try:
        stream.refuse_misfit()
    except RecordRefused as error:
        if stream.is_decoded:
            raise
        raise _OtherEncoding(str(error)) from error


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    if fault := _names_fault(columns) or duplicate_fault(columns):
        raise InputError(f"{path}{at(1, fault)}")


def _names_fault(columns: Sequence[str]) -> str | None:
    if not any(columns):
        return "empty; the first line must name the columns"
    for column in columns:
        if not column or has_undecoded_bytes(column):
            what = "bytes that are not UTF-8" if column else "a column without a name"
            return f"{what}; the first line must name the columns"
        if len(column.encode()) > LONGEST_NAME:
            return f"column `{column[:40]}…`: over {LONGEST_NAME} bytes; shorten it"
    return None
