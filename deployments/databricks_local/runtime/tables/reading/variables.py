"""Variables of a session: DECLARE, SET VARIABLE, and their values in a query. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from databricks_local.runtime.tables.reading.create import type_text_in
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.references import Query, edited
from databricks_local.runtime.tables.reading.tokens import quoted_name

_BEFORE = ("system.session.", "session.")


class Valued(Protocol):
    """What has a value in SQL."""

    literal: str


@dataclass(frozen=True)
class Declaration:
    """A variable that is to be made: its name, whether it takes the place of one, its type, its value."""

    names: tuple[str, ...]
    replace: bool
    type_ddl: str
    default: str


def read_declare(cursor: Cursor) -> Declaration:
    """Read DECLARE.

    Example:
        >>> read_declare(Cursor("DECLARE OR REPLACE VARIABLE x INT DEFAULT 1 + 1"))
        Declaration(names=('x',), replace=True, type_ddl='INT', default='1 + 1')
    """
    cursor.expect("DECLARE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.accept_any("VARIABLE", "VAR")
    names = [cursor.name()[-1]]
    while cursor.accept(","):
        names.append(cursor.name()[-1])
    kind = "" if cursor.at_end or any(map(cursor.looks_at, ("DEFAULT", "="))) else type_text_in(cursor)
    default = cursor.rest() if cursor.accept_any("DEFAULT", "=") else ""
    cursor.finish()
    return Declaration(tuple(names), replace, kind, default)


def read_set(cursor: Cursor) -> list[tuple[tuple[str, ...], str]] | None:
    """Read SET VARIABLE: names and the text of their values; of several names, a query. None for another SET.

    Example:
        >>> read_set(Cursor("SET VAR a = 1, b = 2")), read_set(Cursor("SET VAR (a, b) = (SELECT 1, 2)"))
        ([(('a',), '1'), (('b',), '2')], [(('a', 'b'), 'SELECT 1, 2')])
    """
    cursor.expect("SET")
    if not cursor.accept_any("VARIABLE", "VAR"):
        return None
    if cursor.looks_at("("):
        names = [Cursor(each).name()[-1] for each in cursor.in_parentheses().split(",")]
        cursor.expect("=")
        return [(tuple(names), cursor.in_parentheses())]
    found: list[tuple[tuple[str, ...], str]] = []
    while True:
        name = cursor.name()[-1]
        cursor.expect("=")
        found.append(((name,), cursor.until(",")))
        if not cursor.accept(","):
            cursor.finish()
            return found


def with_variables(query: Query, variables: Mapping[str, Valued], columns: frozenset[str]) -> str:
    """The text of a query with the values of variables. Names of columns go before those of variables."""
    edits: list[tuple[int, int, str]] = []
    for name, start, end, shown in query.columns:
        plain = name.replace("`", "")
        known = next((plain.removeprefix(each) for each in _BEFORE if plain.startswith(each)), plain)
        qualified = known != plain
        if known in variables and (qualified or (known not in columns and known not in query.aliases)):
            alias = f" AS {quoted_name(known)}" if shown else ""
            edits.append((start, end, variables[known].literal + alias))
    return edited(query.text, edits)
