"""What was heard, kept in Prefect, so that a retry of the flow has it: files that were read are deleted.

It is an artifact of the flow run. A retry finds it by the directory of the messages, which is its own, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, Materialization
from databricks_blocks.pipes.reader import Received
from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import EventTooLarge

MEMORY_ARTIFACT = "databricks-pipes"

Heard = tuple[str, Received]
"""The key of a task, and what it said."""


def write_memory(directory: str, heard: Iterable[Heard]) -> str:
    """Write what was heard as JSON.

    Args:
        directory: Of the messages.
        heard: Only assets, checks and custom messages are kept.
    """
    return json.dumps({"directory": directory, "heard": [_entry(*one) for one in heard]})


def read_memory(text: Any, directory: str) -> list[Heard]:
    """Read what `write_memory` wrote; nothing, if it is of another directory, or somebody else's."""
    try:
        memory = json.loads(text)
        if memory["directory"] != directory:
            return []
        return [_heard(entry) for entry in memory["heard"]]
    except (TypeError, ValueError, KeyError, AttributeError):
        return []


class Memory:
    """Keeps what one flow run has heard."""

    def __init__(self, directory: str, flow_run_id: UUID) -> None:
        self._directory = directory
        self._flow_run_id = flow_run_id
        self._artifact_id: UUID | None = None

    async def read(self, parent_ids: Iterable[UUID]) -> list[Heard]:
        """Read what earlier attempts of the flow run have heard.

        Args:
            parent_ids: Flow runs around this one; what they called before may have another id.
        """
        runs = [
            FlowRunFilter(id=FlowRunFilterId(any_=[self._flow_run_id])),
            FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=list(parent_ids))),
        ]
        found: dict[tuple[str, str], Heard] = {}
        async with get_client() as client:
            for criteria in runs:
                artifacts = await client.read_artifacts(
                    artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[MEMORY_ARTIFACT])),
                    flow_run_filter=criteria,
                    sort=ArtifactSort.CREATED_DESC,
                )
                for artifact in reversed(artifacts):
                    for task_key, received in read_memory(artifact.data, self._directory):
                        found[task_key, received.key] = (task_key, received)
        return list(found.values())

    async def keep(self, heard: Iterable[Heard]) -> None:
        """Keep all that was heard, in place of what was kept before.

        Raises:
            PrefectException: Prefect does not answer; also `HTTPError` and `OSError`.
        """
        text = write_memory(self._directory, heard)
        async with get_client() as client:
            if self._artifact_id is None:
                created = await client.create_artifact(
                    ArtifactCreate(
                        key=MEMORY_ARTIFACT,
                        type="json",
                        description="What the code on Databricks told, for a retry of this flow run",
                        data=text,
                        flow_run_id=self._flow_run_id,
                    )
                )
                self._artifact_id = created.id
                return
            try:
                await client.update_artifact(self._artifact_id, ArtifactUpdate(data=text))
            except EventTooLarge:
                # It is kept; only the event about it, which nobody needs, is too large.
                return


def _entry(task_key: str, received: Received) -> dict[str, Any]:
    return {
        "task": task_key,
        "attempt": received.attempt,
        "chunk": received.chunk,
        "line": received.line,
        "time": received.time.isoformat(),
        "key": received.key,
        **_said(received.message),
    }


def _said(message: Any) -> dict[str, Any]:
    match message:
        case Materialization():
            fields = {"asset_key": message.asset_key, "data_version": message.data_version}
            return {"kind": "asset", **fields, "metadata": _raw(message.metadata)}
        case AssetCheck():
            return {
                "kind": "check",
                "asset_key": message.asset_key,
                "check_name": message.check_name,
                "passed": message.passed,
                "severity": message.severity,
                "metadata": _raw(message.metadata),
            }
        case CustomMessage():
            return {"kind": "message", "payload": message.payload}
    raise TypeError(f"{type(message).__name__} is not kept")


def _heard(entry: Mapping[str, Any]) -> Heard:
    metadata = {name: Metadata(value, kind) for name, (value, kind) in (entry.get("metadata") or {}).items()}
    message: Materialization | AssetCheck | CustomMessage
    match entry["kind"]:
        case "asset":
            message = Materialization(entry["asset_key"], entry["data_version"], metadata)
        case "check":
            fields = (entry["asset_key"], entry["check_name"], entry["passed"], entry["severity"])
            message = AssetCheck(*fields, metadata)
        case _:
            message = CustomMessage(entry["payload"])
    received = Received(
        message,
        entry["attempt"],
        entry["chunk"],
        entry["line"],
        datetime.fromisoformat(entry["time"]),
        entry["key"],
    )
    return entry["task"], received


def _raw(metadata: Mapping[str, Metadata]) -> dict[str, tuple[Any, str]]:
    return {name: (value.value, value.type) for name, value in metadata.items()}
