"""Unity Catalog as Sail's provider of it asks for it: the same catalog, with the answers that Sail knows.

What exists is a 409 for Sail, names are quoted where they are no plain words, and views are not tables.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_objects,
    read_required_string,
    read_string,
    read_strings,
)
from databricks_local.api.errors import ApiError
from databricks_local.catalog.names import parts_of, unquoted
from databricks_local.catalog.records import EXTERNAL, MANAGED, MissingTableError, TableRequest
from databricks_local.catalog.shown import sail_schema, sail_table
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import CATALOG, SCHEMA, Catalog
from databricks_local.routes.incoming import read_body

SAIL_PATH = "/local/sail/api/2.1/unity-catalog"
ALREADY_EXISTS = "_ALREADY_EXISTS"


def sail_router(catalog: Catalog, tables: Tables) -> APIRouter:
    """The routes for Sail.

    Args:
        catalog: Catalogs and schemas.
        tables: Tables and views.
    """
    router = APIRouter(prefix=SAIL_PATH)
    _add_schemas(router, catalog, tables)
    _add_tables(router, catalog, tables)
    return router


@asynccontextmanager
async def in_words_of_sail() -> AsyncIterator[None]:
    """Refuse what exists with the status that Sail expects."""
    try:
        yield
    except ApiError as error:
        if error.error_code.endswith(ALREADY_EXISTS):
            raise ApiError(409, error.error_code, error.message) from error
        raise


def _add_schemas(router: APIRouter, catalog: Catalog, tables: Tables) -> None:
    @router.get("/catalogs/{name}")
    async def get_catalog(name: str) -> Json:
        [kept] = catalog.existing(CATALOG, (unquoted(name),))
        return {"name": kept}

    @router.get("/schemas")
    async def list_schemas(request: Request) -> Json:
        above = (unquoted(read_required_string(request.query_params, "catalog_name")),)
        found = await catalog.names_within(SCHEMA, above)
        return {"schemas": [sail_schema(catalog.shown(SCHEMA, names), tables.locations) for names in found]}

    @router.post("/schemas")
    async def create_schema(request: Request) -> Json:
        body = await read_body(request)
        names = unquoted(read_required_string(body, "catalog_name")), read_required_string(body, "name")
        told: Json = {"comment": read_string(body, "comment")}
        told["properties"] = read_strings(body, "properties")
        told["properties"].pop("comment", None)
        location = told["properties"].pop("location", "")
        if location:
            told["storage_root"] = tables.locations.checked_root(location, by_sail=True)
        async with in_words_of_sail():
            return sail_schema(catalog.create(SCHEMA, names, told), tables.locations)

    @router.get("/schemas/{name}")
    async def get_schema(name: str) -> Json:
        return sail_schema(catalog.get(SCHEMA, parts_of(name)), tables.locations)

    @router.delete("/schemas/{name}")
    async def delete_schema(request: Request, name: str) -> Json:
        force = read_boolean(request.query_params, "force")
        await catalog.delete(SCHEMA, parts_of(name), force=force)
        return {}


def _add_tables(router: APIRouter, catalog: Catalog, tables: Tables) -> None:
    @router.post("/staging-tables")
    async def stage(request: Request) -> Json:
        names = _names(await read_body(request))
        catalog.changeable(SCHEMA, names[:2])
        # Also for a table that is there: Sail asks before it appends to one.
        table_id, location = tables.staging(names)
        place = tables.locations.for_sail(location)
        return {"id": table_id, "name": names[2], "staging_location": place}

    @router.post("/tables")
    async def create(request: Request) -> Json:
        body = await read_body(request)
        names = _names(body)
        location = tables.locations.kept(read_required_string(body, "storage_location"), by_sail=True)
        properties = read_strings(body, "properties")
        # Sail says it twice.
        comment = properties.pop("comment", "")
        asked = TableRequest(
            names,
            read_choice(body, "table_type", (MANAGED, EXTERNAL), MANAGED),
            read_required_string(body, "data_source_format").upper(),
            tuple(read_objects(body, "columns")),
            location,
            read_string(body, "comment", comment),
            properties,
        )
        async with in_words_of_sail():
            made = sail_table(await catalog.create_table(asked), tables.locations)
        # The first commit is there. Told where it is, Sail would compare it with what it would have written,
        # and refuse arrays, maps and partitions, whose inner names are others in its schema.
        del made["storage_location"]
        return made

    @router.get("/tables")
    async def list_tables(request: Request) -> Json:
        query = request.query_params
        above = tuple(unquoted(read_required_string(query, name)) for name in ("catalog_name", "schema_name"))
        catalog.existing(SCHEMA, above)
        found = await tables.those_of(tables.names_below(*above))
        placed = [table for table in found if table.record.get("storage_location")]
        return {"tables": [sail_table(table, tables.locations) for table in placed]}

    @router.get("/tables/{name}")
    async def get(name: str) -> Json:
        table = await tables.get(parts_of(name))
        if table.is_view:
            raise MissingTableError(table.names)
        table.require_log()
        return sail_table(table, tables.locations)

    @router.delete("/tables/{name}")
    async def delete(name: str) -> Json:
        await tables.delete(parts_of(name))
        return {}


def _names(body: Json) -> tuple[str, str, str]:
    catalog, schema, name = (
        unquoted(read_required_string(body, field)) for field in ("catalog_name", "schema_name", "name")
    )
    return catalog, schema, name
