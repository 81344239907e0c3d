"""The pages of the catalog: catalogs and schemas, what is in a schema, and one table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from databricks_local.api.bodies import Json
from databricks_local.catalog.looking import Look
from databricks_local.catalog.records import Table
from databricks_local.catalog.shown import table_info
from databricks_local.pages.formatting import MAX_ROWS, Link, fact, known, time_text
from databricks_local.pages.rendering import render

PATH = "/catalog"


@dataclass(frozen=True)
class SchemaRow:
    """A schema in the list, with how much is in it."""

    name: str
    path: str
    tables: int
    volumes: int
    comment: str


@dataclass(frozen=True)
class CatalogSection:
    """A catalog with its schemas."""

    name: str
    comment: str
    schemas: Sequence[SchemaRow]


@dataclass(frozen=True)
class TableRow:
    """A table or view in the list of a schema."""

    name: str
    path: str
    kind: str
    data_format: str
    comment: str
    created: str


@dataclass(frozen=True)
class ColumnRow:
    """A column of a table."""

    name: str
    kind: str
    null: str
    comment: str


@dataclass(frozen=True)
class CommitRow:
    """A commit in the history of a table."""

    version: int
    time: str
    operation: str
    parameters: str
    metrics: str


def path_of(*names: str) -> str:
    """The page of a schema or of a table.

    Example:
        >>> path_of("main", "default", "50%")
        '/catalog/main/default/50%25'
    """
    return "/".join((PATH, *(quote(name, safe="") for name in names)))


def catalog_page(catalogs: Sequence[CatalogSection]) -> str:
    """All catalogs and their schemas, as HTML."""
    return render("catalog", live=False, title="Catalog", catalogs=catalogs)


def schema_row(schema: Json, tables: int, volumes: int) -> SchemaRow:
    """A schema as the list shows it.

    Args:
        schema: The schema, as the API shows it.
        tables: How many tables and views it has.
        volumes: How many volumes it has.
    """
    path = path_of(schema["catalog_name"], schema["name"])
    return SchemaRow(schema["name"], path, tables, volumes, schema.get("comment", ""))


def schema_page(
    names: tuple[str, ...], tables: Sequence[TableRow], total: int, volumes: Sequence[Json]
) -> str:
    """The tables, views and volumes of a schema, as HTML.

    Args:
        names: The names of the catalog and the schema.
        tables: The tables and views that are shown.
        total: How many there are.
        volumes: The volumes, as the API shows them.
    """
    return render(
        "schema",
        live=False,
        title=".".join(names),
        rows=tables,
        total=total,
        long=len(tables) > MAX_ROWS,
        volumes=[(each["name"], each["storage_location"], each.get("comment", "")) for each in volumes],
    )


def table_row(table: Table) -> TableRow:
    """A table or view as the list of its schema shows it."""
    shown = table_info(table, with_columns=False)
    return TableRow(
        name=table.names[-1],
        path=path_of(*table.names),
        kind=shown.get("table_type", ""),
        data_format=shown.get("data_source_format", ""),
        comment=shown.get("comment", ""),
        created=time_text(shown.get("created_at", 0)),
    )


def table_page(table: Table, look: Look) -> str:
    """A table with its columns, its first rows and its history, as HTML."""
    shown = table_info(table)
    catalog, schema, name = table.names
    facts = [
        fact("Type", shown.get("table_type", "")),
        fact("Format", shown.get("data_source_format", "")),
        fact("Version", str(table.state.version) if table.state else ""),
        fact("Owner", shown.get("owner", "")),
        fact("Created", time_text(shown.get("created_at", 0))),
        fact("Location", shown.get("storage_location", "")),
        *(fact(key, value) for key, value in sorted(shown.get("properties", {}).items())),
    ]
    return render(
        "table",
        live=False,
        title=name,
        trail=[Link("Catalog", PATH), Link(f"{catalog}.{schema}", path_of(catalog, schema))],
        comment=shown.get("comment", ""),
        facts=known(facts),
        query=shown.get("view_definition", ""),
        columns=[_column_row(column) for column in shown["columns"]],
        look=look,
        history=[_commit_row(commit) for commit in look.history],
    )


def _column_row(column: Json) -> ColumnRow:
    partition = "partition_index" in column
    return ColumnRow(
        name=column.get("name", ""),
        kind=f"{column.get('type_text', '')}{' (partition)' if partition else ''}",
        null="" if column.get("nullable", True) else "not null",
        comment=column.get("comment", ""),
    )


def _commit_row(commit: Json) -> CommitRow:
    return CommitRow(
        version=commit.get("version", 0),
        time=time_text(commit.get("timestamp", 0)),
        operation=str(commit.get("operation", "")),
        parameters=_pairs(commit.get("operationParameters")),
        metrics=_pairs(commit.get("operationMetrics")),
    )


def _pairs(values: object) -> str:
    if not isinstance(values, dict):
        return ""
    told = {key: value for key, value in values.items() if key not in ("metadata", "protocol", "location")}
    texts = (
        f"{key}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in told.items()
    )
    return ", ".join(texts)
