"""Serves the commands of Spark Connect that are about tables."""

from collections.abc import Callable
from typing import Any

from databricks_local.runtime.source import without_comments_before
from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.copying.serving import copy_into
from databricks_local.runtime.tables.doing.changing_rows import delete, merge, truncate, update
from databricks_local.runtime.tables.doing.creating import create_table
from databricks_local.runtime.tables.doing.inserting import insert
from databricks_local.runtime.tables.engine import Engine, local_relation
from databricks_local.runtime.tables.errors import syntax_error
from databricks_local.runtime.tables.reading.cursor import Cursor, StatementError
from databricks_local.runtime.tables.reading.expansion import with_identifiers
from databricks_local.runtime.tables.saving import save
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement

Serve = Callable[[Statement, Cursor], Any]

# The first one whose words a statement begins with is asked; None says that the next one is to be asked.
_SERVED: tuple[tuple[tuple[str, ...], Serve], ...] = (
    (("COPY", "INTO"), copy_into),
    (("INSERT",), insert),
    (("MERGE",), merge),
    (("UPDATE",), update),
    (("DELETE",), delete),
    (("TRUNCATE", "TABLE"), truncate),
    (("CREATE",), create_table),
    (("REPLACE",), create_table),
)


def serve_command(command: Any, engine: Engine, catalog: SessionCatalog) -> Any:
    """Serve a command.

    Args:
        command: The command of Spark Connect.
        engine: Runs queries.
        catalog: Knows the names of the session.

    Returns:
        The relation of its answer; None if the engine has to execute it.
    """
    kind = command.WhichOneof("command_type")
    if kind == "sql_command":
        return _serve_sql(command.sql_command, engine, catalog)
    if kind in ("write_operation", "write_operation_v2"):
        return save(command, engine, catalog)
    if kind == "create_dataframe_view" and not command.create_dataframe_view.is_global:
        catalog.temporary.add(command.create_dataframe_view.name.lower())
    return None


def _serve_sql(command: Any, engine: Engine, catalog: SessionCatalog) -> Any:
    relation = command.input
    holder = relation.with_relations.root if relation.WhichOneof("rel_type") == "with_relations" else relation
    arguments = {
        name.lower(): value.literal.string
        for name, value in holder.sql.named_arguments.items()
        if value.literal.WhichOneof("literal_type") == "string"
    }
    variables = {name: _text_of(variable.literal) for name, variable in catalog.variables.items()}
    try:
        text = with_identifiers(without_comments_before(holder.sql.query)[1], {**variables, **arguments})
        statement = Statement(text, relation, arguments, engine, catalog)
        served = _served(statement)
    except StatementError as error:
        raise syntax_error(str(error)) from error
    if served is not None:
        return served if hasattr(served, "DESCRIPTOR") else local_relation(served)
    changed = Sources(engine, catalog).in_query(text, relation)
    _, properties, _ = engine.run(changed, relation)
    return properties.get("sql_command_result") or engine.relation(changed, relation)


def _served(statement: Statement) -> Any:
    for words, serve in _SERVED:
        if Cursor(statement.text).looks_at(*words):
            served = serve(statement, Cursor(statement.text))
            if served is not None:
                return served
    return None


def _text_of(literal: str) -> str:
    cursor = Cursor(literal)
    cursor.accept("CAST", "(")
    return cursor.string() if cursor.at_string else literal
