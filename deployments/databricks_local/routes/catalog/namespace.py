"""The Unity Catalog API 2.1, for catalogs, schemas and volumes."""

from collections.abc import Mapping
from operator import itemgetter

from fastapi import APIRouter, Request

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_object,
    read_required_string,
    read_string,
    read_strings,
)
from databricks_local.api.errors import not_served
from databricks_local.api.paging import page_of
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.names import parts_of
from databricks_local.catalog.unity_catalog import CATALOG, SCHEMA, VOLUME, Catalog, Level
from databricks_local.routes.incoming import read_body

_VOLUME_TYPES = ("MANAGED", "EXTERNAL")


def catalog_router(catalog: Catalog, locations: Locations) -> APIRouter:
    """The routes of catalogs, schemas and volumes.

    Args:
        catalog: Catalogs, schemas and volumes.
        locations: Where tables are.
    """
    router = APIRouter(prefix="/api/2.1/unity-catalog")
    for level, plural in ((CATALOG, "catalogs"), (SCHEMA, "schemas"), (VOLUME, "volumes")):
        _add_level(router, catalog, locations, level, plural)
    return router


def _add_level(router: APIRouter, catalog: Catalog, locations: Locations, level: Level, plural: str) -> None:
    @router.post(f"/{plural}")
    async def create(request: Request) -> Json:
        body = await read_body(request)
        names = (*_above(level, body), read_required_string(body, "name"))
        return catalog.create(level, names, _told(level, body, locations))

    @router.get(f"/{plural}")
    async def list_all(request: Request) -> Json:
        query = request.query_params
        found = await catalog.names_within(level, _above(level, query))
        size, token = read_integer(query, "max_results"), read_string(query, "page_token")
        page, following = page_of(found, itemgetter(-1), size, token)
        shown: Json = {plural: [catalog.shown(level, names) for names in page]} if page else {}
        return {**shown, "next_page_token": following} if following else shown

    @router.get(f"/{plural}/{{name}}")
    async def get(name: str) -> Json:
        return catalog.get(level, _names(name, level))

    @router.patch(f"/{plural}/{{name}}")
    async def update(request: Request, name: str) -> Json:
        body = await read_body(request)
        if read_string(body, "new_name"):
            raise not_served("new_name")
        return catalog.update(level, _names(name, level), _comment(body))

    @router.delete(f"/{plural}/{{name}}")
    async def delete(request: Request, name: str) -> Json:
        force = read_boolean(request.query_params, "force")
        await catalog.delete(level, _names(name, level), force=force)
        return {}


def _above(level: Level, given: Mapping[str, str]) -> tuple[str, ...]:
    """The names of what a catalog, schema or volume is in."""
    fields = ("catalog_name", "schema_name")[: level.depth - 1]

    return tuple(read_required_string(given, name) for name in fields)


def _names(full_name: str, level: Level) -> tuple[str, ...]:
    """Names of volumes are kept as they are given, since they are names of directories."""
    return tuple(full_name.split(".")) if level is VOLUME else parts_of(full_name)


def _told(level: Level, body: Json, locations: Locations) -> Json:
    told = _comment(body)
    root = read_string(body, "storage_root")
    if root and level is not VOLUME:
        told["storage_root"] = locations.checked_root(root)
    if level is VOLUME:
        kind = read_choice(body, "volume_type", _VOLUME_TYPES, "MANAGED")
        location = read_string(body, "storage_location")
        if location:
            raise not_served("A volume with a storage_location")
        told["volume_type"] = kind
    return told


def _comment(body: Json) -> Json:
    told: Json = {name: read_string(body, name) for name in ("comment", "owner") if name in body}
    properties = read_object(body, "properties")
    return told if properties is None else {**told, "properties": read_strings(body, "properties")}
