"""A table for CSV files: columns by their header, types by all of their content, and its DDL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from databricks_blocks.csv.faults import InputError, at, delimiter_fault, duplicate_fault
from databricks_blocks.csv.format import CsvFormat, CsvOptions, find_format
from databricks_blocks.csv.records import MalformedRecord, has_breaks_in_quotes
from databricks_blocks.csv.typed import TypedCsv
from databricks_blocks.database.tables import Kind, RecordRefused
from databricks_blocks.sql.texts.quoting import quoted_name, quoted_table

SQL_TYPES: Mapping[Kind, str] = {
    "text": "STRING",
    "integer": "INT",
    "bigint": "BIGINT",
    # More digits than a double keeps. The scale that a DECIMAL would need is not known.
    "decimal": "STRING",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ",
    "timestamptz": "TIMESTAMP",
}
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ <>,:()]*")
_NOT_PLAIN = re.compile(r"[ ,;{}()\n\t=]")
"""What the name of a column may have only with column mapping (docs: Delta column mapping)."""


@dataclass(frozen=True)
class CsvTable:
    """The table that CSV files can be loaded into.

    Attributes:
        columns: SQL types by the names of the columns, in order.
        format_options: Options by which Spark reads the files as they are written.
    """

    columns: Mapping[str, str]
    format_options: Mapping[str, str]


def csv_table(paths: Sequence[Path]) -> CsvTable:
    r"""Find the table for CSV files: columns by their header, types that keep every value as it is.

    Numbers are DOUBLE as long as a double keeps all of their digits, else STRING. All of the content is
    read, as a stream.

    Args:
        paths: The files, all with the same header.

    Raises:
        InputError: A file cannot be used, or the files differ; names file, line and column.

    Examples:
        >>> from pathlib import Path
        >>> written = Path("plants.csv").write_text("day;output;code\n2024-06-21;1.5;007\n")
        >>> found = csv_table([Path("plants.csv")])
        >>> found.columns
        {'day': 'DATE', 'output': 'DOUBLE', 'code': 'STRING'}
        >>> found.format_options
        {'header': 'true', 'escape': '"', 'sep': ';'}

    A record with a line break in quotes needs the option `multiLine`.
    """
    if not paths:
        raise InputError("there is no file to take the columns from")
    try:
        files = [(path, find_format(path, CsvOptions())) for path in paths]
        names = _common_header(files)
        return CsvTable(_types(names, files), _format_options(files))
    except OSError as error:
        raise InputError(f"{error.filename or paths[0]}: {error.strerror or error}") from error


def _types(names: Sequence[str], files: Sequence[tuple[Path, CsvFormat]]) -> dict[str, str]:
    kinds: list[Kind | None] = [None] * len(names)
    not_double: set[int] = set()
    while True:
        for path, written in files:
            kinds = _widened(path, written, kinds)
        # Whether a double keeps all digits is known only when all values have been matched against it.
        untried = {place for place, kind in enumerate(kinds) if kind == "decimal"} - not_double
        if not untried:
            break
        kinds = ["double" if place in untried else kind for place, kind in enumerate(kinds)]
        not_double |= untried
    return {name: SQL_TYPES[kind or "text"] for name, kind in zip(names, kinds, strict=True)}


def create_table_text(table: str, columns: Mapping[str, str]) -> str:
    """Write the statement that creates a Delta table, if there is none of that name.

    Args:
        table: The table: `table`, `schema.table` or `catalog.schema.table`.
        columns: SQL types by the names of the columns.

    Raises:
        InputError: A name cannot be quoted, or a type is none.

    Examples:
        >>> print(create_table_text("elt.plants", {"plant": "STRING", "out put": "DOUBLE"}))
        CREATE TABLE IF NOT EXISTS `elt`.`plants` (`plant` STRING, `out put` DOUBLE)
        USING DELTA TBLPROPERTIES ('delta.columnMapping.mode' = 'name')
    """
    _refuse_other_types(columns)
    written = ", ".join(f"{quoted_name(name)} {kind}" for name, kind in columns.items())
    mapping = " TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    needs_mapping = any(_NOT_PLAIN.search(name) for name in columns)
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted_table(table)} ({written})\nUSING DELTA" + mapping * needs_mapping
    )


def casts_text(columns: Mapping[str, str]) -> str:
    """Write the expressions of a SELECT that gives the columns of CSV files their types.

    `COPY INTO` reads CSV files as texts, and does not cast them to the columns of a table.

    Args:
        columns: SQL types by the names of the columns.

    Raises:
        InputError: A name cannot be quoted, or a type is none.

    Examples:
        >>> casts_text({"plant": "STRING", "out put": "DOUBLE"})
        '`plant`, CAST(`out put` AS DOUBLE) AS `out put`'
    """
    _refuse_other_types(columns)
    return ", ".join(_cast(quoted_name(name), kind) for name, kind in columns.items())


def _cast(name: str, kind: str) -> str:
    return name if kind.upper() == "STRING" else f"CAST({name} AS {kind}) AS {name}"


def _refuse_other_types(columns: Mapping[str, str]) -> None:
    for name, kind in columns.items():
        if not _TYPE.fullmatch(kind):
            raise InputError(f"column `{name}`: `{kind}` is not a SQL type")


def _format_options(files: Sequence[tuple[Path, CsvFormat]]) -> dict[str, str]:
    first, written = files[0]
    for path, other in files:
        if other != written:
            raise InputError(f"{path}: is not written as {first} is; load it by a call of its own")
        if other.decimal != ".":
            raise InputError(f"{path}: has decimal commas, which COPY INTO does not read; write points")
    # Without `escape`, Spark takes a backslash for one, and leaves doubled quotes as they are.
    options = {"header": "true", "escape": '"'}
    if written.delimiter != ",":
        options["sep"] = written.delimiter
    if written.encoding != "utf-8":
        options["encoding"] = written.encoding
    if any(_has_breaks(path, form) for path, form in files):
        # Without it, Spark tears such a record apart; with it, one core reads all of a file.
        options["multiLine"] = "true"
    return options


def _has_breaks(path: Path, written: CsvFormat) -> bool:
    with written.open(path) as stream:
        return has_breaks_in_quotes(stream)


def _widened(path: Path, written: CsvFormat, kinds: Sequence[Kind | None]) -> list[Kind | None]:
    """The types that fit all of a file, besides what they had to fit before."""
    try:
        with TypedCsv(path, kinds, csv_format=written) as file:
            file.widen_to_the_end()
            file.refuse_misfit()
            return file.kinds
    except RecordRefused as error:
        raise InputError(f"{path}{error}") from error


def _common_header(files: Sequence[tuple[Path, CsvFormat]]) -> list[str]:
    first, written = files[0]
    names = _header(first, written)
    if fault := (duplicate_fault([name.lower() for name in names]) or delimiter_fault(names)):
        raise InputError(f"{first}{at(1, fault)}")
    for path, other in files[1:]:
        if _header(path, other) != names:
            raise InputError(
                f"{path}, line 1: its columns are not those of {first}, in the same order; make the headers"
                " alike, or load it into another table"
            )
    return names


def _header(path: Path, written: CsvFormat) -> list[str]:
    try:
        with TypedCsv(path, csv_format=written) as file:
            names = file.columns
    except MalformedRecord as error:
        raise InputError(f"{path}{at(error.line, str(error))}") from error
    if not all(names):
        what = "a column without a name" if any(names) else "empty"
        raise InputError(f"{path}{at(1, f'{what}; the first line must name the columns')}")
    return names
