"""The pages of the catalog."""

import asyncio
from collections.abc import Awaitable, Iterable
from http.client import NOT_FOUND

from fastapi import APIRouter
from fastapi.responses import Response

from databricks_local.api.errors import ApiError
from databricks_local.catalog.looking import Look
from databricks_local.catalog.unity_catalog import CATALOG, INFORMATION_SCHEMA, SCHEMA, VOLUME
from databricks_local.pages.catalog import (
    CatalogSection,
    catalog_page,
    schema_page,
    schema_row,
    table_page,
    table_row,
)
from databricks_local.pages.lists import message_page
from databricks_local.routes.answers import PageAnswer, page_answer
from databricks_local.routes.context import Services

MAX_TABLES = 200
"""How many tables a list shows at most."""


def catalog_pages_router(services: Services) -> APIRouter:
    """The routes of the pages of the catalog."""
    router = APIRouter(default_response_class=PageAnswer)

    @router.get("/catalog")
    async def catalogs() -> Response:
        return page_answer(catalog_page(await _sections(services)))

    @router.get("/catalog/{catalog}/{schema}")
    async def schema(catalog: str, schema: str) -> Response:
        return await _found(_schema(services, (catalog, schema)))

    @router.get("/catalog/{catalog}/{schema}/{table}")
    async def table(catalog: str, schema: str, table: str) -> Response:
        return await _found(_table(services, (catalog.lower(), schema.lower(), table.lower())))

    return router


async def _sections(services: Services) -> list[CatalogSection]:
    catalog, sections = services.catalog, []
    for names in await catalog.names_within(CATALOG, ()):
        schemas = [
            each for each in await catalog.names_within(SCHEMA, names) if each[1] != INFORMATION_SCHEMA
        ]
        volumes = await asyncio.to_thread(_numbers_of_volumes, services, schemas)
        rows = [
            schema_row(catalog.shown(SCHEMA, each), len(services.tables.names_below(*each)), number)
            for each, number in zip(schemas, volumes, strict=True)
        ]
        shown = catalog.shown(CATALOG, names)
        sections.append(CatalogSection(shown["name"], shown.get("comment", ""), rows))
    return sections


def _numbers_of_volumes(services: Services, schemas: Iterable[tuple[str, ...]]) -> list[int]:
    return [len(services.volumes.names(*names)) for names in schemas]


async def _schema(services: Services, names: tuple[str, ...]) -> str:
    catalog = services.catalog
    names = catalog.existing(SCHEMA, names)
    tables = services.tables.names_below(*names)
    rows = [table_row(table) for table in await services.tables.those_of(tables[:MAX_TABLES])]
    volumes = [catalog.shown(VOLUME, each) for each in await catalog.names_within(VOLUME, names)]
    return schema_page(names, rows, len(tables), volumes)


async def _table(services: Services, names: tuple[str, ...]) -> str:
    table = await services.tables.get(names)
    return table_page(table, Look() if table.is_view else await services.tables.look(table))


async def _found(page: Awaitable[str]) -> Response:
    """A page, or one that says that there is nothing to show."""
    try:
        return page_answer(await page)
    except ApiError as error:
        title = "Not found" if error.status == NOT_FOUND else "Not shown"
        return page_answer(message_page(title, error.message), error.status)
