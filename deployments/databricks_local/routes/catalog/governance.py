"""Privileges and the metastore, of the Unity Catalog API 2.1."""

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json, read_string
from databricks_local.api.errors import ApiError
from databricks_local.catalog.grants import Grants
from databricks_local.catalog.shown import METASTORE_ID
from databricks_local.execution.engines.sail_catalog import DEFAULT_CATALOG
from databricks_local.routes.context import Workspace
from databricks_local.routes.incoming import read_body

_PREFIX = "/api/2.1/unity-catalog"


def grants_router(grants: Grants) -> APIRouter:
    """The routes of privileges."""
    router = APIRouter(prefix=_PREFIX)

    @router.get("/permissions/{kind}/{full_name}")
    async def get(request: Request, kind: str, full_name: str) -> Json:
        return grants.get(kind.lower(), full_name, read_string(request.query_params, "principal"))

    @router.patch("/permissions/{kind}/{full_name}")
    async def update(request: Request, kind: str, full_name: str) -> Json:
        return grants.change(kind.lower(), full_name, await read_body(request))

    @router.get("/effective-permissions/{kind}/{full_name}")
    async def effective(request: Request, kind: str, full_name: str) -> Json:
        return grants.effective(kind.lower(), full_name, read_string(request.query_params, "principal"))

    return router


def metastore_router(workspace: Workspace) -> APIRouter:
    """The routes of the metastore, of which there is one."""
    router = APIRouter(prefix=_PREFIX)
    user = workspace.user
    shown: Json = {
        "metastore_id": METASTORE_ID,
        "global_metastore_id": f"local:local:{METASTORE_ID}",
        "name": "local",
        "owner": user,
        "cloud": "local",
        "region": "local",
        "privilege_model_version": "1.0",
        "created_at": 0,
        "created_by": user,
        "updated_at": 0,
        "updated_by": user,
    }

    @router.get("/current-metastore-assignment")
    async def current() -> Json:
        return {
            "metastore_id": METASTORE_ID,
            "workspace_id": workspace.links.workspace_id,
            "default_catalog_name": DEFAULT_CATALOG,
        }

    @router.get("/metastore_summary")
    async def summary() -> Json:
        return shown

    @router.get("/metastores")
    async def list_all() -> Json:
        return {"metastores": [shown]}

    @router.get("/metastores/{metastore_id}")
    async def get(metastore_id: str) -> Json:
        if metastore_id != METASTORE_ID:
            message = f"Metastore '{metastore_id[:100]}' does not exist."
            raise ApiError(404, "METASTORE_DOES_NOT_EXIST", message)
        return shown

    return router
