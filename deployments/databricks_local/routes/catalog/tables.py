"""The Unity Catalog API 2.1, for tables and views."""

import fnmatch
import re
from collections.abc import Mapping

from fastapi import APIRouter, Request

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_objects,
    read_required_string,
    read_string,
    read_strings,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.paging import page_of
from databricks_local.catalog.names import parts_of, unquoted
from databricks_local.catalog.records import DELTA, EXTERNAL, MANAGED, VIEW, TableRequest
from databricks_local.catalog.shown import table_info
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import CATALOG, SCHEMA, Catalog
from databricks_local.routes.incoming import read_body

FORMATS = (DELTA, "CSV", "JSON", "AVRO", "PARQUET", "ORC", "TEXT")
_MAX_TABLES, _MAX_SUMMARIES = 50, 10_000
"""Docs: what one page holds at most."""


def tables_router(catalog: Catalog, tables: Tables) -> APIRouter:
    """The routes of tables and views.

    Args:
        catalog: Catalogs and schemas.
        tables: Tables and views.
    """
    router = APIRouter(prefix="/api/2.1/unity-catalog")
    _add_lists(router, catalog, tables)

    @router.post("/tables")
    async def create(request: Request) -> Json:
        return table_info(await catalog.create_table(_request(await read_body(request), tables)))

    @router.get("/tables/{name}/exists")
    async def exists(name: str) -> Json:
        return {"table_exists": tables.has(parts_of(name))}

    @router.get("/tables/{name}")
    async def get(name: str) -> Json:
        return table_info(await tables.get(parts_of(name)))

    @router.patch("/tables/{name}")
    async def update(request: Request, name: str) -> Json:
        body, names = await read_body(request), parts_of(name)
        new_name = read_string(body, "new_name")
        changes = _changes(body)
        if new_name:
            # All of it or nothing: what Delta may refuse comes first.
            tables.renamed(names, new_name)
        if changes:
            await tables.update(names, changes)
        if new_name:
            names = await tables.rename(names, new_name)
        return table_info(await tables.get(names))

    @router.delete("/tables/{name}")
    async def delete(name: str) -> Json:
        await tables.delete(parts_of(name))
        return {}

    return router


def _add_lists(router: APIRouter, catalog: Catalog, tables: Tables) -> None:
    @router.get("/tables")
    async def list_tables(request: Request) -> Json:
        query = request.query_params
        above = tuple(unquoted(read_required_string(query, name)) for name in ("catalog_name", "schema_name"))
        found = tables.names_below(*catalog.existing(SCHEMA, above))
        page, following = _page(found, query, _MAX_TABLES)
        columns, properties = (not read_boolean(query, name) for name in ("omit_columns", "omit_properties"))
        shown = [
            table_info(table, with_columns=columns, with_properties=properties)
            for table in await tables.those_of(page)
        ]
        return _listing("tables", shown, following)

    @router.get("/table-summaries")
    async def list_summaries(request: Request) -> Json:
        query = request.query_params
        above = (unquoted(read_required_string(query, "catalog_name")),)
        schema, name = (_pattern(query, field) for field in ("schema_name_pattern", "table_name_pattern"))
        found = [
            names
            for names in tables.names_below(*catalog.existing(CATALOG, above))
            if schema.fullmatch(names[1]) and name.fullmatch(names[2])
        ]
        page, following = _page(found, query, _MAX_SUMMARIES)
        shown: list[Json] = [
            {"full_name": ".".join(names), "table_type": tables.record(names)["table_type"]} for names in page
        ]
        return _listing("tables", shown, following)


def _page(
    found: list[tuple[str, ...]], query: Mapping[str, str], maximum: int
) -> tuple[list[tuple[str, ...]], str]:
    size, token = read_integer(query, "max_results"), read_string(query, "page_token")
    return page_of(found, ".".join, size, token, maximum)


def _listing(field: str, shown: list[Json], following: str) -> Json:
    answer: Json = {field: shown} if shown else {}
    return {**answer, "next_page_token": following} if following else answer


def _pattern(query: Mapping[str, str], field: str) -> re.Pattern[str]:
    """Docs: a SQL pattern as of LIKE; `%` and `_` stand for characters."""
    return re.compile(like(read_string(query, field) or "%"), re.IGNORECASE)


def like(pattern: str) -> str:
    """A pattern of LIKE as a regular expression. It goes back for nothing, however many `%` there are.

    Example:
        >>> bool(re.fullmatch(like("a_%[b]"), "axyz[b]"))
        True
    """
    globs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return fnmatch.translate("".join(globs.get(each, each) for each in pattern))


def _request(body: Json, tables: Tables) -> TableRequest:
    catalog, schema, name = (
        unquoted(read_required_string(body, field)) for field in ("catalog_name", "schema_name", "name")
    )
    definition = read_string(body, "view_definition")
    kind = read_choice(body, "table_type", (MANAGED, EXTERNAL, VIEW), VIEW if definition else MANAGED)
    location = read_string(body, "storage_location")
    if kind == VIEW and not definition:
        raise invalid_parameter("Missing required field: view_definition")
    if kind == EXTERNAL and not location:
        raise invalid_parameter("Missing required field: storage_location")
    return TableRequest(
        (catalog, schema, name),
        kind,
        read_choice(body, "data_source_format", FORMATS, DELTA),
        tuple(read_objects(body, "columns")),
        tables.locations.kept(location) if location else "",
        read_string(body, "comment"),
        read_strings(body, "properties"),
        definition,
    )


def _changes(body: Json) -> Json:
    """What of a table may be changed without its log."""
    changes: Json = {name: read_string(body, name) for name in ("owner", "comment") if name in body}
    if read_string(body, "view_definition"):
        changes["view_definition"] = read_string(body, "view_definition")
        # The columns of a table are in its log; those of a view come with its query.
        if "columns" in body:
            changes["columns"] = read_objects(body, "columns")
    if "properties" in body:
        changes["properties"] = read_strings(body, "properties")
    return changes
