"""SCIM: who am I."""

from typing import Any

from fastapi import APIRouter

from databricks_local.routes.context import Workspace


def scim_router(workspace: Workspace) -> APIRouter:
    """The routes of the SCIM API that clients call."""
    router = APIRouter()

    @router.get("/api/2.0/preview/scim/v2/Me")
    async def me() -> dict[str, Any]:
        return {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "1000000000000001",
            "userName": workspace.user,
            "displayName": "Local user",
            "active": True,
            "emails": [{"type": "work", "value": workspace.user, "primary": True}],
            "groups": [{"display": "admins", "type": "direct", "value": "1000000000000002"}],
        }

    return router
