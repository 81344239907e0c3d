"""What statements ask of the engine: rows of queries, and files of rows."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from databricks_local.runtime.tables.errors import refused
from databricks_local.runtime.tables.reading.parameters import with_parameters
from databricks_local.runtime.tables.reading.tokens import quoted_text

Execute = Callable[..., tuple[Any, dict[str, Any], Any]]


class Engine:
    """A session of Spark, without what is served for tables."""

    def __init__(self, session: Any, execute: Execute) -> None:
        """Set up.

        Args:
            session: The session.
            execute: Executes a command of Spark Connect on the server.
        """
        self.session = session
        self._execute = execute

    def command(self, command: Any, *arguments: Any, **named: Any) -> tuple[Any, dict[str, Any], Any]:
        """Execute a command as it is."""
        return self._execute(command, *arguments, **named)

    def frame(self, text: str, like: Any = None) -> Any:
        """A query as a data frame.

        Args:
            text: The query.
            like: The relation of the statement that it is from, whose arguments it has.
        """
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.plan import CachedRelation

        return DataFrame(CachedRelation(self.relation(text, like)), self.session)

    def of_arrow(self, table: Any) -> Any:
        """The rows of an Arrow table as a data frame."""
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.plan import CachedRelation

        return DataFrame(CachedRelation(local_relation(table)), self.session)

    def relation(self, text: str, like: Any = None) -> Any:
        """A query as a relation of Spark Connect."""
        from pyspark.sql.connect.proto import Relation

        relation = Relation()
        if like is not None:
            relation.CopyFrom(like)
        holder = (
            relation.with_relations.root if relation.WhichOneof("rel_type") == "with_relations" else relation
        )
        holder.sql.query = text
        return relation

    def run(self, text: str, like: Any = None) -> tuple[Any, dict[str, Any], Any]:
        """Execute a statement that is no query; gives what the server answers.

        Args:
            text: The statement.
            like: The relation of the statement that it is from. The engine binds no arguments to commands, so
                that their values are written into the text.
        """
        from pyspark.sql.connect.proto import Command

        command = Command()
        if like is not None:
            text = with_parameters(text, *literals_of(like))
        command.sql_command.input.CopyFrom(self.relation(text, like))
        holder = command.sql_command.input
        if holder.WhichOneof("rel_type") == "with_relations":
            holder = holder.with_relations.root
        holder.sql.ClearField("named_arguments")
        holder.sql.ClearField("pos_arguments")
        return self._execute(command)

    def asked(self, text: str, like: Any) -> Any:
        """Send a statement as it came, as queries are; gives the relation of its answer."""
        from pyspark.sql.connect.proto import Command

        command = Command()
        command.sql_command.input.CopyFrom(self.relation(text, like))
        _, properties, _ = self._execute(command)
        return properties.get("sql_command_result") or self.relation(text, like)

    def rows(self, text: str, like: Any = None) -> list[Any]:
        """The rows of a query."""
        return list(self.frame(text, like).collect())

    def value(self, expression: str, like: Any = None) -> Any:
        """The value of an expression."""
        return self.rows(f"SELECT {expression}", like)[0][0]

    def append(self, frame: Any, uri: str) -> None:
        """Add the rows of a data frame to the Delta table at a place."""
        self._write(frame.write.format("delta").mode("append"), uri)

    def overwrite(self, frame: Any, uri: str) -> None:
        """Put the rows of a data frame in the place of all, in the Delta table at a place."""
        self._write(frame.write.format("delta").mode("overwrite"), uri)

    def replace_where(self, frame: Any, uri: str, condition: str) -> None:
        """Put the rows of a data frame in the place of those of a condition, in a Delta table."""
        self._write(frame.write.format("delta").mode("overwrite").option("replaceWhere", condition), uri)

    def _write(self, writer: Any, uri: str) -> None:
        """Write as `save` does, but for what is served when a notebook does."""
        writer._write.path = uri
        self._execute(writer._write.command(self.session.client))

    def conf(self, name: str) -> str:
        """A configuration of the session; empty if it is not set."""
        return str(self.session.conf.get(name, None) or "")


def literals_of(relation: Any) -> tuple[dict[str, str], list[str]]:
    """The arguments of a statement as SQL: by name, and by position.

    Raises:
        UnsupportedOperationException: If one is no plain value.
    """
    holder = relation.with_relations.root if relation.WhichOneof("rel_type") == "with_relations" else relation
    named = {name: _literal(value) for name, value in holder.sql.named_arguments.items()}
    return named, [_literal(value) for value in holder.sql.pos_arguments]


def _literal(expression: Any) -> str:
    if expression.WhichOneof("expr_type") == "cast":
        return f"CAST({_literal(expression.cast.expr)} AS {_cast_type(expression.cast)})"
    kind = expression.literal.WhichOneof("literal_type") or "expression"
    if kind not in _WRITTEN:
        raise refused(
            f"A parameter of the kind {kind} in a statement that changes rows", "write it in the text"
        )
    return _WRITTEN[kind](getattr(expression.literal, kind))


def _decimal(value: Any) -> str:
    return f"CAST({quoted_text(value.value)} AS DECIMAL(38, {len(value.value.partition('.')[2])}))"


def _date(days: int) -> str:
    return f"DATE'{date(1970, 1, 1) + timedelta(days=days)}'"


def _timestamp(microseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return f"TIMESTAMP'{moment.isoformat(sep=' ')}'"


def _number(kind: str) -> Callable[[Any], str]:
    return lambda value: f"CAST({quoted_text(str(value))} AS {kind})"


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "null": lambda _: "NULL",
    "string": quoted_text,
    "boolean": _number("BOOLEAN"),
    "byte": _number("TINYINT"),
    "short": _number("SMALLINT"),
    "integer": _number("INT"),
    "long": _number("BIGINT"),
    "float": _number("FLOAT"),
    "double": _number("DOUBLE"),
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
}


def _cast_type(cast: Any) -> str:
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    if cast.WhichOneof("cast_to_type") == "type_str":
        return str(cast.type_str)
    return str(proto_schema_to_pyspark_data_type(cast.type).simpleString())


def local_relation(table: Any) -> Any:
    """A relation of the rows of an Arrow table."""
    import pyarrow as pa
    from pyspark.sql.connect.proto import Relation
    from pyspark.sql.pandas.types import from_arrow_schema

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    relation = Relation()
    relation.local_relation.data = sink.getvalue().to_pybytes()
    relation.local_relation.schema = from_arrow_schema(table.schema).json()
    return relation


def answer(names: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]] = ()) -> Any:
    """Rows as a statement answers them.

    Args:
        names: The columns: name, and type in short, as `long`, `string` or `map`.
        rows: The rows.
    """
    import pyarrow as pa

    types = {
        "long": pa.int64(),
        "int": pa.int32(),
        "string": pa.string(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "strings": pa.list_(pa.string()),
        "map": pa.map_(pa.string(), pa.string()),
    }
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array(column, types[kind]) for column, (_, kind) in zip(columns, names, strict=True)]
    fields = [pa.field(name, types[kind]) for name, kind in names]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def counts(**numbers: int | None) -> Any:
    """One row of counts; None for those that are not known."""
    return answer([(name, "long") for name in numbers], [tuple(numbers.values())])


def nothing() -> Any:
    """The answer of a statement that answers nothing."""
    return answer([])
