"""Asking for repairs of a run, each once, and knowing one that somebody else asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.run.launchers import Launcher
from databricks_blocks.run.repair_policy import Repair, repair_body
from databricks_blocks.run.repair_watch import ExpectedRepair, RepairWatch
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_blocks.workspace.runs_api import get_run, repair_run
from databricks_blocks.workspace.thread_calls import ThreadCalls, unless_done

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class Repairing:
    """Asks for the repairs of one life."""

    def __init__(
        self,
        client: WorkspaceClient,
        launcher: Launcher,
        calls: ThreadCalls,
        repair_watch: RepairWatch,
        polling: PollingPolicy,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._client = client
        self._launcher = launcher
        self._calls = calls
        self._repair_watch = repair_watch
        self._polling = polling
        self._sleep = sleep
        self._settings_changed = False

    async def request(self, ended: RunSnapshot, repair: Repair) -> int | None:
        """Have tasks of a run run again.

        Args:
            ended: The run as it ended.
            repair: What is to run again.

        Returns:
            The repair id; `None` if it is not known, since somebody else asked or the answer was lost.

        Raises:
            DatabricksRunRefused: The workspace does not repair the run, and nobody else has it repaired.
        """
        body = repair_body(ended, repair, self._launcher.parameters)

        def ask() -> None:
            # In the thread, so that a cancel that comes meanwhile waits for the repair as well.
            self._repair_watch.expect(ExpectedRepair(ended.repair_ids, repair_run(self._client, body)))

        try:
            if repair.new_settings:
                self._settings_changed = True
                await self._calls.outlive(partial(self._launcher.change_settings, repair.new_settings))
            await self._calls.outlive(unless_done(ask, partial(self._is_repaired, ended)))
        except DatabricksRunRefused as refused:
            if not await self._is_repaired_by_another(ended, refused):
                raise
            return None
        return self._repair_watch.repair_id

    def restore_settings(self) -> None:
        """Give the saved job the settings back that repairs changed."""
        if self._settings_changed:
            self._launcher.restore_settings()

    def _is_repaired(self, ended: RunSnapshot) -> bool:
        """Whether a run that had ended has another repair now; if so, the repair is waited for."""
        run = RunSnapshot.from_json(get_run(self._client, ended.run_id))
        new_id = run.repair_ids[-1] if run.repair_ids != ended.repair_ids else None
        if new_id is None and run.state.is_terminal:
            return False
        self._repair_watch.expect(ExpectedRepair(ended.repair_ids, new_id))
        return True

    async def _is_repaired_by_another(self, ended: RunSnapshot, refused: DatabricksRunRefused) -> bool:
        """Whether a person asked for a repair, or this flow did before it was killed."""
        if refused.says_another_repair:
            self._repair_watch.expect(ExpectedRepair(ended.repair_ids))
        while not await self._calls.outlive(partial(self._is_repaired, ended)):
            if not refused.says_another_repair or self._repair_watch.is_given_up:
                self._repair_watch.expect(None)
                return False
            await self._sleep(self._polling.pause(self._repair_watch.waited))
        return True
