"""CREATE TABLE of files that are no Delta table, as CSV."""

from typing import Any

from databricks_local.runtime.tables.catalog.entries import EXTERNAL
from databricks_local.runtime.tables.delta.schema import column_infos, fields_of
from databricks_local.runtime.tables.doing.definitions import field_of
from databricks_local.runtime.tables.engine import nothing
from databricks_local.runtime.tables.errors import refused, table_exists
from databricks_local.runtime.tables.reading.create import CreateTable
from databricks_local.runtime.tables.statements import Statement


def create_of_other_format(statement: Statement, asked: CreateTable) -> Any:
    """Make files of another format known as a table."""
    catalog = statement.catalog
    location = asked.location or next((v for k, v in asked.options.items() if k.lower() == "path"), "")
    if asked.query or asked.partitions:
        raise refused(
            f"CREATE TABLE … USING {asked.using} with {'a query' if asked.query else 'partitions'}",
            "leave USING away, for a Delta table",
        )
    if not location:
        raise refused(
            f"A managed table of {asked.using.upper()}",
            "leave USING away for a Delta table, or name a LOCATION",
        )
    names = catalog.full(asked.name)
    if catalog.find(names) is not None:
        if asked.if_not_exists:
            return nothing()
        raise table_exists(names)
    fields = [field_of(column) for column in asked.columns]
    options = {name: value for name, value in asked.options.items() if name.lower() != "path"}
    if not fields:
        reader = statement.engine.session.read.format(asked.using).options(**options)
        fields = fields_of(reader.load(location).schema)
    catalog.register(
        {
            "catalog_name": names[0],
            "schema_name": names[1],
            "name": names[2],
            "table_type": EXTERNAL,
            "data_source_format": asked.using.upper(),
            "storage_location": location,
            "columns": column_infos(fields, ()),
            "comment": asked.comment or "",
            "properties": {
                **asked.properties,
                **{f"option.{name}": value for name, value in options.items()},
            },
        }
    )
    return nothing()
