"""`spark.catalog`: what it lists, and what it changes."""

from collections.abc import Callable
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.delta.schema import comment_of, shown_type
from databricks_local.runtime.tables.doing.changing_rows import empty
from databricks_local.runtime.tables.engine import Engine, answer, local_relation, nothing
from databricks_local.runtime.tables.errors import table_not_found
from databricks_local.runtime.tables.governing.namespaces import (
    go_to_catalog,
    go_to_schema,
    let_engine_follow,
)
from databricks_local.runtime.tables.looking.describing import columns_of, table_properties
from databricks_local.runtime.tables.looking.showing import create_text, temporary_views
from databricks_local.runtime.tables.reading.cursor import name_in

_TABLE = (
    ("name", "string"), ("catalog", "string"), ("namespace", "strings"), ("description", "string"),
    ("tableType", "string"), ("isTemporary", "boolean"),
)  # fmt: skip
_COLUMN = (
    ("name", "string"), ("description", "string"), ("dataType", "string"), ("nullable", "boolean"),
    ("isPartition", "boolean"), ("isBucket", "boolean"), ("isCluster", "boolean"),
)  # fmt: skip
_DATABASE = (("name", "string"), ("catalog", "string"), ("description", "string"), ("locationUri", "string"))


def list_in_catalog(asked: Any, engine: Engine, catalog: SessionCatalog) -> Any:
    """Answer a call of `spark.catalog`.

    Args:
        asked: The call.
        engine: Runs queries.
        catalog: Knows the names of the session.

    Returns:
        The relation of the answer; None if the engine has to answer.
    """
    kind = asked.WhichOneof("cat_type")
    serve = _SERVED.get(kind)
    answered = None if serve is None else serve(getattr(asked, kind), catalog)
    if kind in ("set_current_database", "set_current_catalog"):
        let_engine_follow(engine, catalog)
    return None if answered is None else local_relation(answered)


def _value(value: Any, kind: str = "string") -> Any:
    return answer([("value", kind)], [(value,)])


def _fits(asked: Any) -> Callable[[str], bool]:
    import re

    if not asked.HasField("pattern"):
        return lambda name: True
    pattern = re.compile(
        "|".join(re.escape(each).replace(r"\*", ".*") for each in asked.pattern.split("|")), re.I
    )
    return lambda name: pattern.fullmatch(name) is not None


def _schema(asked: Any, catalog: SessionCatalog) -> tuple[str, ...]:
    if asked.HasField("db_name"):
        names = catalog.full_schema(name_in(asked.db_name))
        catalog.require_schema(names)
        return names
    return catalog.place.catalog, catalog.place.schema


def _parts(asked: Any) -> tuple[str, ...]:
    parts = name_in(asked.table_name)
    return (*name_in(asked.db_name), *parts) if asked.HasField("db_name") else parts


def _table_row(record: Any) -> tuple[Any, ...]:
    return (
        record["name"],
        record["catalog_name"],
        [record["schema_name"]],
        record.get("comment"),
        record["table_type"],
        False,
    )


def _temporary_row(name: str) -> tuple[Any, ...]:
    return name, None, [], None, "TEMPORARY", True


def _list_tables(asked: Any, catalog: SessionCatalog, *, views: bool = False) -> Any:
    fits = _fits(asked)
    records = catalog.client.tables(*_schema(asked, catalog))
    rows = [
        _table_row(each)
        for each in records
        if fits(each["name"]) and (not views or each["table_type"] == "VIEW")
    ]
    rows += [_temporary_row(name) for name in temporary_views(catalog) if fits(name)]
    return answer(_TABLE, rows)


def _get_table(asked: Any, catalog: SessionCatalog) -> Any:
    parts = _parts(asked)
    if catalog.is_temporary(parts):
        return answer(_TABLE, [_temporary_row(parts[-1])])
    return answer(_TABLE, [_table_row(catalog.require(parts).record)])


def _table_exists(asked: Any, catalog: SessionCatalog) -> Any:
    parts = _parts(asked)
    return _value(catalog.is_temporary(parts) or catalog.find(parts) is not None, "boolean")


