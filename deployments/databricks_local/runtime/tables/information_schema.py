"""The views of `information_schema`, as the catalog is when they are asked for."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from databricks_local.runtime.tables.catalog.client import CatalogClient, Json
from databricks_local.runtime.tables.engine import answer
from databricks_local.runtime.tables.errors import refused

INFORMATION_SCHEMA = "information_schema"
ALL_CATALOGS = "system"
"""`system.information_schema` has what is in all catalogs."""

Columns = tuple[tuple[str, str], ...]

_SCHEMATA: Columns = (
    ("catalog_name", "string"), ("schema_name", "string"), ("schema_owner", "string"), ("comment", "string"),
    ("created", "timestamp"), ("created_by", "string"), ("last_altered", "timestamp"),
    ("last_altered_by", "string"),
)  # fmt: skip
_TABLES: Columns = (
    ("table_catalog", "string"), ("table_schema", "string"), ("table_name", "string"),
    ("table_type", "string"),
    ("is_insertable_into", "string"), ("commit_action", "string"), ("table_owner", "string"),
    ("comment", "string"), ("created", "timestamp"), ("created_by", "string"), ("last_altered", "timestamp"),
    ("last_altered_by", "string"), ("data_source_format", "string"), ("storage_sub_directory", "string"),
    ("storage_path", "string"),
)  # fmt: skip
_VIEWS: Columns = (
    ("table_catalog", "string"), ("table_schema", "string"), ("table_name", "string"),
    ("view_definition", "string"), ("check_option", "string"), ("is_updatable", "string"),
    ("is_insertable_into", "string"), ("sql_path", "string"), ("is_materialized", "string"),
)  # fmt: skip
_COLUMNS: Columns = (
    ("table_catalog", "string"), ("table_schema", "string"), ("table_name", "string"),
    ("column_name", "string"), ("ordinal_position", "int"), ("column_default", "string"),
    ("is_nullable", "string"), ("full_data_type", "string"), ("data_type", "string"),
    ("character_maximum_length", "long"), ("numeric_precision", "int"), ("numeric_scale", "int"),
    ("is_identity", "string"), ("partition_index", "int"), ("comment", "string"),
)  # fmt: skip
_VOLUMES: Columns = (
    ("volume_catalog", "string"), ("volume_schema", "string"), ("volume_name", "string"),
    ("volume_type", "string"), ("volume_owner", "string"), ("comment", "string"),
    ("storage_location", "string"),
)  # fmt: skip
_CATALOGS: Columns = (("catalog_name", "string"), ("catalog_owner", "string"), ("comment", "string"))

_NUMBERS = {"TINYINT": (3, 0), "SMALLINT": (5, 0), "INT": (10, 0), "BIGINT": (19, 0)}
_KINDS = {"LONG": "BIGINT", "SHORT": "SMALLINT", "BYTE": "TINYINT"}


def information_table(client: CatalogClient, catalog: str, name: str) -> Any:
    """The rows of a view of `information_schema`.

    Args:
        client: Knows the catalog.
        catalog: The catalog whose view it is; `system` for all.
        name: The view.

    Raises:
        UnsupportedOperationException: If it is one that is not served.
    """
    view = _BY_NAME.get(name)
    if view is None:
        raise refused(f"information_schema.{name}", f"there are {', '.join(sorted(_BY_NAME))}")
    columns, rows = view
    names = [each["name"] for each in client.catalogs()] if catalog == ALL_CATALOGS else [catalog]
    return answer(columns, [row for each in names for row in rows(client, each)])


def _schemata(client: CatalogClient, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema in client.schemas(catalog):
        yield catalog, schema["name"], schema.get("owner"), schema.get("comment"), *_times(schema)


def _each_table(client: CatalogClient, catalog: str) -> Iterator[Json]:
    for schema in client.schemas(catalog):
        if schema["name"] != INFORMATION_SCHEMA:
            yield from client.tables(catalog, schema["name"])


def _tables(client: CatalogClient, catalog: str) -> Iterator[tuple[Any, ...]]:
    for table in _each_table(client, catalog):
        view = table["table_type"] == "VIEW"
        yield (
            *_names(table),
            table["table_type"],
            "NO" if view else "YES",
            "PRESERVE",
            table.get("owner"),
            table.get("comment"),
            *_times(table),
            None if view else table.get("data_source_format"),
            None,
            table.get("storage_location") or None,
        )


def _views(client: CatalogClient, catalog: str) -> Iterator[tuple[Any, ...]]:
    for table in _each_table(client, catalog):
        if table["table_type"] == "VIEW":
            yield *_names(table), table.get("view_definition"), "NONE", "NO", "NO", None, "NO"


def _columns(client: CatalogClient, catalog: str) -> Iterator[tuple[Any, ...]]:
    for table in _each_table(client, catalog):
        for column in table.get("columns") or ():
            kind = _KINDS.get(column["type_name"], column["type_name"])
            precision, scale = _NUMBERS.get(kind, (column.get("type_precision"), column.get("type_scale")))
            yield (
                *_names(table),
                column["name"],
                column["position"],
                None,
                "YES" if column.get("nullable", True) else "NO",
                column["type_text"],
                kind,
                0 if kind == "STRING" else None,
                precision,
                scale,
                "NO",
                column.get("partition_index"),
                column.get("comment"),
            )


def _volumes(client: CatalogClient, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema in client.schemas(catalog):
        for volume in client.volumes(catalog, schema["name"]):
            yield (
                catalog,
                schema["name"],
                volume["name"],
                volume.get("volume_type"),
                volume.get("owner"),
                volume.get("comment"),
                volume.get("storage_location"),
            )


def _catalogs(client: CatalogClient, catalog: str) -> Iterator[tuple[Any, ...]]:
    for each in client.catalogs():
        if each["name"] == catalog:
            yield catalog, each.get("owner"), each.get("comment")


def _names(table: Json) -> tuple[str, str, str]:
    return table["catalog_name"], table["schema_name"], table["name"]


def _times(told: Json) -> tuple[Any, ...]:
    return (
        moment(told.get("created_at")),
        told.get("created_by"),
        moment(told.get("updated_at")),
        told.get("updated_by"),
    )


def moment(milliseconds: Any) -> datetime | None:
    """A moment that is given in milliseconds since 1970."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


