"""The CSV files of an analysis: finds the file of each share, and explains what is wrong with a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from databricks_blocks.csv.encoding import encoding_of_beginning
from databricks_blocks.csv.faults import InputError, at, delimiter_fault, duplicate_fault, has_undecoded_bytes
from databricks_blocks.csv.format import PLAIN
from databricks_blocks.csv.forms import is_finite, is_integer
from databricks_blocks.csv.records import MalformedRecord, Record, read_records
from databricks_blocks.regular_files import file_fault
from slugify import slugify

DATA_DIRECTORY = Path(__file__).parent / "data"
KEY_COLUMNS = ("Entity", "Code", "Year")
SHARES = ("Solar (% electricity)", "Hydro (% electricity)", "Wind (% electricity)")
LONGEST_TEXT = 255
"""Bytes of an entity or a code. Databases have a limit for what an index holds: PostgreSQL has 2.7 KB."""


@dataclass(frozen=True)
class ShareFile:
    """A CSV file that holds one share by entity and year.

    Attributes:
        path: The file.
        columns: All of its columns, in its order.
        share: Name of the column with the share.
        table: Name of its tables and staged files: letters, digits and `_` only.
    """

    path: Path
    columns: tuple[str, ...]
    share: str
    table: str

    @property
    def used(self) -> tuple[int, ...]:
        """Positions of the columns that the analysis uses: the keys and the share."""
        return tuple(
            place for place, name in enumerate(self.columns) if name in KEY_COLUMNS or name == self.share
        )

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of the other columns."""
        return tuple(name for place, name in enumerate(self.columns) if place not in self.used)


def find_share_files(directory: Path) -> list[ShareFile]:
    """Find the file of each share by the names of the columns.

    Args:
        directory: Folder with CSV files, each with the columns Entity, Code, Year and one of the shares, in
            any order. Other columns, and files without one of the three shares, are ignored.

    Returns:
        One file for each share, in the order of `SHARES`.

    Raises:
        InputError: The folder, a file or a header cannot be used, or a share has no file or two files.
    """
    by_share: dict[str, ShareFile] = {}
    unreadable: list[InputError] = []
    for path in _csv_files(directory):
        try:
            columns = _read_header(path)
        except InputError as error:
            unreadable.append(error)
            continue
        held = [share for share in SHARES if share in ",".join(columns)]
        if len(held) != 1:
            # A table of another kind; our own result holds all three.
            unreadable += [_which_share(path, held)] if 1 < len(held) < len(SHARES) else []
            continue
        share = _share_column(path, columns)
        if share in by_share:
            both = f"{by_share[share].path.name} and {path.name}"
            raise InputError(f"{directory}: both {both} have the column `{share}`; keep one of them")
        by_share[share] = ShareFile(path, columns, share, table=table_name(share))
    if missing := [share for share in SHARES if share not in by_share]:
        if unreadable:
            raise unreadable[0]
        names = ", ".join(f"`{share}`" for share in missing)
        raise InputError(f"{directory}: no CSV file has the column {names}")
    return [by_share[share] for share in SHARES]


def _csv_files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; name one that holds the CSV files")
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix.lower() == ".csv")
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror or error}") from error
    if not paths:
        raise InputError(f"{directory}: holds no CSV file")
    for path in paths:
        if not path.is_dir() and (fault := file_fault(path)):
            raise InputError(f"{path}: {fault}")
    return paths


def table_name(text: str, max_length: int = 40) -> str:
    """Make a name from any text that is safe in SQL, in a URI and in a notebook parameter."""
    return slugify(text, separator="_", max_length=max_length).strip("_") or "table"


