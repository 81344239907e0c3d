"""What the runtime asks the catalog for besides the Unity Catalog API."""

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json, read_required_string
from databricks_local.catalog.names import unquoted
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import SCHEMA, Catalog
from databricks_local.routes.incoming import read_body


def local_catalog_router(catalog: Catalog, tables: Tables) -> APIRouter:
    """The routes of the runtime.

    Args:
        catalog: Catalogs and schemas.
        tables: Tables and views.
    """
    router = APIRouter(prefix="/local/catalog")

    @router.post("/staging-tables")
    async def stage(request: Request) -> Json:
        """Where a managed Delta table is written before it is registered, whole, by `POST …/tables`."""
        body = await read_body(request)
        catalog_name, schema, name = (
            unquoted(read_required_string(body, field)) for field in ("catalog_name", "schema_name", "name")
        )
        catalog.changeable(SCHEMA, (catalog_name, schema))
        table_id, location = tables.staging_of_whole((catalog_name, schema, name))
        return {"table_id": table_id, "staging_location": tables.locations.for_sail(location)}

    return router
