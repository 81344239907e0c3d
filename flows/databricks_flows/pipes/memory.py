"""What was heard, kept in Prefect, so that a retry of the flow has it: files that were read are deleted.

These are artifacts of the flow run. A retry finds them by the name of the folder of the messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, Materialization
from databricks_blocks.pipes.received import Received
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import EventTooLarge

MEMORY_ARTIFACT = "databricks-pipes"
"""What the keys of the artifacts begin with; the name of the session's folder follows."""
_BYTES_OF_A_PAGE = 64_000
"""A page is sent as a whole with each change, so there are many."""
_PAGES_AT_ONCE = 100

Heard = tuple[str, Received]
"""The key of a task, and what it said."""


def write_memory(directory: str, heard: Iterable[Heard], *, forgets: bool = False) -> str:
    """Write what was heard as JSON.

    Args:
        directory: Of the messages.
        heard: Only assets, checks and custom messages are kept.
        forgets: Whether what was heard before is no result any more.
    """
    entries = [_entry(*one) for one in heard]
    return json.dumps({"directory": directory, "forgets": forgets, "heard": entries})


def read_memory(texts: Iterable[Any], directory: str) -> list[Heard]:
    """Read what `write_memory` wrote, in its order.

    Args:
        texts: The pages; what is of another directory, or somebody else's, is left out.
        directory: Of the messages.
    """
    found: dict[tuple[str, str], Heard] = {}
    for text in texts:
        try:
            memory = json.loads(text)
            if memory["directory"] != directory:
                continue
            heard = [_heard(entry) for entry in memory["heard"]]
            if memory["forgets"]:
                found.clear()
        except (TypeError, ValueError, KeyError, AttributeError):
            continue  # somebody else's artifact, of the same key
        found.update({(task_key, received.key): (task_key, received) for task_key, received in heard})
    return list(found.values())


class Memory:
    """Keeps what one session has heard, in pages that are written one after the other."""

    def __init__(self, directory: str, flow_run_id: UUID) -> None:
        """Set up.

        Args:
            directory: Of the messages.
            flow_run_id: The flow run that shows the artifacts.
        """
        self._directory = directory
        self._key = f"{MEMORY_ARTIFACT}-{directory.rpartition('/')[2]}"
        self._flow_run_id = flow_run_id
        self._artifact_id: UUID | None = None
        self._page: list[Heard] = []
        self._forgets = self._is_forgetting = False

    async def read(self) -> list[Heard]:
        """Read what earlier attempts of the flow run have heard."""
        pages: list[Any] = []
        async with get_client() as client:
            while True:
                artifacts = await client.read_artifacts(
                    artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[self._key])),
                    sort=ArtifactSort.CREATED_DESC,
                    limit=_PAGES_AT_ONCE,
                    offset=len(pages),
                )
                pages += [artifact.data for artifact in artifacts]
                if len(artifacts) < _PAGES_AT_ONCE:
                    return read_memory(reversed(pages), self._directory)

    def forget(self) -> None:
        """Keep nothing of what was kept before."""
        self._page, self._artifact_id = [], None
        self._forgets = self._is_forgetting = True

    async def keep(self, heard: Iterable[Heard]) -> None:
        """Keep more that was heard; if that fails, nothing is noted, and it has to be given again.

        Raises:
            PrefectException: Prefect does not answer; also `HTTPError` and `OSError`.
        """
        page = [*self._page, *heard]
        if len(page) == len(self._page) and not self._is_forgetting:
            return
        text = write_memory(self._directory, page, forgets=self._forgets)
        async with get_client() as client:
            await self._send(client, text)
        self._page, self._is_forgetting = page, False
        if len(text) > _BYTES_OF_A_PAGE:
            self._page, self._artifact_id, self._forgets = [], None, False

    async def _send(self, client: PrefectClient, text: str) -> None:
        if self._artifact_id is None:
            created = await client.create_artifact(
                ArtifactCreate(
                    key=self._key,
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
