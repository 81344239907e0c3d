"""Serves the commands of Spark Connect that are about tables."""

from typing import Any

from databricks_local.runtime.source import split_statements, without_comments_before
from databricks_local.runtime.tables.altering.serving import alter_table
from databricks_local.runtime.tables.catalog.client import CatalogError
from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.copying.serving import copy_into
from databricks_local.runtime.tables.delta.commits import AppendOnlyError
from databricks_local.runtime.tables.doing.changing_rows import delete, merge, truncate, update
from databricks_local.runtime.tables.doing.cloning import clone
from databricks_local.runtime.tables.doing.creating import create_table
from databricks_local.runtime.tables.doing.inserting import insert
from databricks_local.runtime.tables.doing.maintenance import optimize, restore, vacuum
from databricks_local.runtime.tables.doing.variables import declare, drop_variable, set_variable
from databricks_local.runtime.tables.doing.views import alter_view, create_view, drop
from databricks_local.runtime.tables.engine import Engine, local_relation, nothing
from databricks_local.runtime.tables.errors import analysis_error, refused, syntax_error
from databricks_local.runtime.tables.governing.comments import comment_on
from databricks_local.runtime.tables.governing.grants import deny, grant, revoke, show_grants
from databricks_local.runtime.tables.governing.namespaces import alter as alter_namespace
from databricks_local.runtime.tables.governing.namespaces import create as create_namespace
from databricks_local.runtime.tables.governing.namespaces import drop as drop_namespace
from databricks_local.runtime.tables.governing.namespaces import use
from databricks_local.runtime.tables.looking.describing import describe
from databricks_local.runtime.tables.looking.showing import show
from databricks_local.runtime.tables.reading.common_tables import with_inside
from databricks_local.runtime.tables.reading.cursor import Cursor, StatementError
from databricks_local.runtime.tables.reading.expansion import with_identifiers, with_inner_statements
from databricks_local.runtime.tables.reading.tokens import tokens_of
from databricks_local.runtime.tables.saving import save
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Serve, Statement

_REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("MSCK",), "leave it away: Delta tables know their partitions"),
    (("REPAIR", "TABLE"), "leave it away: Delta tables know their partitions"),
    (("UNDROP",), "there is no way back from DROP; make the table anew"),
    (("REORG", "TABLE"), "use OPTIMIZE"),
    (("FSCK",), "use RESTORE"),
    (("CONVERT", "TO", "DELTA"), "use CREATE TABLE … AS SELECT * FROM parquet.`path`"),
    (("SYNC",), "there is one metastore"),
    (("EXECUTE", "IMMEDIATE"), "use spark.sql(text, args)"),
    (("CALL",), "there are no procedures"),
    (("BEGIN",), "run its statements one by one"),
    (("REFRESH", "MATERIALIZED"), "use CREATE OR REPLACE TABLE … AS SELECT"),
    (("CREATE", "FUNCTION"), "use spark.udf.register in Python"),
    (("CREATE", "OR", "REPLACE", "FUNCTION"), "use spark.udf.register in Python"),
)
"""Statements that are not served, and what to use."""


def explain(statement: Statement, cursor: Cursor) -> Any:
    """Serve EXPLAIN."""
    cursor.expect("EXPLAIN")
    kind = cursor.accept_any("EXTENDED", "CODEGEN", "COST", "FORMATTED", "ANALYZE")
    query = Sources(statement.engine, statement.catalog).in_query(cursor.rest(), statement.relation)
    _, properties, _ = statement.engine.run(f"EXPLAIN {kind} {query}", statement.relation)
    return properties["sql_command_result"]


def cache(statement: Statement, cursor: Cursor) -> Any:
    """Serve CACHE TABLE: there is no cache, so that only the name of a query is left of it."""
    cursor.expect("CACHE")
    cursor.accept("LAZY")
    cursor.expect("TABLE")
    name = cursor.name()
    if cursor.accept("OPTIONS"):
        cursor.in_parentheses()
    cursor.accept("AS")
    if not cursor.at_end:
        query = Sources(statement.engine, statement.catalog).in_query(cursor.rest(), statement.relation)
        statement.engine.frame(query, statement.relation).createOrReplaceTempView(name[-1])
    return nothing()


def _passing(statement: Statement, cursor: Cursor) -> Any:
    """For what makes no difference here."""
    return nothing()


def _without_exists(serve: Serve) -> Serve:
    """For DELETE, in whose condition the engine knows no EXISTS."""

    def checked(statement: Statement, cursor: Cursor) -> Any:
        tokens = tokens_of(statement.text)
        for index, token in enumerate(tokens[:-2]):
            if (
                token.is_word("EXISTS")
                and tokens[index + 1].text == "("
                and tokens[index + 2].is_word("SELECT", "WITH", "FROM", "VALUES", "TABLE")
            ):
                raise refused("DELETE with EXISTS (…)", "use IN (SELECT …), or MERGE INTO")
        return serve(statement, cursor)

    return checked


