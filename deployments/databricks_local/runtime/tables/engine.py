"""What statements ask of the engine: rows of queries, and files of rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
        """Execute a statement; gives what the server answers."""
        from pyspark.sql.connect.proto import Command

        command = Command()
        command.sql_command.input.CopyFrom(self.relation(text, like))
        return self._execute(command)

    def rows(self, text: str, like: Any = None) -> list[Any]:
        """The rows of a query."""
        return list(self.frame(text, like).collect())

    def value(self, expression: str, like: Any = None) -> Any:
        """The value of an expression."""
        return self.rows(f"SELECT {expression}", like)[0][0]

    def append(self, frame: Any, uri: str, options: Mapping[str, str] | None = None) -> None:
        """Add the rows of a data frame to the Delta table at a place."""
        writer = frame.write.format("delta").mode("append")
        writer.options(**(options or {})).save(uri)

    def conf(self, name: str) -> str:
        """A configuration of the session; empty if it is not set."""
        return str(self.session.conf.get(name, None) or "")


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


def counts(**numbers: int) -> Any:
    """One row of counts."""
    return answer([(name, "long") for name in numbers], [tuple(numbers.values())])


def nothing() -> Any:
    """The answer of a statement that answers nothing."""
    return answer([])
