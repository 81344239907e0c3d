"""Statements by which drivers list tables and columns, as queries on `information_schema`. Pure.

Their grammar is not documented; source: databricks-sql-connector, whose cursors have `tables` and `columns`.
It reads the type of a table from the sixth column.
"""

import re

from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.warehouse.sessions import quoted

_NAME = r"(?:`(?:[^`]|``)+`|[^\s`']+)"
_LIKE = r"LIKE\s+'(?P<{}>(?:[^'\\]|\\.)*)'"
_TABLES = re.compile(
    rf"(?is)SHOW\s+TABLES\s+IN\s+(?:(?P<all>ALL\s+CATALOGS)|CATALOG\s+(?P<catalog>{_NAME}))"
    rf"(?:\s+SCHEMA\s+{_LIKE.format('schema')})?(?:\s+{_LIKE.format('table')})?\s*;?\s*"
)
_COLUMNS = re.compile(
    rf"(?is)SHOW\s+COLUMNS\s+IN\s+CATALOG\s+(?P<catalog>{_NAME})"
    rf"(?:\s+SCHEMA\s+{_LIKE.format('schema')})?(?:\s+TABLE\s+{_LIKE.format('table')})?"
    rf"(?:\s+{_LIKE.format('column')})?\s*;?\s*"
)


def known_statement(statement: str) -> str:
    """A statement in words that are served.

    Example:
        >>> known_statement("SELECT 1")
        'SELECT 1'
        >>> known_statement("SHOW TABLES IN CATALOG main SCHEMA LIKE 'x'").split("FROM ")[1]
        "`main`.information_schema.tables WHERE lower(table_schema) LIKE lower('x') ORDER BY 5, 1, 2"
    """
    text = without_comments_before(statement)[1]
    tables, columns = _TABLES.fullmatch(text), _COLUMNS.fullmatch(text)
    if tables is not None:
        catalog = "system" if tables["all"] else tables["catalog"]
        kind = "CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END"
        shown = (
            "table_schema AS namespace, table_name AS tableName, false AS isTemporary, '' AS information, "
            f"table_catalog AS catalogName, {kind} AS tableType, comment AS remarks"
        )
        return _query(shown, catalog, "tables", tables, ("schema", "table"), "5, 1, 2")
    if columns is not None:
        shown = (
            "column_name AS col_name, table_catalog AS catalogName, table_schema AS namespace, "
            "table_name AS tableName, full_data_type AS columnType, is_nullable AS isNullable, "
            "ordinal_position AS ordinalPosition, comment AS remarks"
        )
        parts = ("schema", "table", "column")
        return _query(shown, columns["catalog"], "columns", columns, parts, "3, 4, 7")
    return statement


def _query(
    shown: str, catalog: str, view: str, found: re.Match[str], parts: tuple[str, ...], order: str
) -> str:
    names = {"schema": "table_schema", "table": "table_name", "column": "column_name"}
    wanted = [
        f"lower({names[part]}) LIKE lower('{found[part]}')" for part in parts if found[part] is not None
    ]
    place = quoted(catalog[1:-1].replace("``", "`") if catalog.startswith("`") else catalog)
    where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
    return f"SELECT {shown} FROM {place}.information_schema.{view}{where} ORDER BY {order}"  # noqa: S608
