"""Launching the repair of a run that is there, as a person asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.run.repair_policy import Repair, repair_body
from databricks_blocks.run.repair_watch import ExpectedRepair
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.runs_api import get_run, repair_run

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def launch_parameters(run: Mapping[str, Any]) -> dict[str, Any]:
    """Find the parameters of a launch, which have to be sent again with a repair (airflow#64828).

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
    """One repair of one run; started again, it is the same repair.

    Attributes:
        expected_repair: The repair, which the run may show minutes later; `None` before it is asked for.
    """

    parameters: Mapping[str, Any] = {}

    def __init__(
        self,
        client: WorkspaceClient,
        run: Mapping[str, Any],
        repair: Repair,
        *,
        taken_up: bool = False,
    ) -> None:
        """Set up.

        Args:
            client: SDK client of the workspace.
            run: The run before the repair, as `jobs/runs/get` answers.
            repair: What is to run again.
            taken_up: Whether an earlier process may have asked for the repair. A run that is active, or has
                succeeded, then needs no other one.
        """
        self.expected_repair: ExpectedRepair | None = None
        self._client = client
        self._before = RunSnapshot.from_json(run)
        self._body = repair_body(self._before, repair, launch_parameters(run))
        succeeded = self._before.state.result_state == "SUCCESS"
        self._is_under_way = taken_up and (succeeded or not self._before.state.is_terminal)

    def token(self, generation: int) -> str:
        """Empty: the workspace knows a repair by the repair before it."""
        return ""

    def start(self, generation: int) -> int:
        """Ask for the repair; the run id.

        Raises:
            DatabricksRunRefused: The workspace does not repair the run.
            DatabricksUnreachable: It did not answer.
        """
        if not self._is_under_way and self.expected_repair is None:
            self.expected_repair = ExpectedRepair(self._before.repair_ids, self._ask())
        return self._before.run_id

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """None: there is nothing but the repair."""
        return None

    def active_runs(self) -> list[int]:
        """The run, if it shows another repair or is active."""
        now = RunSnapshot.from_json(get_run(self._client, self._before.run_id))
        repaired = ExpectedRepair(self._before.repair_ids).is_shown_by(now)
        return [now.run_id] if repaired or not now.state.is_terminal else []

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Leave the settings alone: the job is not ours."""

    def restore_settings(self) -> None:
        """Do nothing: nothing was changed."""

    def _ask(self) -> int | None:
        """The repair id; `None` if the answer to an earlier request was lost."""
        try:
            return repair_run(self._client, self._body)
        except DatabricksRunRefused as refused:
            # The run had ended. If it is active or repaired now, an earlier request was heard.
            if self._before.state.is_terminal and (refused.says_another_repair or self._shows_another()):
                return None
            raise

    def _shows_another(self) -> bool:
        now = RunSnapshot.from_json(get_run(self._client, self._before.run_id))
        return ExpectedRepair(self._before.repair_ids).is_shown_by(now)
