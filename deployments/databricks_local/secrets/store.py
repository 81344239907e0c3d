"""Secret scopes and secrets, in a SQLite file that only the user of the server may read."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.storage.private_files import make_private

MAX_SCOPES = 1_000
MAX_SECRETS = 1_000
"""Docs: secrets in a scope."""

MAX_VALUE_BYTES = 128 * 1024
"""Docs: 128 KB."""

_NAME = re.compile(r"[A-Za-z0-9\-_.@/ ]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9\-_.]{1,128}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS scopes (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (
    scope TEXT NOT NULL REFERENCES scopes (name) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE TABLE IF NOT EXISTS acls (
    scope TEXT NOT NULL REFERENCES scopes (name) ON DELETE CASCADE,
    principal TEXT NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (scope, principal)
) WITHOUT ROWID;
"""


def scope_missing(scope: str) -> ApiError:
    """No scope of this name. Source: terraform-provider-databricks, tests of secret scopes."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Scope {scope} does not exist!")


def secret_missing(scope: str, key: str) -> ApiError:
    """No such secret. Source: terraform-provider-databricks, tests of mounts; blueprint."""
    return ApiError(
        404, "RESOURCE_DOES_NOT_EXIST", f"Secret does not exist with scope: {scope} and key: {key}"
    )


def acl_missing(scope: str, principal: str) -> ApiError:
    """No permission of this principal. Source: terraform-provider-databricks, 0.2, which matched on it."""
    message = f"Failed to get secret acl for principal {principal[:200]} for scope {scope}."
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


@dataclass(frozen=True)
class SecretMetadata:
    """What the API shows of a secret."""

    key: str
    updated_at: int


class SecretStore:
    """The scopes and secrets. Only `get` returns values."""

    def __init__(self, directory: Path, clock: Callable[[], int], user: str) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        path = directory / "secrets.sqlite"
        make_private(path)
        self._clock = clock
        self._user = user
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("foreign_keys=ON", "secure_delete=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)

    def scopes(self) -> list[str]:
        """The names of the scopes."""
        return [str(row[0]) for row in self._rows("SELECT name FROM scopes ORDER BY name")]

    def create_scope(self, scope: str, principal: str = "") -> None:
        """Make a scope. Its creator manages it, or the given principal."""
        if not _NAME.fullmatch(scope):
            raise invalid_parameter(
                f"Scope name {scope[:200]} is invalid: 1 to 128 letters, digits, dashes, underscores, "
                "periods, @, slashes and spaces."
            )
        if scope in self.scopes():
            # Source: databricks-cli#340.
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Scope {scope} already exists!")
        if len(self.scopes()) >= MAX_SCOPES:
            raise ApiError(400, "RESOURCE_LIMIT_EXCEEDED", f"The limit of {MAX_SCOPES} scopes is exceeded.")
        self._connection.execute("INSERT INTO scopes VALUES (?)", (scope,))
        self.put_acl(scope, principal or self._user, "MANAGE")

    def delete_scope(self, scope: str) -> None:
        """Remove a scope and its secrets."""
        self._existing(scope)
        self._connection.execute("DELETE FROM scopes WHERE name = ?", (scope,))

    def put(self, scope: str, key: str, value: bytes) -> None:
        """Write a secret, over the one before."""
        self._existing(scope)
        if not _KEY.fullmatch(key):
            raise invalid_parameter(
                f"Secret key {key[:200]} is invalid: 1 to 128 letters, digits, dashes, underscores "
                "and periods."
            )
        if len(value) > MAX_VALUE_BYTES:
            raise invalid_parameter(f"The value of a secret must be at most {MAX_VALUE_BYTES} bytes.")
        known = {secret.key for secret in self.metadata(scope)}
        if key not in known and len(known) >= MAX_SECRETS:
            raise ApiError(
                400, "RESOURCE_LIMIT_EXCEEDED", f"The limit of {MAX_SECRETS} secrets in a scope is exceeded."
            )
        self._connection.execute(
            "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?)", (scope, key, value, self._clock())
        )

    def get(self, scope: str, key: str) -> bytes:
        """The value of a secret."""
        self._existing(scope)
        rows = self._rows("SELECT value FROM secrets WHERE scope = ? AND key = ?", scope, key)
        if not rows:
            raise secret_missing(scope, key)
        return bytes(rows[0][0])

    def metadata(self, scope: str) -> list[SecretMetadata]:
        """The secrets of a scope, without their values."""
        self._existing(scope)
        rows = self._rows("SELECT key, updated_at FROM secrets WHERE scope = ? ORDER BY key", scope)
        return [SecretMetadata(*row) for row in rows]

    def delete(self, scope: str, key: str) -> None:
        """Remove a secret."""
        self.get(scope, key)
        self._connection.execute("DELETE FROM secrets WHERE scope = ? AND key = ?", (scope, key))

    def acls(self, scope: str) -> dict[str, str]:
        """The permissions by principal. They are stored, not enforced."""
        self._existing(scope)
        return dict(self._rows("SELECT principal, permission FROM acls WHERE scope = ?", scope))

    def put_acl(self, scope: str, principal: str, permission: str) -> None:
        """Give a principal a permission."""
        self._existing(scope)
        self._connection.execute(
            "INSERT OR REPLACE INTO acls VALUES (?, ?, ?)", (scope, principal, permission)
        )

    def delete_acl(self, scope: str, principal: str) -> None:
        """Take the permission of a principal away."""
        if principal not in self.acls(scope):
            raise acl_missing(scope, principal)
        self._connection.execute("DELETE FROM acls WHERE scope = ? AND principal = ?", (scope, principal))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _existing(self, scope: str) -> None:
        if not self._rows("SELECT name FROM scopes WHERE name = ?", scope):
            raise scope_missing(scope[:200])

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(self._connection.execute(query, values)) as cursor:
            return cursor.fetchall()
