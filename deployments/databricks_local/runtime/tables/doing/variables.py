"""DECLARE, SET VARIABLE and DROP VARIABLE: values that a session keeps."""

from typing import Any

from databricks_local.runtime.tables.catalog.session import Variable
from databricks_local.runtime.tables.delta.schema import fields_of, type_ddl
from databricks_local.runtime.tables.engine import nothing
from databricks_local.runtime.tables.errors import analysis_error, refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.tokens import quoted_name, quoted_text
from databricks_local.runtime.tables.reading.variables import read_declare, read_set
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement


def declare(statement: Statement, cursor: Cursor) -> Any:
    """Serve DECLARE."""
    asked = read_declare(cursor)
    variables = statement.catalog.variables
    for name in asked.names:
        if name.lower() in variables and not asked.replace:
            raise analysis_error(
                "VARIABLE_ALREADY_EXISTS",
                f"Cannot create the variable {quoted_name('system', 'session', name)} because it already "
                "exists. "
                "Choose a different name, or drop or replace the existing variable.",
            )
        variables[name.lower()] = _variable(statement, asked.default or "NULL", asked.type_ddl)
    return nothing()


def set_variable(statement: Statement, cursor: Cursor) -> Any:
    """Serve SET VARIABLE; None for another SET."""
    settings = read_set(cursor)
    if settings is None:
        return None
    for names, text in settings:
        for name in names:
            if name.lower() not in statement.catalog.variables:
                raise analysis_error(
                    "UNRESOLVED_VARIABLE",
                    f"Cannot resolve variable {quoted_name(name)} on search path `SYSTEM`.`SESSION`.",
                )
        if len(names) == 1:
            _set(statement, names[0], text)
        else:
            _set_from_row(statement, names, text)
    return nothing()


def drop_variable(statement: Statement, cursor: Cursor) -> Any:
    """Serve DROP TEMPORARY VARIABLE; None for another DROP."""
    cursor.expect("DROP")
    if not (cursor.accept("TEMPORARY", "VARIABLE") or cursor.accept("TEMP", "VARIABLE")):
        return None
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()[-1].lower()
    cursor.finish()
    if statement.catalog.variables.pop(name, None) is None and not if_exists:
        raise analysis_error("UNRESOLVED_VARIABLE", f"Cannot resolve variable {quoted_name(name)}.")
    return nothing()


def _set(statement: Statement, name: str, text: str) -> None:
    known = statement.catalog.variables[name.lower()]
    value = known.default if Cursor(text).looks_at("DEFAULT") else text
    made = _variable(statement, value, known.type_ddl)
    statement.catalog.variables[name.lower()] = Variable(known.type_ddl, made.literal, known.default)


def _set_from_row(statement: Statement, names: tuple[str, ...], query: str) -> None:
    known = [statement.catalog.variables[name.lower()] for name in names]
    text = Sources(statement.engine, statement.catalog).in_query(query, statement.relation)
    rows = statement.engine.rows(text, statement.relation)
    if len(rows) > 1:
        raise analysis_error(
            "ROW_SUBQUERY_TOO_MANY_ROWS", "More than one row returned by a subquery used as a row."
        )
    values = list(rows[0]) if rows else [None] * len(names)
    for name, variable, value in zip(names, known, values, strict=True):
        literal = _literal(value, variable.type_ddl)
        statement.catalog.variables[name.lower()] = Variable(variable.type_ddl, literal, variable.default)


def _variable(statement: Statement, expression: str, kind: str) -> Variable:
    wanted = f"CAST(({expression}) AS {kind})" if kind else f"({expression})"
    text = Sources(statement.engine, statement.catalog).in_query(f"SELECT {wanted} AS v", statement.relation)
    frame = statement.engine.frame(text, statement.relation)
    (field,) = fields_of(frame.schema)
    if not isinstance(field["type"], str) or field["type"] == "binary":
        raise refused(
            f"A variable of the type {type_ddl(field['type'])}",
            "keep the value in a temporary view, or in Python",
        )
    ddl = kind or ("string" if field["type"] == "void" else type_ddl(field["type"]))
    return Variable(ddl, _literal(frame.collect()[0][0], ddl), expression)


def _literal(value: Any, kind: str) -> str:
    return f"CAST({'NULL' if value is None else quoted_text(str(value))} AS {kind})"
