"""The token: in the header of API requests, as a cookie for a person's browser."""

import hmac
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from databricks_local.access.oauth import DISCOVERY_PATH, METADATA_PATH, TOKEN_PATH
from databricks_local.access.tokens import cookie_name, is_token, session_of
from databricks_local.api import errors
from databricks_local.files.uploads import OPEN_PREFIX
from databricks_local.sql.results import OPEN_PREFIX as RESULTS_PREFIX


class TokenCheck:
    """Lets a request pass only with the workspace's token, or with a token that the workspace issued."""

    def __init__(self, app: ASGIApp, token: str, issued: Callable[[str], bool]) -> None:
        self._app = app
        self._token = token.encode()
        self._issued = issued

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        path = scope.get("path", "")
        # Presigned URLs carry a signature instead.
        is_open = path in OPEN_PATHS or path.startswith((f"{OPEN_PREFIX}/", f"{RESULTS_PREFIX}/"))
        if scope["type"] == "http" and not is_open:
            headers = Headers(scope=scope)
            if path == "/api" or path.startswith(API_PREFIXES):
                refusal = self._refuse(headers.get("authorization", ""))
                if refusal is not None:
                    await JSONResponse(refusal.as_dict(), refusal.status)(scope, receive, send)
                    return
            elif not self._has_cookie(headers.get("cookie", "")):
                await RedirectResponse(f"/login?next={path}", 303)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refuse(self, authorization: str) -> errors.ApiError | None:
        scheme, _, sent = authorization.partition(" ")
        if scheme.lower() != "bearer" or not sent.strip():
            return errors.missing_credentials()
        known = is_token(self._token, sent.strip()) or self._issued(sent.strip())
        return None if known else errors.wrong_token()

    def _has_cookie(self, cookies: str) -> bool:
        token = self._token.decode()
        expected = f"{cookie_name(token)}={session_of(token)}".encode()
        sent = (cookie.strip().encode("latin-1", "replace") for cookie in cookies.split(";"))
        return any(hmac.compare_digest(expected, cookie) for cookie in sent)


OPEN_PATHS = frozenset({METADATA_PATH, "/login", "/favicon.ico", DISCOVERY_PATH, TOKEN_PATH})


API_PREFIXES = ("/api/", "/local/", "/sql/")
