"""The CSV files of an analysis: finds the file of each share, and explains what is wrong with a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from databricks_blocks.csv.faults import InputError, at, delimiter_fault, duplicate_fault, has_undecoded_bytes
from databricks_blocks.csv.forms import is_finite, is_integer
from slugify import slugify

DATA_DIRECTORY = Path(__file__).parent / "data"
KEY_COLUMNS = ("Entity", "Code", "Year")
SHARES = ("Solar (% electricity)", "Hydro (% electricity)", "Wind (% electricity)")


@dataclass(frozen=True)
class ShareFile:
    """A CSV file that holds one share by entity and year.

    Attributes:
        path: The file.
        columns: Its columns, in its order.
        share: Name of the column with the share.
        table: Name of its tables and staged files: letters, digits and `_` only.
    """

    path: Path
    columns: tuple[str, ...]
    share: str
    table: str


def find_share_files(directory: Path) -> list[ShareFile]:
    """Find the file of each share by the names of the columns.

    Args:
        directory: Folder with CSV files, each with the columns Entity, Code, Year and one value column, in
            any order. Files without one of the three shares are ignored.

    Returns:
        One file for each share, in the order of `SHARES`.

    Raises:
        InputError: The folder, a file or a header cannot be used, or a share has no file or two files.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; name one that holds the CSV files")
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix.lower() == ".csv")
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror or error}") from error
    if not paths:
        raise InputError(f"{directory}: holds no CSV file")
    by_share: dict[str, ShareFile] = {}
    unreadable: list[InputError] = []
    for path in paths:
        try:
            columns = _read_header(path)
        except InputError as error:
            unreadable.append(error)
            continue
        if sum(share in ",".join(columns) for share in SHARES) != 1:
            continue  # a table of another kind, such as our own result
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
    seen_line = 0
    try:
        for line, record, raw in _records(file.path):
            fault = _record_fault(file, record, raw)
            if fault is not None:
                return InputError(f"{file.path}, line {line}, {fault}")
            row = dict(zip(file.columns, record, strict=True))
            if duplicate is not None and (row["Entity"], int(row["Year"])) == duplicate:
                if seen_line:
                    return InputError(
                        f"{file.path}, line {line}, columns `Entity` and `Year`: "
                        f"{duplicate[0]} {duplicate[1]} is already in line {seen_line}; keep one of them"
                    )
                seen_line = line
    except InputError as error:
        return error
    return None


def _record_fault(file: ShareFile, record: Sequence[str], raw: str) -> str | None:
    for column, value in zip(file.columns, record, strict=False):
        if '"' in value and '"{}"'.format(value.replace('"', '""')) not in raw:
            return f"column `{column}`: a quote inside a field that does not begin with one; write it twice"
        if has_undecoded_bytes(value):
            return f"column `{column}`: bytes that are not UTF-8; save the file as UTF-8"
        if "\x00" in value:
            return f"column `{column}`: a NUL byte; save the file as text"
    if not record:
        return "an empty line; remove it"
    if len(record) != len(file.columns):
        return f"{len(record)} fields where the header has {len(file.columns)}: `{','.join(record)[:60]}`"
    return _value_fault(dict(zip(file.columns, record, strict=True)), file.share)


def _value_fault(row: dict[str, str], share: str) -> str | None:
    if not row["Entity"]:
        return "column `Entity`: empty; every row needs an entity"
    if not is_integer(row["Year"]):
        return f"column `Year`: `{row['Year'][:60]}` is not a whole number"
    if row[share] and not is_finite(row[share]):
        return f"column `{share}`: `{row[share][:60]}` is not a number"
    return None


def _read_header(path: Path) -> tuple[str, ...]:
    columns = tuple(next((record for _, record, _ in _records(path, first_line=1)), ()))
    if not columns:
        raise InputError(f"{path}, line 1: empty; the first line must name the columns")
    if any(map(has_undecoded_bytes, columns)):
        raise InputError(f"{path}, line 1: bytes that are not UTF-8; save the file as UTF-8")
    return columns


def _share_column(path: Path, columns: tuple[str, ...]) -> str:
    if fault := delimiter_fault(columns) or duplicate_fault(columns):
        raise InputError(f"{path}{at(1, fault)}")
    for column in KEY_COLUMNS:
        if column not in columns:
            found = ", ".join(f"`{name}`" for name in columns)
            raise InputError(f"{path}, line 1: column `{column}` is missing; found {found}")
    values = [column for column in columns if column not in KEY_COLUMNS]
    if len(values) != 1:
        found = ", ".join(f"`{name}`" for name in values) or "none"
        raise InputError(f"{path}, line 1: one value column belongs beside Entity, Code, Year; found {found}")
    return values[0]


def entities(file: ShareFile) -> Iterator[str]:
    """Yield the entity of each record.

    Raises:
        InputError: The file cannot be read, or is not a CSV file.
    """
    position = file.columns.index("Entity")
    for _, record, _ in _records(file.path):
        if position < len(record):
            yield record[position]


def _records(path: Path, *, first_line: int = 2) -> Iterator[tuple[int, list[str], str]]:
    """Yield each record with its first line number and its raw text.

    Bytes that are not UTF-8 become surrogates.
    """
    raw: list[str] = []

    def lines(stream: IO[str]) -> Iterator[str]:
        for text in stream:
            raw.append(text)
            yield text

    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(lines(stream), strict=True)
            line = 1
            try:
                for record in reader:
                    if line >= first_line:
                        yield line, record, "".join(raw)
                    raw.clear()
                    line = reader.line_num + 1
            except csv.Error as error:
                raise InputError(f"{path}, line {line}: {error}; is a quote missing or in excess?") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