def writable_folder(path: Path) -> Path:
    """Create a folder if it does not exist, and check that files can be written to it.

    Returns:
        Its absolute path.

    Raises:
        InputError: It cannot be created or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path):
            return path.resolve()
    except OSError as error:
        raise InputError(f"{path}: cannot write there: {error.strerror or error}") from error


def find_fault(file: ShareFile, duplicate: tuple[str, int] | None = None) -> InputError | None:
    """Find the first record that the database refuses, so that the user can correct it.

    Args:
        file: The file; it is read as a stream, from the start.
        duplicate: Entity and year that occur more than once, if the database refused that.

    Returns:
        An error that names file, line and column; `None` if every record is valid.
    """
    seen_line = empty_line = 0
    try:
        for record in _records(file.path):
            if record.is_empty_line:
                empty_line = empty_line or record.line
                continue
            if empty_line:
                return InputError(f"{file.path}, line {empty_line}, an empty line; remove it")
            fields = [field or "" for field in record.fields]
            if fault := _record_fault(file, fields):
                return InputError(f"{file.path}, line {record.line}, {fault}")
            row = dict(zip(file.columns, fields, strict=True))
            if duplicate is not None and (row["Entity"], int(row["Year"])) == duplicate:
                if seen_line:
                    return InputError(
                        f"{file.path}, line {record.line}, columns `Entity` and `Year`: "
                        f"{duplicate[0]} {duplicate[1]} is already in line {seen_line}; keep one of them"
                    )
                seen_line = record.line
    except InputError as error:
        return error
    return None


def _record_fault(file: ShareFile, record: Sequence[str]) -> str | None:
    for column, value in zip(file.columns, record, strict=False):
        if has_undecoded_bytes(value):
            return f"column `{column}`: bytes that are not UTF-8; save the file as UTF-8"
    if len(record) != len(file.columns):
        return f"{len(record)} fields where the header has {len(file.columns)}: `{','.join(record)[:60]}`"
    return _value_fault({file.columns[place]: record[place] for place in file.used}, file.share)


def _value_fault(row: dict[str, str], share: str) -> str | None:
    for column in ("Entity", "Code"):
        if (size := len(row[column].encode())) > LONGEST_TEXT:
            return f"column `{column}`: {size} bytes; at most {LONGEST_TEXT} are possible"
    if not row["Entity"]:
        return "column `Entity`: empty; every row needs an entity"
    if not is_integer(row["Year"]):
        return f"column `Year`: `{row['Year'][:60]}` is not a whole number"
    if row[share] and not is_finite(row[share]):
        return f"column `{share}`: `{row[share][:60]}` is not a number"
    return None


def _read_header(path: Path) -> tuple[str, ...]:
    with path.open("rb") as stream:
        if encoding_of_beginning(stream.read(64)) not in ("utf-8", None):
            raise InputError(f"{path}, line 1: bytes that are not UTF-8; save the file as UTF-8")
    header = next(_records(path, first_line=1), None)
    columns = tuple(name or "" for name in header.fields) if header and not header.is_empty_line else ()
    if not columns:
        raise InputError(f"{path}, line 1: empty; the first line must name the columns")
    if any(map(has_undecoded_bytes, columns)):
        raise InputError(f"{path}, line 1: bytes that are not UTF-8; save the file as UTF-8")
    return columns


def _share_column(path: Path, columns: tuple[str, ...]) -> str:
    candidates = [name for name in columns if any(share in name for share in SHARES)]
    used = [name for name in columns if name in KEY_COLUMNS or name in candidates]
    if fault := delimiter_fault(columns) or duplicate_fault(used):
        raise InputError(f"{path}{at(1, fault)}")
    for column in KEY_COLUMNS:
        if column not in columns:
            found = ", ".join(f"`{name}`" for name in columns)
            raise InputError(f"{path}, line 1: column `{column}` is missing; found {found}")
    if len(candidates) != 1:
        raise _which_share(path, candidates)
    return candidates[0]


def _which_share(path: Path, candidates: Sequence[str]) -> InputError:
    found = " and ".join(f"`{name}`" for name in candidates)
    return InputError(f"{path}, line 1: {found} could both be the share; keep one of them")


def entities(file: ShareFile) -> Iterator[str]:
    """Yield the entity of each record.

    Raises:
        InputError: The file cannot be read, or is not a CSV file.
    """
    position = file.columns.index("Entity")
    for record in _records(file.path):
        if position < len(record.fields) and (entity := record.fields[position]):
            yield entity


def _records(path: Path, *, first_line: int = 2) -> Iterator[Record]:
    """Yield each record. Bytes that are not UTF-8 become surrogates."""
    columns: list[str] = []
    try:
        with PLAIN.open(path) as stream:
            for record in read_records(stream):
                columns = columns or [name or "" for name in record.fields]
                if record.line >= first_line:
                    yield record
    except MalformedRecord as error:
        column = error.column(columns)
        place = f", column `{column}`" if column else ""
        raise InputError(f"{path}, line {error.line}{place}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
