"""OAuth: discovery, and tokens."""

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request

from databricks_local.access.oauth import (
    DISCOVERY_PATH,
    METADATA_PATH,
    TOKEN_PATH,
    OAuthError,
    TokenIssuer,
    discovery,
    host_metadata,
)
from databricks_local.api.bodies import Json
from databricks_local.api.links import Links
from databricks_local.routes.answers import JsonAnswer
from databricks_local.routes.incoming import read_content


def oidc_router(issuer: TokenIssuer, links: Links) -> APIRouter:
    """The routes under `/oidc`."""
    router = APIRouter()

    @router.get(DISCOVERY_PATH)
    async def endpoints() -> Json:
        return discovery(links.origin)

    @router.get(METADATA_PATH)
    async def metadata() -> Json:
        return host_metadata(links.origin, links.workspace_id)

    @router.post(TOKEN_PATH)
    async def token(request: Request) -> JsonAnswer:
        form = dict(parse_qsl((await read_content(request)).decode("utf-8", "replace")))
        headers = {"Cache-Control": "no-store"}
        try:
            answer = issuer.issue(form, request.headers.get("authorization", ""))
        except OAuthError as error:
            return JsonAnswer(error.as_dict(), error.status, headers)
        return JsonAnswer(answer, headers=headers)

    return router
