"""The outputs of tasks; each is read once, however often it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.run.snapshot import TaskAttempt
from databricks_blocks.workspace.polling import DEFAULT_POLLING, PollingPolicy, outlive
from databricks_blocks.workspace.runs_api import get_run_output

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_CALLS_AT_ONCE = 4


class TaskOutputs:
    """Reads outputs, a few at a time."""

    def __init__(self, client: WorkspaceClient, policy: PollingPolicy = DEFAULT_POLLING) -> None:
        self._client = client
        self._policy = policy
        self._reading: dict[int, asyncio.Task[Mapping[str, Any]]] = {}
        self._free = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def of(self, attempt: TaskAttempt) -> Mapping[str, Any]:
        """Read the output (`jobs/runs/get-output`) of an attempt that has ended; empty if its kind has none.

        Raises:
            DatabricksUnreachable: The workspace did not answer for too long.
        """
        if attempt.state.is_success and not attempt.has_output:
            return {}
        if attempt.run_id not in self._reading:
            self._reading[attempt.run_id] = asyncio.create_task(self._read(attempt.run_id))
        return await asyncio.shield(self._reading[attempt.run_id])

    async def _read(self, task_run_id: int) -> Mapping[str, Any]:
        async with self._free:
            try:
                return await outlive(
                    lambda: asyncio.to_thread(get_run_output, self._client, task_run_id), self._policy
                )
            except DatabricksRunRefused:
                # Not every kind of task has an output, and which ones do is not documented.
                return {}
