"""The record of an all-purpose cluster: settings, state, events, libraries. No input or output."""

import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError

MAX_EVENTS = 500
MINUTE_MILLIS = 60_000
_ALPHABET = string.ascii_lowercase + string.digits
PENDING, INSTALLING, INSTALLED, FAILED = "PENDING", "INSTALLING", "INSTALLED", "FAILED"
UNINSTALL_ON_RESTART = "UNINSTALL_ON_RESTART"


class ClusterState(StrEnum):
    """The states of clusters here. Databricks also has RESIZING, ERROR and UNKNOWN."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


FINDING_INSTANCES = "Finding instances for new nodes, acquiring more instances if necessary"
"""The message of a cluster that starts. Source: databricks/cli#877."""


def cluster_missing(cluster_id: str) -> ApiError:
    """An unknown cluster. Source: databricks-sdk-py, whose error overrides match these words."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", f"Cluster {cluster_id} does not exist")


def unexpected_state(cluster_id: str, state: ClusterState) -> ApiError:
    """A request that the state does not allow. Source: databricks/cli#1372, databricks-sdk-py#422."""
    return ApiError(
        400, "INVALID_STATE", f"Cluster {cluster_id} is in unexpected state {state.capitalize()}."
    )


def new_cluster_id(now: int) -> str:
    """An id in the form of the real ones, such as 0124-165313-5fpp2uv9."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    return f"{moment:%m%d-%H%M%S}-{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"


def library_key(library: Json) -> str:
    """A key for a library."""
    return json.dumps(library, sort_keys=True)


@dataclass
class ClusterRecord:
    """An all-purpose cluster.

    Attributes:
        cluster_id: Its id.
        settings: What it was created or edited with, as JSON.
        creator: Who created it.
        state: Where it is in its life.
        message: The state's message.
        started_at: When it was last started; milliseconds.
        terminated_at: When it last ended, or 0.
        reason: Why it ended, as `termination_reason`.
        events: What happened, oldest first.
        libraries: The status of each library, by `library_key`.
        pinned_by: Who pinned it; empty if nobody did.
        active_at: When it was last started or asked for; milliseconds.
        token: The idempotency token that it was created with.
    """

    cluster_id: str
    settings: Json
    creator: str
    state: ClusterState = ClusterState.PENDING
    message: str = FINDING_INSTANCES
    started_at: int = 0
    terminated_at: int = 0
    reason: Json = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    libraries: dict[str, Json] = field(default_factory=dict)
    pinned_by: str = ""
    active_at: int = 0
    token: str = ""

    @property
    def idle_minutes(self) -> int:
        """After how many minutes without activity it is terminated; 0 is never."""
        return int(self.settings.get("autotermination_minutes", 0))

    def is_idle(self, now: int) -> bool:
        """Whether it has been idle for as long as its settings allow."""
        minutes = self.idle_minutes
        return self.state is ClusterState.RUNNING and 0 < minutes * MINUTE_MILLIS <= now - self.active_at

    def note(self, kind: str, at: int, **details: Any) -> None:
        """Add an event."""
        event = {"cluster_id": self.cluster_id, "timestamp": at, "type": kind, "details": details}
        self.events = [*self.events, event][-MAX_EVENTS:]

    def drop_uninstalled_libraries(self) -> None:
        """Remove the libraries that are uninstalled by the restart (docs)."""
        self.libraries = {
            key: status for key, status in self.libraries.items() if status["status"] != UNINSTALL_ON_RESTART
        }

    def await_libraries(self) -> None:
        """Set all libraries to pending, since the server has ended."""
        for status in self.libraries.values():
            if status["status"] in (INSTALLING, INSTALLED, FAILED):
                status["status"] = PENDING
                status.pop("messages", None)

    def as_document(self) -> Json:
        """The document that is stored."""
        return {
            "settings": self.settings,
            "creator": self.creator,
            "started_at": self.started_at,
            "terminated_at": self.terminated_at,
            "reason": self.reason,
            "message": self.message if self.state is ClusterState.TERMINATED else "",
            "events": self.events,
            "libraries": self.libraries,
            "pinned_by": self.pinned_by,
        }

    @staticmethod
    def from_document(cluster_id: str, document: Json, now: int) -> "ClusterRecord":
        """Read a stored document. The cluster is terminated, since its server ended with the workspace.

        What cannot be read of it is missing; it never keeps the server from starting.
        """
        settings = document.get("settings")
        record = ClusterRecord(cluster_id, settings or {}, document.get("creator", ""))
        record.state = ClusterState.TERMINATED
        record.message = document.get("message") or "The local workspace was stopped."
        if settings is None:
            record.message = "Its record cannot be read. Edit or delete the cluster."
        record.started_at = document.get("started_at", 0)
        record.terminated_at = document.get("terminated_at") or now
        record.reason = document.get("reason") or {"code": "INTERNAL_ERROR", "type": "SERVICE_FAULT"}
        record.pinned_by = document.get("pinned_by", "")
        record.events, record.libraries = document.get("events", []), document.get("libraries", {})
        record.await_libraries()
        return record

    def as_json(self) -> Json:
        """What `clusters/get` shows."""
        settings = self.settings
        name = settings.get("cluster_name", "")
        shown: Json = {
            "num_workers": 0,
            "autotermination_minutes": 0,
            "driver_node_type_id": settings.get("node_type_id", ""),
            "enable_elastic_disk": False,
            **settings,
            "cluster_id": self.cluster_id,
            "cluster_name": name,
            "creator_user_name": self.creator,
            "cluster_source": "API",
            "state": self.state,
            "state_message": self.message,
            "start_time": self.started_at,
            "last_state_loss_time": 0,
            "default_tags": {
                "Vendor": "Databricks",
                "Creator": self.creator,
                "ClusterName": name,
                "ClusterId": self.cluster_id,
            },
            "spec": settings,
        }
        if self.pinned_by:
            # Not in the documentation; seen by terraform-provider-databricks#4203.
            shown["pinned_by_user_name"] = self.pinned_by
        if self.state is ClusterState.TERMINATED:
            shown |= {"terminated_time": self.terminated_at, "termination_reason": self.reason}
        return shown
