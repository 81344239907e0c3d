"""Asks the workspace for catalogs, schemas, tables and views, by the Unity Catalog API."""

import http.client
import json
import os
import ssl
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

API = "/api/2.1/unity-catalog"
STAGING = "/local/catalog/staging-tables"
SECONDS = 120
NOT_FOUND = 404
TRIES_OF_READING = 2

Json = dict[str, Any]
Names = tuple[str, ...]


class CatalogError(Exception):
    """Raised when the catalog refuses; carries its error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Set up.

        Args:
            status: The HTTP status.
            code: The error code.
            message: What is wrong.
        """
        super().__init__(message)
        self.status = status
        self.code = code


class NoAnswerError(CatalogError):
    """Raised when the catalog has not answered: whether it has done what was asked is not known."""

    def __init__(self, method: str, reason: Exception) -> None:
        """Set up.

        Args:
            method: The method of the request.
            reason: What happened instead.
        """
        done = "" if method == "GET" else " Whether it was done is not known: look before you repeat it."
        super().__init__(
            0,
            "TEMPORARILY_UNAVAILABLE",
            f"The catalog of the workspace does not answer ({str(reason) or type(reason).__name__}).{done}",
        )


class CatalogClient:
    """The catalog of the workspace. Threads may use it at the same time."""

    def __init__(self, origin: str, token: str) -> None:
        """Set up.

        Args:
            origin: Where the workspace is reached.
            token: What it asks for.
        """
        self._origin = urlsplit(origin)
        self._token = token
        self._own = threading.local()

    def catalogs(self) -> list[Json]:
        """All catalogs."""
        return list(self._pages("catalogs", {}))

    def schemas(self, catalog: str) -> list[Json]:
        """The schemas of a catalog."""
        return list(self._pages("schemas", {"catalog_name": catalog}))

    def tables(self, catalog: str, schema: str) -> list[Json]:
        """The tables and views of a schema."""
        return list(self._pages("tables", {"catalog_name": catalog, "schema_name": schema}))

    def volumes(self, catalog: str, schema: str) -> list[Json]:
        """The volumes of a schema."""
        return list(self._pages("volumes", {"catalog_name": catalog, "schema_name": schema}))

    def find(self, plural: str, names: Names) -> Json | None:
        """One of `catalogs`, `schemas` or `tables`; None if it is not there."""
        try:
            return self._ask("GET", self._path(plural, names))
        except CatalogError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def create(self, plural: str, body: Json) -> Json:
        """Make one."""
        return self._ask("POST", f"{API}/{plural}", body)

    def update(self, plural: str, names: Names, changes: Json) -> Json:
        """Change what is told about one."""
        return self._ask("PATCH", self._path(plural, names), changes)

    def delete(self, plural: str, names: Names, *, force: bool = False) -> None:
        """Remove one."""
        self._ask("DELETE", self._path(plural, names) + ("?force=true" if force else ""))

    def staging_location(self, names: Names) -> str:
        """Where the files of a managed table will be."""
        catalog, schema, name = names
        answer = self._ask("POST", STAGING, {"catalog_name": catalog, "schema_name": schema, "name": name})
        return str(answer["staging_location"])

    def permissions(self, kind: str, full_name: str) -> list[Json]:
        """Who may do what with something."""
        answer = self._ask("GET", f"{API}/permissions/{kind}/{quote(full_name, safe='')}")
        return list(answer.get("privilege_assignments", []))

    def change_permissions(self, kind: str, full_name: str, change: Json) -> None:
        """Grant and revoke."""
        self._ask("PATCH", f"{API}/permissions/{kind}/{quote(full_name, safe='')}", {"changes": [change]})

    def _pages(self, plural: str, query: dict[str, str]) -> Iterator[Json]:
        token = ""
        while True:
            asked = {**query, **({"page_token": token} if token else {})}
            answer = self._ask("GET", f"{API}/{plural}?{urlencode(asked)}")
            yield from answer.get(plural, [])
            token = answer.get("next_page_token", "")
            if not token:
                return

    def _path(self, plural: str, names: Names) -> str:
        return f"{API}/{plural}/{quote('.'.join(names), safe='')}"

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        content = None if body is None else json.dumps(body)
        reads = method == "GET"
        for attempt in range(1, TRIES_OF_READING + 1):
            # The server closes connections that nobody uses, and may do so while something is sent. Who reads
            # asks again. What changes something is sent once, on a connection that is new.
            connection = self._kept() if reads else self._new()
            try:
                status, text = self._answer(connection, method, path, content)
                break
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                if not reads or attempt == TRIES_OF_READING:
                    raise NoAnswerError(method, error) from error
            finally:
                if not reads:
                    connection.close()
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise _refusal(status, text)
        answer: Json = json.loads(text or "{}")
        return answer

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, path: str, content: str | None
    ) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def _kept(self) -> http.client.HTTPConnection:
        known: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        # A connection is not shared with a child that a notebook forks.
        if known is None or self._own.process != os.getpid():
            known = self._own.connection = self._new()
            self._own.process = os.getpid()
        return known

    def _new(self) -> http.client.HTTPConnection:
        host, port = self._origin.hostname or "", self._origin.port
        if self._origin.scheme == "https":
            trusted = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE"))
            return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=trusted)
        return http.client.HTTPConnection(host, port, timeout=SECONDS)


def _refusal(status: int, text: str) -> CatalogError:
    try:
        answer = json.loads(text)
    except ValueError:
        # Something between the two has answered.
        return CatalogError(status, "", f"HTTP {status}: {text[:300]}")
    return CatalogError(status, str(answer.get("error_code", "")), str(answer.get("message", text)))
