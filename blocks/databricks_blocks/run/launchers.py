"""The three ways to launch a job. Each can be repeated: a generation is always the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.job.api_fields import CHANGED_TAG, HASH_TAG
from databricks_blocks.job.request_bodies import create_body, run_now_body, run_parameters, submit_body
from databricks_blocks.job.specification import JobSpecification, with_new_settings, with_parameters
from databricks_blocks.job.subset import subset_submit_body, tasks_for_new_submit
from databricks_blocks.run.repair_policy import Repair
from databricks_blocks.run.repair_watch import ExpectedRepair
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.jobs_api import job_of_settings, reset_job, run_now
from databricks_blocks.workspace.runs_api import list_runs, submit_run

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_ID_LENGTH = 32
"""Length of the flow run id in a token."""
_MOST_ACTIVE_RUNS = 10_000

Token = Callable[[int], str]
"""Makes the idempotency token of a generation. It begins with the hex id of the outermost flow run."""


def fingerprint(facts: Any) -> str:
    """Make a hash of facts that are JSON; 64 characters, the same in every process."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def idempotency_token(root_id: UUID, call: str, occurrence: int = 0, generation: int = 0) -> str:
    """Name a launch so that launching it again returns the run that is there.

    Args:
        root_id: Id of the outermost flow run. A retry keeps it, whereas a subflow gets a new id.
        call: Fingerprint of what is launched, and where; a changed specification is another launch.
        occurrence: Counts the calls that are equal in this.
        generation: Counts the deliberate launches of the same call.

    Returns:
        57 characters: the id, then a hash of the rest. Databricks takes 64 at most.
    """
    return f"{root_id.hex}-{fingerprint([call, occurrence, generation])[:24]}"


def active_runs(client: WorkspaceClient, specification: JobSpecification) -> list[int]:
    """Find the runs of a job that have not ended, whoever launched them; their ids.

    Args:
        client: SDK client of the workspace.
        specification: The job. An existing job is told by its id, any other by its name.
    """
    job_id = specification.existing_job_id
    listed = list_runs(client, limit=_MOST_ACTIVE_RUNS, job_id=job_id, active_only=True)
    return [run["run_id"] for run in listed if job_id or run.get("run_name") == specification.name]


class Launcher(Protocol):
    """How a job is launched. The calls block, and each can be repeated."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters of the launch that have to be sent again with every repair."""

    @property
    def expected_repair(self) -> ExpectedRepair | None:
        """A repair that the started run has to show before it can be over; `None`: there is none."""

    def token(self, generation: int) -> str:
        """The idempotency token of a generation; empty if the launch has none."""

    def start(self, generation: int) -> int:
        """Start the whole job, or find the run of this generation; the run id."""

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """Start a run in place of a refused repair; the run id, or `None` if there is only repair."""

    def active_runs(self) -> list[int]:
        """Find the runs of the job that have not ended, whoever launched them; their ids."""

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Merge settings into the clusters of the saved job, for the repair of its run.

        Raises:
            DatabricksRunRefused: A repair cannot have other settings; a run in its place can.
        """

    def restore_settings(self) -> None:
        """Undo what `change_settings` did."""


class SubmitLauncher:
    """One `jobs/runs/submit`; in place of a refused repair, another one with the tasks that run again."""

    parameters: Mapping[str, Any] = {}
    expected_repair: ExpectedRepair | None = None

    def __init__(self, client: WorkspaceClient, specification: JobSpecification, token: Token) -> None:
        self._client = client
        self._specification = specification
        self.token = token

    def start(self, generation: int) -> int:
        """Submit all tasks."""
        return submit_run(self._client, submit_body(self._specification, token=self.token(generation)))

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """Submit the tasks to repair, those after them, and those whose values they read."""
        failed = repair.task_keys or tuple(task.task_key for task in run.tasks if not task.state.is_fine)
        outcomes = {task.task_key: task.outcome for task in run.tasks if task.outcome}
        specification = with_new_settings(self._specification, repair.new_settings)
        if repair.job_parameters:
            specification = with_parameters(specification, repair.job_parameters)
        keys = tasks_for_new_submit(specification, failed, outcomes=outcomes)
        body = subset_submit_body(specification, keys, token=self.token(generation), outcomes=outcomes)
        return submit_run(self._client, body)

    def active_runs(self) -> list[int]:
        """Find the active runs of this name."""
        return active_runs(self._client, self._specification)

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse a repair, which would keep the clusters as they were submitted.

        Raises:
            DatabricksRunRefused: Always; the settings go into the run in place of the repair.
        """
        raise DatabricksRunRefused("A submitted run keeps its clusters; a new run gets the changed settings.")

    def restore_settings(self) -> None:
        """Nothing was changed."""


class RunNowLauncher:
    """A run of a job that is saved once for its settings; its tasks share clusters."""

    expected_repair: ExpectedRepair | None = None

    def __init__(self, client: WorkspaceClient, specification: JobSpecification, token: Token) -> None:
        self._client = client
        self._specification = specification
        self.token = token
        self._job_id: int | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The job parameters."""
        return run_parameters(self._specification)

    def start(self, generation: int) -> int:
        """Find or create the job, and run it."""
        body = run_now_body(self._specification, self._job(), token=self.token(generation))
        return run_now(self._client, body)

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """None: a run of a saved job can be repaired."""
        return None

    def active_runs(self) -> list[int]:
        """Find the active runs of the job."""
        return active_runs(self._client, self._specification)

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Merge settings into the clusters of the job: a repair uses the job as it is (docs: repair)."""
        changed = create_body(with_new_settings(self._specification, settings))
        # The hash stays: it says which specification the job belongs to. The other tag says who changed the
        # job, so that the sweep can undo it if this process is killed. A token begins with the flow run id.
        by = {CHANGED_TAG: self.token(0)[:_ID_LENGTH]}
        tags = {**create_body(self._specification)["tags"], **by}
        reset_job(self._client, self._job(), {**changed, "tags": tags})

    def restore_settings(self) -> None:
        """Give the job back the settings of its specification."""
        reset_job(self._client, self._job(), create_body(self._specification))

    def _job(self) -> int:
        if self._job_id is None:
            self._job_id = job_of_settings(self._client, create_body(self._specification), HASH_TAG)
        return self._job_id


class ExistingJobLauncher(RunNowLauncher):
    """A run of a job that somebody else takes care of; its settings are left alone."""

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Not ours to change."""

    def restore_settings(self) -> None:
        """Nothing was changed."""

    def _job(self) -> int:
        if self._specification.existing_job_id is None:
            raise ValueError(f"`{self._specification.name}` names no existing job.")
        return self._specification.existing_job_id


_LAUNCHERS: dict[str, type[SubmitLauncher] | type[RunNowLauncher]] = {
    "submit": SubmitLauncher,
    "run_now": RunNowLauncher,
    "existing_job": ExistingJobLauncher,
}


def launcher_of(client: WorkspaceClient, specification: JobSpecification, token: Token) -> Launcher:
    """Choose the way that the specification asks for.

    Args:
        client: SDK client of the workspace.
        specification: The job.
        token: Makes the idempotency token of a generation.
    """
    return _LAUNCHERS[specification.launch](client, specification, token)
