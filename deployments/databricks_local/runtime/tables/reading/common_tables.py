"""INSERT behind other words: WITH before it belongs to its query. Pure."""

from databricks_local.runtime.tables.errors import refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.insert import read_insert

_INSERTS = (("INSERT", "INTO"), ("INSERT", "OVERWRITE"))
_OTHERS = (("DELETE", "FROM"), ("MERGE", "INTO"), ("MERGE", "WITH"), ("UPDATE",))
_QUERIES = ("SELECT", "FROM", "VALUES", "TABLE")


def with_inside(text: str) -> str:
    """A statement that begins with what it does: `WITH … INSERT` is `INSERT … WITH …`.

    Args:
        text: The statement.

    Raises:
        UnsupportedOperationException: If it changes rows in a way that cannot be written so.

    Example:
        >>> with_inside("WITH s AS (SELECT 1 AS a) INSERT INTO t (a) SELECT a FROM s")
        'INSERT INTO t (a) WITH s AS (SELECT 1 AS a) SELECT a FROM s'
    """
    cursor = Cursor(text)
    if not cursor.looks_at("WITH") and not cursor.looks_at("FROM"):
        return text
    several = cursor.accept("FROM")
    while not cursor.at_end and not _changes(cursor):
        if not several and any(map(cursor.looks_at, _QUERIES)):
            return text
        cursor.skip()
    if cursor.at_end:
        return text
    if several:
        raise refused("FROM … INSERT", "use INSERT INTO … SELECT … FROM, once for each table")
    if not any(cursor.looks_at(*words) for words in _INSERTS):
        raise refused(f"WITH before {cursor.take().text.upper()}", "use a subquery, or a temporary view")
    common, statement = text[: cursor.position].strip(), cursor.rest()
    query = read_insert(Cursor(statement)).query
    head = statement[: len(statement) - len(query)]
    inner = Cursor(query)
    if inner.accept("WITH"):
        common, query = f"{common},", inner.rest()
    return f"{head}{common} {query}"


def _changes(cursor: Cursor) -> bool:
    if cursor.looks_at("UPDATE", "AS") or cursor.looks_at("UPDATE", "("):
        # A common table of this name.
        return False
    return any(cursor.looks_at(*words) for words in (*_INSERTS, *_OTHERS))
