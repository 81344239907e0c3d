"""The table of assets, or of checks, on the page of a flow run: it grows, and shows the latest rows."""

from __future__ import annotations

import json
from collections import deque
from typing import Any
from uuid import UUID

from databricks_blocks.pipes.received import Received
from databricks_blocks.pipes.results import pipes_result
from prefect import get_client
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import EventTooLarge

from databricks_flows.pipes.tables import asset_row, check_row

MOST_ROWS = 500
"""Each change sends the whole table."""


class ResultTable:
    """One table of a session."""

    def __init__(self, key: str, description: str) -> None:
        """Set up; an empty table is not shown.

        Args:
            key: Key of the artifact.
            description: What its rows are.
        """
        self.key = key
        self._description = description
        self._latest: deque[tuple[str, Received]] = deque(maxlen=MOST_ROWS)
        self._count = 0
        self._shown = 0
        self._artifact_id: UUID | None = None

    @property
    def has_news(self) -> bool:
        """Whether it is to be shown anew."""
        return self._count != self._shown

    def add(self, task_key: str, received: Received) -> None:
        """Add a row.

        Args:
            task_key: The task that said it.
            received: The asset or check.
        """
        self._latest.append((task_key, received))
        self._count += 1

    def clear(self) -> None:
        """Begin anew."""
        self._latest.clear()
        self._count = 0

    async def show(self, partition_key: str) -> None:
        """Show the rows.

        Args:
            partition_key: The partition of the run.
        """
        # Rows that came since this was sent are shown with it; the next one has nothing to do then.
        if not self.has_news:
            return
        self._shown = self._count
        result = pipes_result(self._latest, partition_key)
        rows: list[dict[str, Any]] = [*map(asset_row, result.assets), *map(check_row, result.checks)]
        left_out = self._count - len(rows)
        description = self._description + (f"; {left_out:,} earlier ones are left out" if left_out else "")
        if self._artifact_id is None:
            self._artifact_id = await acreate_table_artifact(rows, key=self.key, description=description)
            return
        async with get_client() as client:
            try:
                change = ArtifactUpdate(data=json.dumps(rows), description=description)
                await client.update_artifact(self._artifact_id, change)
            except EventTooLarge:
                # It is shown; only the event about it, which nobody needs, is too large.
                return
