"""Answers of Sail in the types that Spark has."""

from typing import Any


def count_in_signed_numbers(session: Any) -> None:
    """Turn the unsigned numbers in which Sail counts changed rows into Spark's long.

    Without it, `collect` and `display` of an INSERT fail: Spark has no unsigned types.
    """
    client = session.client
    to_table = client.to_table

    def signed(*arguments: Any, **named: Any) -> Any:
        table, *others = to_table(*arguments, **named)
        return signed_table(table), *others

    client.to_table = signed


def cache_nothing() -> None:
    """Let the calls about caches pass, as `DataFrame.cache` does: Sail has no cache, and refuses them."""
    from pyspark.sql.connect.catalog import Catalog

    def nothing(self: Any, *_: Any, **__: Any) -> None:
        """Do nothing."""

    for name in ("cacheTable", "uncacheTable", "clearCache"):
        setattr(Catalog, name, nothing)


def signed_table(table: Any) -> Any:
    """An Arrow table whose unsigned 64-bit columns are signed."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.int64()) if pa.types.is_uint64(field.type) else field for field in table.schema
    ]
    schema = pa.schema(fields, table.schema.metadata)
    return table if schema.equals(table.schema) else table.cast(schema)