def _list_columns(asked: Any, catalog: SessionCatalog) -> Any:
    parts = _parts(asked)
    if catalog.is_temporary(parts):
        return None
    fields, partitions = columns_of(catalog.require(parts))
    rows = [
        (
            each["name"],
            comment_of(each),
            shown_type(each),
            each["nullable"],
            each["name"] in partitions,
            False,
            False,
        )
        for each in fields
    ]
    return answer(_COLUMN, rows)


def _database_row(record: Any) -> tuple[Any, ...]:
    return record["name"], record["catalog_name"], record.get("comment"), record.get("storage_location", "")


def _list_databases(asked: Any, catalog: SessionCatalog) -> Any:
    fits = _fits(asked)
    schemas = catalog.client.schemas(catalog.place.catalog)
    return answer(_DATABASE, [_database_row(each) for each in schemas if fits(each["name"])])


def _get_database(asked: Any, catalog: SessionCatalog) -> Any:
    names = catalog.full_schema(name_in(asked.db_name))
    return answer(_DATABASE, [_database_row(catalog.require_schema(names))])


def _database_exists(asked: Any, catalog: SessionCatalog) -> Any:
    names = catalog.full_schema(name_in(asked.db_name))
    return _value(catalog.client.find("schemas", names) is not None, "boolean")


def _list_catalogs(asked: Any, catalog: SessionCatalog) -> Any:
    fits = _fits(asked)
    rows = [(each["name"], each.get("comment")) for each in catalog.client.catalogs() if fits(each["name"])]
    return answer([("name", "string"), ("description", "string")], rows)


def _set_database(asked: Any, catalog: SessionCatalog) -> Any:
    go_to_schema(catalog, name_in(asked.db_name))
    return nothing()


def _set_catalog(asked: Any, catalog: SessionCatalog) -> Any:
    go_to_catalog(catalog, asked.catalog_name)
    return nothing()


def _drop_temporary(asked: Any, catalog: SessionCatalog) -> Any:
    catalog.temporary.discard(asked.view_name.lower())


def _drop_table(asked: Any, catalog: SessionCatalog) -> Any:
    entry = catalog.find(name_in(asked.table_name))
    if entry is None and not asked.if_exists:
        raise table_not_found(name_in(asked.table_name))
    if entry is not None:
        catalog.forget(entry.names)
    return nothing()


def _truncate(asked: Any, catalog: SessionCatalog) -> Any:
    empty(catalog.require_table(_parts_of_name(asked), "TRUNCATE TABLE"))
    return nothing()


def _parts_of_name(asked: Any) -> tuple[str, ...]:
    return name_in(asked.table_name)


def _entry(asked: Any, catalog: SessionCatalog) -> Entry:
    return catalog.require(_parts_of_name(asked))


def _refresh(asked: Any, catalog: SessionCatalog) -> Any:
    """Nothing is kept that could be old."""
    return nothing()


_SERVED: dict[str, Callable[[Any, SessionCatalog], Any]] = {
    "current_database": lambda _, catalog: _value(catalog.place.schema),
    "current_catalog": lambda _, catalog: _value(catalog.place.catalog),
    "set_current_database": _set_database,
    "set_current_catalog": _set_catalog,
    "list_catalogs": _list_catalogs,
    "list_databases": _list_databases,
    "get_database": _get_database,
    "database_exists": _database_exists,
    "list_tables": _list_tables,
    "list_views": lambda asked, catalog: _list_tables(asked, catalog, views=True),
    "get_table": _get_table,
    "table_exists": _table_exists,
    "list_columns": _list_columns,
    "drop_temp_view": _drop_temporary,
    "drop_table": _drop_table,
    "truncate_table": _truncate,
    "is_cached": lambda _, __: _value(False, "boolean"),
    "refresh_table": _refresh,
    "refresh_by_path": _refresh,
    "get_table_properties": lambda asked, catalog: answer(
        [("key", "string"), ("value", "string")], sorted(table_properties(_entry(asked, catalog)).items())
    ),
    "get_create_table_string": lambda asked, catalog: _value(create_text(_entry(asked, catalog))),
}
