"""The pages of the catalog."""

from collections.abc import Awaitable

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
        return page_answer(catalog_page(_sections(services)))

    @router.get("/catalog/{catalog}/{schema}")
    async def schema(catalog: str, schema: str) -> Response:
        return await _found(_schema(services, (catalog, schema)))

    @router.get("/catalog/{catalog}/{schema}/{table}")
    async def table(catalog: str, schema: str, table: str) -> Response:
        return await _found(_table(services, (catalog.lower(), schema.lower(), table.lower())))

    return router


def _sections(services: Services) -> list[CatalogSection]:
    sections = []
    for each in services.catalog.within(CATALOG, ()):
        schemas = services.catalog.within(SCHEMA, (each["name"],))
        rows = [
            schema_row(
                schema,
                len(services.tables.names_below(each["name"], schema["name"])),
                len(services.volumes.names(each["name"], schema["name"])),
            )
            for schema in schemas
            if schema["name"] != INFORMATION_SCHEMA
        ]
        sections.append(CatalogSection(each["name"], each.get("comment", ""), rows))
    return sections


async def _schema(services: Services, names: tuple[str, ...]) -> str:
    names = services.catalog.existing(SCHEMA, names)
    tables = services.tables.names_below(*names)
    shown = [table_row(await services.tables.get(each)) for each in tables[:MAX_TABLES]]
    return schema_page(names, shown, len(tables), services.catalog.within(VOLUME, names))


async def _table(services: Services, names: tuple[str, ...]) -> str:
    table = await services.tables.get(names)
    return table_page(table, Look() if table.is_view else await services.tables.look(table))


async def _found(page: Awaitable[str]) -> Response:
    """A page, or one that says that there is nothing to show."""
    try:
        return page_answer(await page)
    except ApiError as error:
        return page_answer(message_page("Not found", error.message), error.status)
