"""Reads INSERT. Pure."""

from dataclasses import dataclass

from databricks_local.runtime.tables.reading.cursor import Cursor, split_list


@dataclass(frozen=True)
class Insert:
    """An INSERT as it is written.

    Attributes:
        table: The name of the table.
        overwrite: Whether the rows take the place of others.
        partitions: The partition: columns, and the text of their values; empty for what the rows say.
        columns: The columns that the rows are for.
        by_name: Whether columns are found by name.
        replace_where: The condition of the rows whose place is taken.
        query: The rows.
    """

    table: tuple[str, ...]
    overwrite: bool
    partitions: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    by_name: bool
    replace_where: str
    query: str

    @property
    def fixed(self) -> dict[str, str]:
        """The partitions that are given with their values, by names in lower case."""
        return {name.lower(): value for name, value in self.partitions if value}


def read_insert(cursor: Cursor) -> Insert:
    """Read INSERT."""
    cursor.expect("INSERT")
    overwrite = bool(cursor.accept("OVERWRITE"))
    if not overwrite:
        cursor.expect("INTO")
    cursor.accept("TABLE")
    table = cursor.name()
    replace_where = (
        cursor.until("SELECT", "WITH", "VALUES", "FROM", "TABLE") if cursor.accept("REPLACE", "WHERE") else ""
    )
    partitions: list[tuple[str, str]] = []
    if cursor.accept("PARTITION"):
        for each in split_list(cursor.in_parentheses()):
            inner = Cursor(each)
            name = inner.word()
            partitions.append((name, inner.rest() if inner.accept("=") else ""))
    cursor.accept("IF", "NOT", "EXISTS")
    by_name = cursor.accept("BY", "NAME")
    columns: tuple[str, ...] = ()
    if cursor.looks_at("(") and not any(
        cursor.looks_at("(", word) for word in ("SELECT", "WITH", "VALUES", "(")
    ):
        columns = tuple(Cursor(each).word() for each in split_list(cursor.in_parentheses()))
    if not replace_where and cursor.accept("REPLACE", "WHERE"):
        replace_where = cursor.until("SELECT", "WITH", "VALUES", "FROM", "TABLE")
    by_name = cursor.accept("BY", "NAME") or by_name
    return Insert(table, overwrite, tuple(partitions), columns, by_name, replace_where, cursor.rest())
