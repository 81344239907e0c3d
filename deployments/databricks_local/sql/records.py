"""The record of a warehouse: settings and state. No input or output."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError

MINUTE_MILLIS = 60_000


class WarehouseState(StrEnum):
    """The states of warehouses."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    DELETING = "DELETING"
    DELETED = "DELETED"


GONE = (WarehouseState.DELETING, WarehouseState.DELETED)


def new_warehouse_id() -> str:
    """An id in the form of the real ones: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def http_path(warehouse_id: str) -> str:
    """The path that clients name a warehouse by."""
    return f"/sql/1.0/warehouses/{warehouse_id}"


def warehouse_missing(warehouse_id: str) -> ApiError:
    """An unknown warehouse. Source: databricks/unity-gateway#275."""
    return ApiError(
        404,
        "ENDPOINT_NOT_FOUND",
        f"SQL warehouse ({warehouse_id[:100]}) does not exist at all in the database",
    )


def name_taken(name: str) -> ApiError:
    """A second warehouse of a name (docs: must be unique); the words are ours."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"A SQL warehouse with the name '{name}' already exists.")


@dataclass
class WarehouseRecord:
    """A warehouse.

    Attributes:
        warehouse_id: Its id.
        settings: Its settings, with their defaults.
        creator: Who created it.
        state: Where it is in its life.
        failure: Why it did not start or was lost; empty if it is healthy.
        active_at: When it last had something to do; milliseconds.
    """

    warehouse_id: str
    settings: Json
    creator: str
    state: WarehouseState = WarehouseState.STOPPED
    failure: str = ""
    active_at: int = 0

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.settings.get("name", ""))

    @property
    def slots(self) -> int:
        """How many statements it executes at once (docs: a cluster for ten concurrent queries)."""
        return 10 * int(self.settings.get("max_num_clusters", 1))

    @property
    def timeout_seconds(self) -> int:
        """How long a statement may be executed; 0 for as long as it takes."""
        return int(self.settings.get("statement_timeout", 0))

    def is_idle(self, now: int) -> bool:
        """Whether it has been idle for as long as its settings allow."""
        minutes = int(self.settings.get("auto_stop_mins", 0))
        return self.state is WarehouseState.RUNNING and 0 < minutes * MINUTE_MILLIS <= now - self.active_at

    def as_document(self) -> Json:
        """The document that is stored."""
        return {"settings": self.settings, "creator": self.creator}

    @staticmethod
    def from_document(warehouse_id: str, document: Json) -> "WarehouseRecord":
        """Read a stored document. The warehouse is stopped, since it ended with the workspace."""
        settings = document.get("settings") or {"name": f"unreadable {warehouse_id}"}
        return WarehouseRecord(warehouse_id, settings, document.get("creator", ""))

    def as_json(self, origin: str, sessions: int) -> Json:
        """What `warehouses/get` shows.

        Args:
            origin: Where the workspace is.
            sessions: How many sessions clients have there.
        """
        place = urlsplit(origin)
        port = place.port or (443 if place.scheme == "https" else 80)
        path = http_path(self.warehouse_id)
        health: Json = {"status": "FAILED" if self.failure else "HEALTHY"}
        if self.failure:
            health |= {"summary": self.failure, "message": self.failure}
        running = self.state is WarehouseState.RUNNING
        return {
            **self.settings,
            "id": self.warehouse_id,
            "creator_name": self.creator,
            "state": self.state,
            "num_clusters": int(self.settings.get("min_num_clusters", 1)) if running else 0,
            "num_active_sessions": sessions,
            "health": health,
            "jdbc_url": f"jdbc:databricks://{place.hostname}:{port}/default;transportMode=http;ssl=1;"
            f"AuthMech=3;httpPath={path};",
            "odbc_params": {"hostname": place.hostname, "path": path, "port": port, "protocol": place.scheme},
        }