Rows = Callable[[CatalogClient, str], Iterator[tuple[Any, ...]]]


def _nothing(*_: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a view of what there is none of here: tags, masks, filters, constraints."""
    yield from ()


def _of_texts(names: str) -> Columns:
    return tuple((name, "string") for name in names.split())


_TABLE = "table_catalog table_schema table_name"
_CONSTRAINT = "constraint_catalog constraint_schema constraint_name"
_EMPTY: dict[str, Columns] = {
    "table_tags": _of_texts("catalog_name schema_name table_name tag_name tag_value"),
    "column_tags": _of_texts("catalog_name schema_name table_name column_name tag_name tag_value"),
    "column_masks": _of_texts(f"{_TABLE} column_name mask_name using_columns"),
    "row_filters": _of_texts(f"{_TABLE} filter_name target_columns"),
    "table_constraints": _of_texts(
        f"{_CONSTRAINT} {_TABLE} constraint_type is_deferrable initially_deferred enforced comment"
    ),
    "key_column_usage": (
        *_of_texts(f"{_CONSTRAINT} {_TABLE} column_name"),
        ("ordinal_position", "int"),
        ("position_in_unique_constraint", "int"),
    ),
    "referential_constraints": _of_texts(
        f"{_CONSTRAINT} unique_constraint_catalog unique_constraint_schema unique_constraint_name "
        "match_option update_rule delete_rule"
    ),
}
"""What is asked for by clients such as dbt, and has no rows here."""

_BY_NAME: dict[str, tuple[Columns, Rows]] = {
    "catalogs": (_CATALOGS, _catalogs),
    "schemata": (_SCHEMATA, _schemata),
    "tables": (_TABLES, _tables),
    "views": (_VIEWS, _views),
    "columns": (_COLUMNS, _columns),
    "volumes": (_VOLUMES, _volumes),
}
_BY_NAME |= {name: (columns, _nothing) for name, columns in _EMPTY.items()}
