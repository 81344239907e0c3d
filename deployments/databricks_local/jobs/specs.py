"""What is asked for: runs, their tasks, and what the tasks need. Data only."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from databricks_local.jobs.libraries import Library

CONDITION_OPERATORS = (
    "EQUAL_TO", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL",
)  # fmt: skip
"""`condition_task.op` (docs: ConditionTaskOp)."""


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
    """The fields of a `new_cluster` that matter on one machine; or serverless compute for one task.

    `usage_tags` are what notebooks read of the cluster, by their names. `engine` is what its custom
    tag asks for; empty for the workspace's.
    """

    spark_version: str = ""
    spark_conf: dict[str, str] = field(default_factory=dict)
    spark_env_vars: dict[str, str] = field(default_factory=dict)
    serverless: bool = False
    engine: str = ""
    log_destination: str = ""
    init_scripts: tuple[str, ...] = ()
    usage_tags: dict[str, str] = field(default_factory=dict)


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
    """A `notebook_task`. With `git`, its path is relative to the repository of the run."""

    path: str
    parameters: dict[str, str] = field(default_factory=dict)
    git: bool = False


@dataclass(frozen=True)
class PythonFileSpec:
    """A `spark_python_task`. With `git`, its path is relative to the repository of the run."""

    path: str
    parameters: tuple[str, ...] = ()
    git: bool = False


@dataclass(frozen=True)
class PythonWheelSpec:
    """A `python_wheel_task`."""

    package: str
    entry_point: str
    parameters: tuple[str, ...] = ()
    named_parameters: dict[str, str] = field(default_factory=dict)


ProgramSpec = PythonFileSpec | PythonWheelSpec


@dataclass(frozen=True)
class ConditionSpec:
    """A `condition_task`."""

    op: str
    left: str
    right: str


@dataclass(frozen=True)
class RunJobSpec:
    """A `run_job_task`. `overriding` are its fields that are older than `job_parameters`."""

    job_id: int
    parameters: dict[str, str] = field(default_factory=dict)
    overriding: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ForEachSpec:
    """A `for_each_task`; `inputs` is a JSON array, or a reference to one."""

    inputs: str
    task: "TaskSpec"
    concurrency: int = 1


@dataclass(frozen=True)
class SqlSpec:
    """A `sql_task`: a saved query, or a file. With `git`, its path is relative to the repository."""

    warehouse_id: str
    query_id: str = ""
    path: str = ""
    git: bool = False
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtSpec:
    """A `dbt_task`. With `git`, its project is in the repository of the run.

    Without a warehouse, the project has a profile of its own.
    """

    commands: tuple[str, ...]
    project_directory: str = ""
    git: bool = False
    warehouse_id: str = ""
    catalog: str = ""
    schema: str = ""
    profiles_directory: str = ""


Body = (
    NotebookSpec
    | PythonFileSpec
    | PythonWheelSpec
    | ConditionSpec
    | RunJobSpec
    | ForEachSpec
    | SqlSpec
    | DbtSpec
)
"""What a task does."""


@dataclass(frozen=True)
class RetrySpec:
    """When to retry a failed attempt. `max_retries` -1 means without limit."""

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
        run_if: How those have to end.
        timeout_seconds: After how long an attempt is ended; 0 is never.
        raw: Its JSON.
        cluster_key: The shared cluster that it runs on; empty if it has its own.
        outcomes: The outcome that it needs, by the key of a condition task before it.
        retry: When it is tried again.
        disabled: Whether it is skipped.
        existing_cluster_id: The all-purpose cluster that it runs on; empty if it uses none.
        libraries: The libraries that are installed before it runs.
        alerts: Who is told of it: the fields about notifications, and `health`.
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
    alerts: dict[str, Any] = field(default_factory=dict)


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
    """A run as it was asked for.

    Attributes:
        trigger: What started it.
        trigger_run_id: Of a nested run, the task run that started it.
        trigger_time: Of a run that a trigger started, when it was due; otherwise 0.
        trigger_references: What `{{job.trigger.*}}` says besides.
        schedule: The schedule that started it.
        ancestors: Of a nested run, the jobs that wait for it.
        alerts: Who is told of it: the fields about notifications, and `health`.
    """

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
    trigger_time: int = 0
    trigger_references: dict[str, str] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    alerts: dict[str, Any] = field(default_factory=dict)
