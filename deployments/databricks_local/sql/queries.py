"""Saved queries: texts that jobs run by their ids."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_object,
    read_objects,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.sql.query_parameters import read_parameter
from databricks_local.storage.documents import Documents

KIND = "query"
TEXTS = ("display_name", "description", "query_text", "warehouse_id", "catalog", "schema", "parent_path",
         "run_as_mode", "owner_user_name")  # fmt: skip
EMPTY: Json = {"parameters": [], "tags": [], "apply_auto_limit": False}
"""What a field is that has no value, unless it is text."""

FIELDS = (*TEXTS, *EMPTY)
NEEDED = ("display_name", "owner_user_name", "run_as_mode")
"""What a query always has."""


def query_missing(query_id: str) -> ApiError:
    """An unknown query; the words are ours."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"The query {query_id[:100]} does not exist.")


class Queries:
    """The queries."""

    def __init__(self, documents: Documents, clock: Callable[[], int], user: str) -> None:
        self._documents = documents
        self._clock = clock
        self._user = user

    def create(self, body: Json) -> Json:
        """Save a query.

        Raises:
            ApiError: If another one has its name.
        """
        query = read_object(body, "query") or {}
        name = read_required_string(query, "display_name")
        if read_boolean(body, "auto_resolve_display_name"):
            name = self._free(name)
        self._refuse_taken(name, "")
        now = self._now()
        own = {"owner_user_name": self._user, "run_as_mode": "OWNER", "create_time": now}
        return self._keep(str(uuid.uuid4()), {**own, **_read(query), "display_name": name}, now)

    def update(self, query_id: str, body: Json) -> Json:
        """Change the fields that the mask names.

        Raises:
            ApiError: If there is no such query or field, or another one has its name.
        """
        query, changes = self.get(query_id), _read(read_object(body, "query") or {})
        mask = read_required_string(body, "update_mask")
        names = list(changes) if mask == "*" else [name.strip() for name in mask.split(",")]
        for name in names:
            if name not in FIELDS:
                raise invalid_parameter(f"update_mask has an unknown field: {name[:100]}")
            query[name] = changes.get(name, EMPTY.get(name, ""))
            if name in NEEDED and not query[name]:
                raise invalid_parameter(f"update_mask names {name}, which must have a value.")
        self._refuse_taken(query["display_name"], query_id)
        return self._keep(query_id, query, self._now())

    def get(self, query_id: str) -> Json:
        """A query.

        Raises:
            ApiError: If there is none.
        """
        found = self._documents.get(KIND, query_id)
        if found is None:
            raise query_missing(query_id)
        return found

    def all(self) -> list[Json]:
        """All queries by their ids."""
        return [query for _, query in self._documents.all(KIND)]

    def delete(self, query_id: str) -> None:
        """Remove a query."""
        self.get(query_id)
        self._documents.delete(KIND, query_id)

    def _keep(self, query_id: str, query: Json, now: str) -> Json:
        kept = {
            **query,
            "id": query_id,
            "update_time": now,
            "last_modifier_user_name": self._user,
            "lifecycle_state": "ACTIVE",
        }
        self._documents.put(KIND, query_id, kept)
        return kept

    def _refuse_taken(self, name: str, own_id: str) -> None:
        if any(query.get("display_name") == name and query.get("id") != own_id for query in self.all()):
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"A query with the name '{name}' already exists.")

    def _free(self, name: str) -> str:
        taken = {query.get("display_name") for query in self.all()}
        numbered = (f"{name} ({number})" for number in range(1, len(taken) + 2))
        return next(each for each in (name, *numbered) if each not in taken)

    def _now(self) -> str:
        return f"{datetime.fromtimestamp(self._clock() // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read(query: Json) -> Json:
    texts = {name: read_string(query, name) for name in TEXTS if query.get(name) is not None}
    read: Json = dict(texts)
    if query.get("apply_auto_limit") is not None:
        read["apply_auto_limit"] = read_boolean(query, "apply_auto_limit")
    if query.get("tags") is not None:
        read["tags"] = [read_string({"tag": tag}, "tag") for tag in query["tags"] if isinstance(tag, str)]
    if query.get("parameters") is not None:
        read["parameters"] = [read_parameter(given) for given in read_objects(query, "parameters")]
    return read
