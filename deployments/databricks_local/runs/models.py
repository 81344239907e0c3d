"""What the workspace knows about runs: what was asked for, and what became of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from databricks_local.clusters.library_specs import Library
from databricks_local.jobs.programs import PythonFileSpec, PythonWheelSpec
from databricks_local.runs import states
from databricks_local.runs.states import State
from databricks_local.runtime.outputs import CellResult


class RunIf(StrEnum):
    """When a task may start, judged by the tasks that it depends on directly."""

    ALL_SUCCESS = "ALL_SUCCESS"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    NONE_FAILED = "NONE_FAILED"
    ALL_DONE = "ALL_DONE"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"
    ALL_FAILED = "ALL_FAILED"


class RunType(StrEnum):
    """`run_type`."""

    JOB_RUN = "JOB_RUN"
    WORKFLOW_RUN = "WORKFLOW_RUN"
    SUBMIT_RUN = "SUBMIT_RUN"


@dataclass(frozen=True)
class ClusterSpec:
    """A `new_cluster`, as far as it matters on one machine; or serverless compute for one task."""

    spark_version: str = ""
    spark_conf: dict[str, str] = field(default_factory=dict)
    spark_env_vars: dict[str, str] = field(default_factory=dict)
    serverless: bool = False


@dataclass(frozen=True)
class GitSpec:
    """A `git_source`; `raw` is its JSON, which `runs/get` returns again.

    Attributes:
        url: The repository.
        kind: What the reference is: `branch`, `tag` or `commit`.
        reference: What is checked out.
        raw: Its JSON.
    """

    url: str
    kind: str
    reference: str
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NotebookSpec:
    """A `notebook_task`; with `git`, its path is one of the repository of the run."""

    path: str
    parameters: dict[str, str] = field(default_factory=dict)
    git: bool = False


@dataclass(frozen=True)
class ConditionSpec:
    """A `condition_task`."""

    op: str
    left: str
    right: str


@dataclass(frozen=True)
class RunJobSpec:
    """A `run_job_task`."""

    job_id: int
    parameters: dict[str, str] = field(default_factory=dict)
    notebook_params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ForEachSpec:
    """A `for_each_task`; `inputs` is a JSON array, or a reference to one."""

    inputs: str
    task: "TaskSpec"
    concurrency: int = 1


Body = NotebookSpec | PythonFileSpec | PythonWheelSpec | ConditionSpec | RunJobSpec | ForEachSpec
"""What a task does."""


@dataclass(frozen=True)
class RetrySpec:
    """When a failed attempt is followed by another; `max_retries` -1 is without end."""

    max_retries: int = 0
    min_interval_millis: int = 0
    on_timeout: bool = False


@dataclass(frozen=True)
class TaskSpec:
    """A task as it was submitted; `raw` is its JSON, which `runs/get` returns again.

    Attributes:
        key: Its name in the run.
        body: What it does.
        cluster: Its own or its shared cluster; None if it needs none.
        depends_on: The keys of the tasks before it.
        run_if: What has to have become of those.
        timeout_seconds: After how long an attempt is ended; 0 is never.
        raw: Its JSON.
        cluster_key: The shared cluster that it runs on; empty if it has one to itself.
        outcomes: Of the condition tasks before it, the outcome that it waits for.
        retry: When it is tried again.
        disabled: Whether it is skipped.
        existing_cluster_id: The all-purpose cluster that it runs on; empty if it has another one.
        libraries: What has to be installed before it runs.
    """

    key: str
    body: Body
    cluster: ClusterSpec | None = None
    depends_on: tuple[str, ...] = ()
    run_if: RunIf = RunIf.ALL_SUCCESS
    timeout_seconds: int = 0
    raw: dict[str, Any] = field(default_factory=dict)
    cluster_key: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    retry: RetrySpec = RetrySpec()
    disabled: bool = False
    existing_cluster_id: str = ""
    libraries: tuple[Library, ...] = ()


@dataclass(frozen=True)
class Parameters:
    """What a run was given.

    Attributes:
        job: The job's parameters by name: those that it declares, and those that the request added.
        defaults: The defaults that the job declares.
        notebook: `notebook_params` of the request.
        overriding: `overriding_parameters` as `runs/get` shows them.
    """

    job: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    notebook: dict[str, str] = field(default_factory=dict)
    overriding: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSpec:
    """A run as it was asked for; of a nested one, with the task run that started it, and the jobs above."""

    name: str
    tasks: tuple[TaskSpec, ...]
    timeout_seconds: int = 0
    idempotency_token: str = ""
    legacy: bool = False
    run_type: RunType = RunType.SUBMIT_RUN
    trigger: str = "ONE_TIME"
    trigger_run_id: int = 0
    parameters: Parameters = Parameters()
    job_clusters: tuple[dict[str, Any], ...] = ()
    environments: tuple[dict[str, Any], ...] = ()
    ancestors: tuple[int, ...] = ()
    git: GitSpec | None = None


@dataclass
class TaskRun:
    """One attempt at one task. Times are milliseconds since 1970, 0 while they are not known.

    Attributes:
        run_id: Its id.
        spec: The task.
        state: How far it is.
        attempt_number: Which attempt at the task it is, repairs included, from 0.
        original_run_id: The id of the first attempt.
        round: The repair that it belongs to; 0 is the original run.
        parent_run_id: Of an iteration, the for-each task run; otherwise 0.
        outcome: Of a condition, `true` or `false`.
        resolved: `resolved_values`, once the references are resolved.
        values: What it gave to `dbutils.jobs.taskValues.set`, each as JSON.
        child_run_id: The run that a `run_job_task` started.
        iterations: The attempts that a for-each task made at its inputs.
        total_iterations: How many inputs a for-each task has.
        logs: What a program wrote, the end of it.
        logs_truncated: Whether it wrote more.
        input_index: Of an iteration, which of the inputs it has; otherwise -1.
        kept: Of a for-each task, the iterations of earlier attempts that succeeded and do not run again.
        stored: Whether its output is in the database, and no longer here.
    """

    run_id: int
    spec: TaskSpec
    state: State = states.BLOCKED
    attempt_number: int = 0
    original_run_id: int = 0
    round: int = 0
    parent_run_id: int = 0
    start_time: int = 0
    ready_time: int = 0
    end_time: int = 0
    cluster_id: str = ""
    exit_value: str | None = None
    exit_truncated: bool = False
    error: str = ""
    error_trace: str = ""
    outcome: str = ""
    resolved: dict[str, Any] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    child_run_id: int = 0
    total_iterations: int = 0
    input_index: int = -1
    kept: list[int] = field(default_factory=list)
    cells: list[CellResult] = field(default_factory=list)
    iterations: list["TaskRun"] = field(default_factory=list)
    logs: str = ""
    logs_truncated: bool = False
    stored: bool = False

    @property
    def setup_duration(self) -> int:
        """Milliseconds until the cluster was there."""
        return max(self.ready_time - self.start_time, 0)

    @property
    def execution_duration(self) -> int:
        """Milliseconds for which the task ran."""
        return max(self.end_time - self.ready_time, 0) if self.ready_time else 0


@dataclass
class Round:
    """The original run or a repair of it: an item of `repair_history`. The last one's state is the run's."""

    repair_id: int
    start_time: int
    end_time: int = 0
    state: State = states.PENDING


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
    parameters: Parameters = Parameters()
    rounds: list[Round] = field(default_factory=list)
    queued_until: int = 0
    pending_repair_id: int = 0
    used_commit: str = ""

    @property
    def active(self) -> bool:
        """Whether anything of it may still change by itself, a repair that is not visible yet included."""
        return not self.state.terminal or self.pending_repair_id != 0

    @property
    def latest_repair_id(self) -> int:
        """The id of the last repair, 0 if there was none."""
        return self.pending_repair_id or self.rounds[-1].repair_id

    def latest(self) -> dict[str, TaskRun]:
        """The last attempt at each task, by its key."""
        attempts: dict[str, TaskRun] = {}
        for task in self.tasks:
            known = attempts.get(task.spec.key)
            if known is None or known.attempt_number <= task.attempt_number:
                attempts[task.spec.key] = task
        return attempts

    def latest_of(self, task: TaskRun) -> TaskRun:
        """The last attempt at the task that an attempt, or an iteration of it, belongs to."""
        parents = {each.run_id: top for top in self.tasks for each in top.iterations}
        return self.latest()[parents.get(task.run_id, task).spec.key]

    def iterations_of(self, task: TaskRun) -> list[TaskRun]:
        """What a for-each task shows: the iterations that it kept, then those that it made."""
        kept = set(task.kept)
        made = (each for top in self.tasks for each in top.iterations)
        return [*(each for each in made if each.run_id in kept), *task.iterations]
