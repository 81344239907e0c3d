"""Permissions, instance pools and cluster policies."""

import re
from collections.abc import Callable

from fastapi import APIRouter, Request

from databricks_local.access.permissions import LEVELS_BY_TYPE, Permissions
from databricks_local.api.bodies import Json, read_required_string
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.routes.incoming import read_body
from databricks_local.sql.warehouses import Warehouses

MAX_ID_LENGTH = 100
_NUMBER = re.compile(r"[0-9]{1,18}")

POLICIES: tuple[Json, ...] = (
    {
        "policy_id": "E0123456789ABCDE",
        "name": "Personal Compute",
        "description": "Use with small-to-medium data or libraries like pandas and scikit-learn.",
        "definition": "{}",
        "is_default": True,
        "policy_family_id": "personal-vm",
        "created_at_timestamp": 0,
    },
)


def governance_router(
    permissions: Permissions,
    clusters: ClusterRegistry,
    warehouses: Warehouses,
    find_job: Callable[[int], object],
) -> APIRouter:
    """The routes of permissions, pools and policies.

    Args:
        permissions: The access control lists.
        clusters: The all-purpose clusters.
        warehouses: The SQL warehouses.
        find_job: Refuses the id of an unknown job.
    """
    router = APIRouter()

    def check(kind: str, object_id: str) -> None:
        _check(kind, object_id)
        if kind == "clusters":
            clusters.get(object_id)
        if kind == "warehouses":
            warehouses.usable(object_id)
        if kind == "jobs":
            if not _NUMBER.fullmatch(object_id):
                raise invalid_parameter(f"'{object_id}' is not the id of a job.")
            find_job(int(object_id))

    _add_permissions(router, permissions, check)

    _add_lists(router)
    return router


def _add_lists(router: APIRouter) -> None:
    @router.get("/api/2.0/instance-pools/list")
    async def pools() -> Json:
        return {}

    @router.get("/api/2.0/instance-pools/get")
    async def pool(request: Request) -> Json:
        name = read_required_string(request.query_params, "instance_pool_id")
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Instance pool {name[:100]} does not exist")

    @router.get("/api/2.0/policies/clusters/list")
    async def policies() -> Json:
        return {"policies": list(POLICIES), "total_count": len(POLICIES)}

    @router.get("/api/2.0/policies/clusters/get")
    async def policy(request: Request) -> Json:
        name = read_required_string(request.query_params, "policy_id")
        for found in POLICIES:
            if found["policy_id"] == name:
                return found
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Can't find a cluster policy with id: {name[:100]}.")


def _add_permissions(router: APIRouter, permissions: Permissions, check: Callable[[str, str], None]) -> None:
    path = "/api/2.0/permissions/{kind}/{object_id}"

    @router.get(path)
    async def get(kind: str, object_id: str) -> Json:
        check(kind, object_id)
        return permissions.get(kind, object_id)

    @router.put(path)
    async def replace(request: Request, kind: str, object_id: str) -> Json:
        check(kind, object_id)
        return permissions.set(kind, object_id, await read_body(request))

    @router.patch(path)
    async def update(request: Request, kind: str, object_id: str) -> Json:
        check(kind, object_id)
        return permissions.update(kind, object_id, await read_body(request))

    @router.get(path + "/permissionLevels")
    async def levels(kind: str, object_id: str) -> Json:
        check(kind, object_id)
        return {"permission_levels": [{"permission_level": level} for level in LEVELS_BY_TYPE[kind]]}


def _check(kind: str, object_id: str) -> None:
    if kind not in LEVELS_BY_TYPE:
        raise invalid_parameter(f"'{kind[:100]}' is not a type of object with permissions.")
    if len(object_id) > MAX_ID_LENGTH or not object_id.isprintable():
        raise invalid_parameter("The id of the object is invalid.")