def _refusing(words: tuple[str, ...], instead: str) -> Serve:
    def refuse(statement: Statement, cursor: Cursor) -> Any:
        raise refused(" ".join(words), instead)

    return refuse


# Those whose words a statement begins with are asked in turn; None says that the next one is to be asked.
_SERVED: tuple[tuple[tuple[str, ...], Serve], ...] = (
    (("COPY", "INTO"), copy_into),
    (("INSERT",), insert),
    (("MERGE",), merge),
    (("UPDATE",), update),
    (("DELETE",), _without_exists(delete)),
    (("TRUNCATE", "TABLE"), truncate),
    (("CREATE",), clone),
    (("CREATE",), create_table),
    (("CREATE",), create_view),
    (("CREATE",), create_namespace),
    (("REPLACE",), create_table),
    (("ALTER", "TABLE"), alter_table),
    (("ALTER", "VIEW"), alter_view),
    (("ALTER",), alter_namespace),
    (("COMMENT", "ON"), comment_on),
    (("DROP",), drop),
    (("DROP",), drop_namespace),
    (("DROP",), drop_variable),
    (("USE",), use),
    (("OPTIMIZE",), optimize),
    (("VACUUM",), vacuum),
    (("RESTORE",), restore),
    (("DESCRIBE",), describe),
    (("DESC",), describe),
    (("SHOW",), show_grants),
    (("SHOW",), show),
    (("GRANT",), grant),
    (("REVOKE",), revoke),
    (("DENY",), deny),
    (("DECLARE",), declare),
    (("SET",), set_variable),
    (("EXPLAIN",), explain),
    (("ANALYZE", "TABLE"), _passing),
    (("REFRESH", "TABLE"), _passing),
    (("CACHE",), cache),
    (("UNCACHE", "TABLE"), _passing),
    (("CLEAR", "CACHE"), _passing),
    *((words, _refusing(words, instead)) for words, instead in _REFUSED),
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
    try:
        return _serve(command, engine, catalog)
    except StatementError as error:
        raise syntax_error(str(error)) from error
    except AppendOnlyError as error:
        raise analysis_error("DELTA_CANNOT_MODIFY_APPEND_ONLY", str(error)) from error
    except CatalogError as error:
        raise analysis_error(error.code or "CATALOG_ERROR", str(error)) from error


def _serve(command: Any, engine: Engine, catalog: SessionCatalog) -> Any:
    kind = command.WhichOneof("command_type")
    if kind == "sql_command":
        return _serve_sql(command.sql_command, engine, catalog)
    if kind in ("write_operation", "write_operation_v2"):
        return save(command, engine, catalog)
    if kind == "merge_into_table_command":
        raise refused("DataFrame.mergeInto", "use MERGE INTO by spark.sql")
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
    text = with_inside(with_identifiers(alone(holder.sql.query), {**variables, **arguments}))
    statement = Statement(text, relation, arguments, engine, catalog)
    served = _served(statement)
    if served is not None:
        return served if hasattr(served, "DESCRIPTOR") else local_relation(served)
    text = with_inner_statements(text, lambda inner: _kept(inner, statement))
    changed = Sources(engine, catalog).in_query(text, relation)
    return engine.asked(changed, relation)


def alone(text: str) -> str:
    """A statement without what is around it: comments before it, and semicolons after it.

    Raises:
        StatementError: If there is another one behind it: of several nobody would know which were done.
    """
    statements = split_statements(text) or [text]
    first, *others = (without_comments_before(each)[1] for each in statements)
    # The statements of a script are between BEGIN and END.
    if others and not Cursor(first).looks_at("BEGIN"):
        raise StatementError(
            f"Syntax error at or near '{others[0].split()[0]}': one statement is expected, there are "
            f"{len(statements)}"
        )
    return first if not others else text


def _served(statement: Statement) -> Any:
    cursor = Cursor(statement.text)
    for words, serve in _SERVED:
        if cursor.rewind().looks_at(*words):
            served = serve(statement, cursor)
            if served is not None:
                return served
    return None


def _kept(text: str, outer: Statement) -> str:
    """The answer of a statement in a query, under a name that the query can have."""
    statement = Statement(text, outer.relation, outer.arguments, outer.engine, outer.catalog)
    served = _served(statement)
    if served is None or hasattr(served, "DESCRIPTOR"):
        raise StatementError(f"({text}) is no query")
    name = f"__local_answer_{abs(hash(text))}"
    outer.engine.of_arrow(served).createOrReplaceTempView(name)
    return f"SELECT * FROM {name}"  # noqa: S608 - a name of our own


def _text_of(literal: str) -> str:
    cursor = Cursor(literal)
    cursor.accept("CAST", "(")
    return cursor.string() if cursor.at_string else literal
