"""OAuth for a service principal, which gets a token for an hour in return for its credentials."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from databricks_local.api.bodies import Json

LIFETIME_SECONDS = 3_600
"""Docs: OAuth M2M, "The token is valid for one hour"."""

TOKEN_PATH = "/oidc/v1/token"  # noqa: S105 - a path
DISCOVERY_PATH = "/oidc/.well-known/oauth-authorization-server"
METADATA_PATH = "/.well-known/databricks-config"
GRANT = "client_credentials"
SCOPE = "all-apis"
MAX_TOKEN_CHARACTERS = 4_096


@dataclass(frozen=True)
class ClientCredentials:
    """A service principal: its id and its secret."""

    client_id: str
    client_secret: str = field(repr=False)


class OAuthError(Exception):
    """Raised to refuse a request for a token, in the words of RFC 6749."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def as_dict(self) -> Json:
        """The body of the answer."""
        return {"error": self.error, "error_description": self.description}


class TokenIssuer:
    """Issues tokens, and checks them. Tokens are signed, not stored, so that they outlive a restart."""

    def __init__(self, client: ClientCredentials | None, clock: Callable[[], int]) -> None:
        """Set up.

        Args:
            client: The service principal that gets tokens; None if there is none.
            clock: Milliseconds since 1970.
        """
        self._client = client
        self._clock = clock
        seed = client.client_secret.encode() if client else secrets.token_bytes(32)
        self._key = hmac.new(seed, b"access tokens", hashlib.sha256).digest()

    def issue(self, form: Mapping[str, str], authorization: str) -> Json:
        """Answer a request for a token.

        Args:
            form: The fields of the request.
            authorization: Its `Authorization` header.

        Returns:
            The token and how long it is good for.

        Raises:
            OAuthError: If it is refused.
        """
        if not form.get("grant_type"):
            raise OAuthError(400, "invalid_request", "Missing parameter: grant_type")
        if form["grant_type"] != GRANT:
            raise OAuthError(400, "unsupported_grant_type", "The grant type is not supported.")
        name, secret = _credentials(form, authorization)
        if not self._knows(name, secret):
            # Source: databricks-sql-nodejs#279 for the words, RFC 6749 section 5.2 for the status.
            raise OAuthError(401, "invalid_client", "Client authentication failed")
        if SCOPE not in form.get("scope", SCOPE).split():
            raise OAuthError(400, "invalid_scope", "The requested scope is invalid.")
        return {
            "access_token": self._sign(name),
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": SCOPE,
        }

    def accepts(self, token: str) -> bool:
        """Whether a token was issued here and is still good."""
        if self._client is None or len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
            return False
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(content), signature):
            return False
        claims = json.loads(_decode(content.partition(".")[2]))
        return bool(claims["sub"] == self._client.client_id and self._clock() // 1000 < claims["exp"])

    def _knows(self, name: str, secret: str) -> bool:
        if self._client is None:
            return False
        expected = f"{self._client.client_id}\n{self._client.client_secret}".encode()
        return hmac.compare_digest(expected, f"{name}\n{secret}".encode("utf-8", "replace"))

    def _sign(self, name: str) -> str:
        now = self._clock() // 1000
        # The random `jti` makes two tokens of the same second differ.
        claims = {"sub": name, "iat": now, "exp": now + LIFETIME_SECONDS, "jti": secrets.token_hex(8)}
        content = f"{_encode(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_encode(json.dumps(claims))}"
        return f"{content}.{self._signature(content)}"

    def _signature(self, content: str) -> str:
        digest = hmac.new(self._key, content.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def discovery(origin: str) -> Json:
    """Where the endpoints are, as the SDK asks for it."""
    return {
        "issuer": f"{origin}/oidc",
        "authorization_endpoint": f"{origin}/oidc/v1/authorize",
        "token_endpoint": f"{origin}{TOKEN_PATH}",
        "grant_types_supported": [GRANT],
        "scopes_supported": [SCOPE],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


def host_metadata(origin: str, workspace_id: int) -> Json:
    """What `METADATA_PATH` answers.

    Every client of the SDK asks for it when it is made, whatever its login, and warns if there is no answer;
    newer ones look for OAuth here and nowhere else (SDK 0.156).
    """
    return {"oidc_endpoint": f"{origin}/oidc", "workspace_id": str(workspace_id), "cloud": "AWS"}


def _credentials(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
