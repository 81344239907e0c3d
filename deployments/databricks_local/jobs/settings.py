"""The settings of saved jobs: read, changed, and turned into runs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_integer,
    read_object,
    read_objects,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.alerts import read_alerts
from databricks_local.jobs.compute import parse_shared
from databricks_local.jobs.git_specs import check_sources, read_git_source
from databricks_local.jobs.graph import reachable
from databricks_local.jobs.specs import GitSpec, TaskSpec
from databricks_local.jobs.submit_request import single_task
from databricks_local.jobs.task_specs import SERVED_BODIES, check_graph, parse_task, read_seconds
from databricks_local.jobs.triggers import TriggerSpec, parse_trigger

MAX_TASKS = 1_000
MAX_CONCURRENT_RUNS = 1_000
DEFAULT_NAME = "Untitled"

MERGED_ARRAYS = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}
"""Arrays of the settings whose elements `jobs/update` replaces by key (docs: update)."""


@dataclass(frozen=True)
class JobSpec:
    """The settings of a job that matter to its runs."""

    name: str
    tasks: tuple[TaskSpec, ...] = ()
    job_clusters: tuple[Json, ...] = ()
    environments: tuple[Json, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    max_concurrent_runs: int = 1
    queue: bool = False
    timeout_seconds: int = 0
    git: GitSpec | None = None
    trigger: TriggerSpec | None = None
    schedule: Json = field(default_factory=dict)
    alerts: Json = field(default_factory=dict)


def complete_settings(settings: Json, version: str) -> Json:
    """Add what Databricks adds to the settings of a job that is created or reset.

    Args:
        settings: As they were sent.
        version: The version of the API that they were sent to.
    """
    if settings.get("tasks") is None and settings.get("job_clusters"):
        raise errors.shared_cluster_without_tasks()
    name = read_string(settings, "name") or DEFAULT_NAME
    complete: Json = {
        "email_notifications": {},
        "webhook_notifications": {},
        "timeout_seconds": 0,
        "max_concurrent_runs": 1,
        **settings,
        "name": name,
        "format": "MULTI_TASK",
    }
    if version == "2.2":
        # Jobs created through 2.2 queue by default; those of 2.0 and 2.1 do not (docs: queue).
        complete.setdefault("queue", {"enabled": True})
    if settings.get("tasks") is None and any(settings.get(body) is not None for body in SERVED_BODIES):
        # The old format without `tasks` (docs: Jobs API 2.0).
        task_fields = {*SERVED_BODIES, "new_cluster", "existing_cluster_id", "libraries", "max_retries",
                       "min_retry_interval_millis", "retry_on_timeout"}  # fmt: skip
        task = single_task({key: settings[key] for key in task_fields if key in settings}, name)
        complete = {key: value for key, value in complete.items() if key not in task_fields}
        complete["tasks"] = [task]
    return complete


def parse_settings(settings: Json) -> JobSpec:
    """Read the settings of a job, or refuse them."""
    git = read_git_source(settings)
    raw_tasks = read_objects(settings, "tasks")
    if len(raw_tasks) > MAX_TASKS:
        raise invalid_parameter(f"The number of tasks must be at most {MAX_TASKS}, but is {len(raw_tasks)}.")
    job_clusters = read_objects(settings, "job_clusters")
    environments = read_objects(settings, "environments")
    shared = parse_shared(job_clusters, environments)
    tasks = tuple(parse_task(raw, shared, git=git is not None) for raw in raw_tasks)
    check_graph(tasks)
    check_sources(tasks, git)
    concurrent = read_integer(settings, "max_concurrent_runs", 1)
    # 0 is allowed and skips every run (docs: max_concurrent_runs).
    if not 0 <= concurrent <= MAX_CONCURRENT_RUNS:
        raise invalid_parameter(f"max_concurrent_runs must be between 0 and {MAX_CONCURRENT_RUNS}.")
    return JobSpec(
        name=read_string(settings, "name") or DEFAULT_NAME,
        tasks=tasks,
        job_clusters=tuple(job_clusters),
        environments=tuple(environments),
        parameters=_parameters(settings),
        max_concurrent_runs=concurrent,
        queue=queue_enabled(settings, False),
        timeout_seconds=read_seconds(settings, "timeout_seconds"),
        git=git,
        trigger=parse_trigger(settings),
        schedule=read_object(settings, "schedule") or {},
        alerts=read_alerts(settings),
    )


def queue_enabled(body: Json, default: bool) -> bool:
    """Whether `queue` says that runs wait."""
    queue = read_object(body, "queue")
    return default if queue is None else read_boolean(queue, "enabled")


def updated_settings(settings: Json, changes: Json, removed: Sequence[str]) -> Json:
    """The settings after `jobs/update`.

    Args:
        settings: The present ones.
        changes: `new_settings`: fields are replaced as a whole, tasks and job clusters by their keys.
        removed: `fields_to_remove`: names of fields, or `tasks/KEY` and `job_clusters/KEY`.
    """
    updated = dict(settings)
    for path in removed:
        name, _, key = path.partition("/")
        if not key:
            updated.pop(name, None)
        elif name in MERGED_ARRAYS:
            kept = [item for item in read_objects(updated, name) if item.get(MERGED_ARRAYS[name]) != key]
            updated[name] = kept
        else:
            raise invalid_parameter(f"The field {path[:200]} cannot be removed.")
    for name, value in changes.items():
        if name in MERGED_ARRAYS:
            key_field = MERGED_ARRAYS[name]
            merged = {item.get(key_field): item for item in read_objects(updated, name)}
            for item in read_objects(changes, name):
                merged[read_required_string(item, key_field)] = item
            updated[name] = list(merged.values())
        else:
            updated[name] = value
    updated["format"] = "MULTI_TASK"
    return updated


def selected_tasks(spec: JobSpec, only: Sequence[str]) -> tuple[TaskSpec, ...]:
    """The tasks that `only` names: `+key` with all before it, `key+` with all after it (SDK: run_now).

    Tasks do not wait for dependencies that are left out.
    """
    by_key = {task.key: task for task in spec.tasks}
    before = {task.key: list(task.depends_on) for task in spec.tasks}
    after: dict[str, list[str]] = {}
    for task in spec.tasks:
        for name in task.depends_on:
            after.setdefault(name, []).append(task.key)
    chosen: set[str] = set()
    for name in only:
        key = name.strip("+")
        if key not in by_key:
            raise invalid_parameter(f"Task '{key[:120]}' does not exist in the job.")
        chosen.add(key)
        if name.startswith("+"):
            chosen |= reachable([key], before)
        if name.endswith("+"):
            chosen |= reachable([key], after)
    return tuple(task for task in spec.tasks if task.key in chosen)


def _parameters(settings: Json) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for item in read_objects(settings, "parameters"):
        name = read_required_string(item, "name")
        if name in parameters:
            raise invalid_parameter(f"Parameter names must be unique, but '{name[:120]}' is repeated.")
        parameters[name] = read_string(item, "default")
    return parameters
