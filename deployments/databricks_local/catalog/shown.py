"""Tables as the Unity Catalog API shows them, and as Sail needs them. Pure."""

from databricks_local.api.bodies import Json
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.records import EXTERNAL, Table

METASTORE_ID = "11111111-2222-4333-8444-555555555555"

_KEPT = (
    "table_type", "data_source_format", "storage_location", "view_definition", "table_id", "owner",
    "created_at", "created_by", "updated_at", "updated_by",
)  # fmt: skip


def table_info(table: Table, *, with_columns: bool = True, with_properties: bool = True) -> Json:
    """A table as the API shows it."""
    shown = _named(table) | {key: table.record[key] for key in _KEPT if key in table.record}
    shown["metastore_id"] = METASTORE_ID
    state = table.state
    comment = table.problem or table.record.get("comment") or (state.description if state else "")
    if comment:
        shown["comment"] = comment
    if with_columns:
        shown["columns"] = table.columns
    if with_properties:
        shown["properties"] = {**(state.properties if state else {}), **table.record.get("properties", {})}
    return shown


def sail_table(table: Table, locations: Locations) -> Json:
    """A table as Sail needs it: external, since it would ask the catalog for each commit of a managed one."""
    record = table.record
    return _named(table) | {
        "table_type": EXTERNAL,
        "data_source_format": record["data_source_format"],
        "columns": table.columns,
        "storage_location": locations.for_sail(record["storage_location"]),
        "table_id": record["table_id"],
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
    }


def sail_schema(schema: Json, locations: Locations) -> Json:
    """A schema as Sail needs it: its location is a property, by which tables other than Delta are placed."""
    location = schema.get("storage_location", "")
    placed = {"location": locations.for_sail(location)} if location else {}
    return {**schema, "properties": {**schema.get("properties", {}), **placed}}


def _named(table: Table) -> Json:
    catalog, schema, name = table.names
    return {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "full_name": ".".join(table.names),
    }
