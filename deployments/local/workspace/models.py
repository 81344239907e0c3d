"""What the workspace knows about runs: what was asked for, and what became of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployments.local.workspace import states
from deployments.local.workspace.runtime.outputs import CellResult
from deployments.local.workspace.states import State


class RunIf(StrEnum):
    """When a task may start, judged by the tasks that it depends on directly."""

    ALL_SUCCESS = "ALL_SUCCESS"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    NONE_FAILED = "NONE_FAILED"
    ALL_DONE = "ALL_DONE"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"
    ALL_FAILED = "ALL_FAILED"


@dataclass(frozen=True)
class ClusterSpec:
    """A `new_cluster`, as far as it matters on one machine."""

    spark_version: str = ""
    spark_conf: dict[str, str] = field(default_factory=dict)
    spark_env_vars: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NotebookSpec:
    """A `notebook_task`."""

    path: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSpec:
    """A task as it was submitted; `raw` is its JSON, which `runs/get` returns again."""

    key: str
    notebook: NotebookSpec
    cluster: ClusterSpec
    depends_on: tuple[str, ...] = ()
    run_if: RunIf = RunIf.ALL_SUCCESS
    timeout_seconds: int = 0
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSpec:
    """A run as it was submitted."""

    name: str
    tasks: tuple[TaskSpec, ...]
    timeout_seconds: int = 0
    idempotency_token: str = ""
    legacy: bool = False


@dataclass
class TaskRun:
    """One attempt at one task. Times are milliseconds since 1970, 0 while they are not known."""

    run_id: int
    spec: TaskSpec
    state: State = states.BLOCKED
    attempt_number: int = 0
    start_time: int = 0
    ready_time: int = 0
    end_time: int = 0
    cluster_id: str = ""
    exit_value: str | None = None
    exit_truncated: bool = False
    error: str = ""
    error_trace: str = ""
    cells: list[CellResult] = field(default_factory=list)

    @property
    def setup_duration(self) -> int:
        """Milliseconds until the cluster was there."""
        return max(self.ready_time - self.start_time, 0)

    @property
    def execution_duration(self) -> int:
        """Milliseconds for which the notebook ran."""
        return max(self.end_time - self.ready_time, 0) if self.ready_time else 0


@dataclass
class Run:
    """A run and the attempts at its tasks."""

    run_id: int
    job_id: int
    spec: RunSpec
    creator: str
    tasks: list[TaskRun]
    start_time: int
    state: State = states.PENDING
    end_time: int = 0

    def latest(self) -> dict[str, TaskRun]:
        """The last attempt at each task, by its key."""
        attempts: dict[str, TaskRun] = {}
        for task in sorted(self.tasks, key=lambda task: task.attempt_number):
            attempts[task.spec.key] = task
        return attempts
