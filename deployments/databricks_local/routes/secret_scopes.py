"""The Secrets API 2.0."""

import base64

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json, read_choice, read_required_string, read_string
from databricks_local.api.errors import invalid_parameter, malformed_request, not_served
from databricks_local.routes.files.dbfs import read_base64
from databricks_local.routes.incoming import read_body
from databricks_local.secrets.store import SecretStore, acl_missing

_PERMISSIONS = ("READ", "WRITE", "MANAGE")


def secrets_router(store: SecretStore) -> APIRouter:
    """The routes of secrets."""
    router = APIRouter(prefix="/api/2.0/secrets")
    _add_scopes(router, store)
    _add_acls(router, store)

    @router.post("/put")
    async def put(request: Request) -> Json:
        body = await read_body(request)
        scope, key = read_required_string(body, "scope"), read_required_string(body, "key")
        if ("string_value" in body) == ("bytes_value" in body):
            # Docs: exactly one of them; MALFORMED_REQUEST if the request is conflicting.
            raise malformed_request("Exactly one of string_value and bytes_value must be specified.")
        if "string_value" in body:
            value = read_string(body, "string_value").encode()
        else:
            value = read_base64(body, "bytes_value")
        store.put(scope, key, value)
        return {}

    @router.get("/get")
    async def get(request: Request) -> Json:
        query = request.query_params
        scope, key = read_required_string(query, "scope"), read_required_string(query, "key")
        return {"key": key, "value": base64.b64encode(store.get(scope, key)).decode()}

    @router.get("/list")
    async def list_secrets(request: Request) -> Json:
        found = store.metadata(read_required_string(request.query_params, "scope"))
        shown = [{"key": secret.key, "last_updated_timestamp": secret.updated_at} for secret in found]
        return {"secrets": shown} if shown else {}

    @router.post("/delete")
    async def delete(request: Request) -> Json:
        body = await read_body(request)
        store.delete(read_required_string(body, "scope"), read_required_string(body, "key"))
        return {}

    return router


def _add_scopes(router: APIRouter, store: SecretStore) -> None:
    @router.post("/scopes/create")
    async def create(request: Request) -> Json:
        body = await read_body(request)
        if (
            read_choice(body, "scope_backend_type", ("DATABRICKS", "AZURE_KEYVAULT"), "DATABRICKS")
            != "DATABRICKS"
        ):
            raise not_served("A scope with backend AZURE_KEYVAULT")
        principal = read_string(body, "initial_manage_principal")
        if principal not in ("", "users"):
            # Docs: the only supported principal for this option is the group users.
            raise invalid_parameter("initial_manage_principal must be users.")
        store.create_scope(read_required_string(body, "scope"), principal)
        return {}

    @router.get("/scopes/list")
    async def scopes() -> Json:
        shown = [{"name": name, "backend_type": "DATABRICKS"} for name in store.scopes()]
        return {"scopes": shown} if shown else {}

    @router.post("/scopes/delete")
    async def delete(request: Request) -> Json:
        store.delete_scope(read_required_string(await read_body(request), "scope"))
        return {}


def _add_acls(router: APIRouter, store: SecretStore) -> None:
    @router.post("/acls/put")
    async def put(request: Request) -> Json:
        body = await read_body(request)
        scope, principal = read_required_string(body, "scope"), read_required_string(body, "principal")
        store.put_acl(scope, principal, read_choice(body, "permission", _PERMISSIONS, ""))
        return {}

    @router.get("/acls/get")
    async def get(request: Request) -> Json:
        query = request.query_params
        scope, principal = read_required_string(query, "scope"), read_required_string(query, "principal")
        permission = store.acls(scope).get(principal)
        if permission is None:
            raise acl_missing(scope, principal)
        return {"principal": principal, "permission": permission}

    @router.get("/acls/list")
    async def list_acls(request: Request) -> Json:
        found = store.acls(read_required_string(request.query_params, "scope"))
        return {"items": [{"principal": name, "permission": found[name]} for name in found]}

    @router.post("/acls/delete")
    async def delete(request: Request) -> Json:
        body = await read_body(request)
        store.delete_acl(read_required_string(body, "scope"), read_required_string(body, "principal"))
        return {}
