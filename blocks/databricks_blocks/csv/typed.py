"""Load a CSV file into a table whose column types are inferred from the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from databricks_blocks.csv.checked import CHUNK, CheckedCsv, Record, lines_at, records_from
from databricks_blocks.csv.faults import (
    LONGEST_NAME,
    InputError,
    at,
    delimiter_fault,
    duplicate_fault,
    has_undecoded_bytes,
)
from databricks_blocks.csv.forms import INFERRED_FORMS
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
    """

    table: Table
    rows: int
    widenings: tuple[Widening, ...] = ()


class TypedCsv(CheckedCsv):
    """The bytes of a CSV file, up to a value that does not fit the type of its column.

    Attributes:
        kinds: Type of each column, as far as values have been seen.
        surprises: Offset in bytes of the first record that changed the type of a column, by its position.
    """

    def __init__(
        self, path: Path, kinds: Sequence[Kind | None] | None = None, watch: Watch = lambda _: None
    ) -> None:
        """Open a file.

        Args:
            path: The file.
            kinds: Type of each column; left out: inferred from the first megabyte.
            watch: Called after each part with the number of bytes that have been read.

        Raises:
            MalformedRecord: The file has no header.
        """
        super().__init__(path, watch=watch)
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
        first = next(records)
        if len(first[0]) != len(self.columns):
            self.fault = f"{len(first[0])} fields where the header has {len(self.columns)}"
        elif self._widens:
            for fields, offset in chain([first], islice(records, self._look_ahead)):
                if len(fields) == len(self.columns):
                    self._widen(fields, offset)
            # Compiling the pattern of many columns takes as long as reading a thousand records.
            self._look_ahead *= 2
            self._match_kinds()
            return True
        return False

    def _widen(self, fields: Sequence[str], offset: int) -> None:
        for column, (kind, field) in enumerate(zip(self.kinds, fields, strict=True)):
            self.kinds[column] = widened(kind, field)
            if self.kinds[column] != kind:
                self.surprises.setdefault(column, offset)

    def _match_kinds(self) -> None:
        self.match_fields(
            [_NO_VALUE_YET if kind is None else INFERRED_FORMS.get(kind) for kind in self.kinds]
        )

    def _of_first_records(self) -> list[Kind | None]:
        self._read_on()
        records = islice(records_from(self._rest), _SAMPLE_RECORDS)
        sound = [fields for fields, _ in records if len(fields) == len(self.columns)]
        return [kind_of(field for field in column) for column in zip(*sound, strict=True)] or [None] * len(
            self.columns
        )


def load_typed(
    transaction: DatabaseTransaction, path: Path, name: str, watch: Watch = lambda _: None
) -> LoadedFile:
    """Load a CSV file into a new table, with types that keep every value as it is.

    The types are inferred from the beginning of the file. If a later value does not fit, the rest of the file
    is read for its types, and the file is loaded again, once.

    Args:
        transaction: The transaction.
        path: The file.
        name: Name of the table; one of that name is replaced.
        watch: Called after each part with the number of bytes that have been read.

    Raises:
        InputError: The file cannot be used; names file and line.
    """
    try:
        with TypedCsv(path, watch=watch) as first:
            _check_columns(path, first.columns)
            if (rows := _load(transaction, first, name)) is not None:
                return LoadedFile(first.table(name), rows)
            before = list(first.kinds)
            first.widen_to_the_end()
            first.refuse_misfit()
        # Matched again, because the file may have changed meanwhile.
        with TypedCsv(path, first.kinds, watch) as second:
            rows = _load(transaction, second, name) or 0
            second.refuse_misfit()
    except MalformedRecord as error:
        raise InputError(f"{path}{at(1, str(error))}") from error
    except RecordRefused as error:
        raise InputError(f"{path}{error}") from error
    table = second.table(name)
    lines = lines_at(path, first.surprises.values())
    columns = list(table.columns.items())
    widenings = [
        Widening(columns[position][0], before[position], columns[position][1].kind, lines[offset])
        for position, offset in sorted(first.surprises.items())
    ]
    return LoadedFile(table, rows, tuple(widenings))


def _load(transaction: DatabaseTransaction, stream: TypedCsv, name: str) -> int | None:
    """Load the records that fit; the number of rows, or `None` if the type of a column has to be widened."""
    table = stream.table(name)
    transaction.create(table)
    rows = transaction.load_csv(table, stream)
    if stream.fault:
        stream.refuse_misfit()
    if rows != stream.records:
        raise RecordRefused(f": {stream.records} records, of which the database took {rows}")
    return rows if stream.misfit is None else None


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    if fault := delimiter_fault(columns) or _names_fault(columns) or duplicate_fault(columns):
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
