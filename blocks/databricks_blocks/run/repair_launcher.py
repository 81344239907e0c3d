"""The repair of a run that is there, as a way to launch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.run.repair_policy import Repair, repair_body
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_blocks.workspace.runs_api import get_run, repair_run

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_SECONDS_UNTIL_SEEN = 120.0
"""For so long a repair may be invisible (airflow#68358: up to minutes)."""


def launch_parameters(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a run was launched with, to be sent again with its repair (airflow#64828).

    Args:
        run: The answer of `jobs/runs/get`.
    """
    job_parameters = {
        parameter["name"]: parameter["value"]
        for parameter in run.get("job_parameters") or ()
        if parameter.get("value") is not None
    }
    if job_parameters:  # then it has none of those by kind of task (docs: jobs/run-now)
        return {"job_parameters": job_parameters}
    return dict(run.get("overriding_parameters") or {})


class RepairLauncher:
    """One repair of one run; started again, it is the same repair."""

    parameters: Mapping[str, Any] = {}

    def __init__(
        self,
        client: WorkspaceClient,
        run: Mapping[str, Any],
        repair: Repair,
        *,
        taken_up: bool = False,
        polling: PollingPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up.

        Args:
            client: SDK client of the workspace.
            run: The run before the repair, as `jobs/runs/get` answers.
            repair: What is to be run again.
            taken_up: Whether the repair was asked for before, by a process that has ended. A run that is
                active, or has succeeded, then needs no other one.
            polling: How often to look whether the repair is to be seen.
            clock: Seconds that only grow.
            sleep: Waits for a number of seconds.
        """
        self._client = client
        self._before = RunSnapshot.from_json(run)
        self._body = repair_body(self._before, repair, launch_parameters(run))
        succeeded = self._before.state.result_state == "SUCCESS"
        self._is_under_way = taken_up and (succeeded or not self._before.state.is_terminal)
        self._is_heard = False
        self._polling = polling or PollingPolicy()
        self._clock = clock
        self._sleep = sleep

    def start(self, generation: int) -> int:
        """Ask for the repair, and wait until it is to be seen; the run id.

        Raises:
            DatabricksRunRefused: The workspace does not repair the run.
            DatabricksUnreachable: It did not answer, or the repair is not to be seen.
        """
        if not self._is_under_way:
            self._ask()
            self._wait_until_seen()
        return self._before.run_id

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """There is nothing but repair."""
        return None

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Not ours to change."""

    def restore_settings(self) -> None:
        """Nothing was changed."""

    def _ask(self) -> None:
        if self._is_heard:
            return
        try:
            repair_run(self._client, self._body)
        except DatabricksRunRefused as refused:
            # The answer to a request before may be lost; then the run had ended, and is active or repaired.
            had_ended = self._before.state.is_terminal
            if not (had_ended and (refused.says_active or self._is_seen())):
                raise
        self._is_heard = True

    def _wait_until_seen(self) -> None:
        since = self._clock()
        while not self._is_seen():
            waited = self._clock() - since
            if waited > _SECONDS_UNTIL_SEEN:
                raise DatabricksUnreachable(
                    f"The repair of run {self._before.run_id} was accepted, but is not to be seen in the run "
                    f"after {waited:.0f} s."
                )
            self._sleep(self._polling.pause(waited))

    def _is_seen(self) -> bool:
        return RunSnapshot.from_json(get_run(self._client, self._before.run_id)).repair_ids != (
            self._before.repair_ids
        )
