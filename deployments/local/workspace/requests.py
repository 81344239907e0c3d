"""Turns the body of `jobs/runs/submit` into a specification, or refuses it in Databricks' words. Pure."""

import json
import re
from collections.abc import Sequence

from deployments.local.workspace import errors
from deployments.local.workspace.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_object,
    read_objects,
    read_required_string,
    read_string,
    read_strings,
)
from deployments.local.workspace.errors import invalid_parameter
from deployments.local.workspace.models import ClusterSpec, NotebookSpec, RunIf, RunSpec, TaskSpec
from deployments.local.workspace.scheduling import topological_order

MAX_TASKS = 100
MAX_TOKEN_LENGTH = 64
MAX_PARAMETER_BYTES = 1_000_000
MAX_TIMEOUT_SECONDS = 2**31 - 1

_TASK_KEY = re.compile(r"[\w\-]{1,100}", re.ASCII)
_RUN_IF = tuple(RunIf)
_SOURCES = ("WORKSPACE", "GIT")
_DOUBTFUL_IN_KEY = re.compile(r"[^\w\-]+", re.ASCII)


def parse_submit(body: Json) -> RunSpec:
    """Read a run to submit.

    Args:
        body: The request, with `tasks`, or in the format of one task without them, which Airflow still sends.

    Returns:
        What is to be run.

    Raises:
        ApiError: If Databricks would refuse the request, or if it needs what is not served here.
    """
    _refuse_shared_clusters(body)
    token = read_string(body, "idempotency_token")
    if len(token) > MAX_TOKEN_LENGTH:
        raise invalid_parameter(f"idempotency_token must be at most {MAX_TOKEN_LENGTH} characters long.")
    if read_object(body, "git_source") is not None:
        raise errors.not_served("git_source")
    name = read_string(body, "run_name") or "Untitled"
    legacy = body.get("tasks") is None
    raw_tasks = [_legacy_task(body, name)] if legacy else read_objects(body, "tasks")
    if not raw_tasks:
        raise invalid_parameter("At least one task must be specified.")
    if len(raw_tasks) > MAX_TASKS:
        raise invalid_parameter(f"The number of tasks must be at most {MAX_TASKS}, but is {len(raw_tasks)}.")
    tasks = tuple(_task(raw) for raw in raw_tasks)
    _check_graph(tasks)
    return RunSpec(name, tasks, _timeout(body), token, legacy)


def _refuse_shared_clusters(body: Json) -> None:
    holders = [body, *(read_objects(body, "tasks"))]
    if body.get("job_clusters") or any(holder.get("job_cluster_key") for holder in holders):
        raise errors.shared_cluster_not_supported()


def _legacy_task(body: Json, name: str) -> Json:
    """The one task of a body without `tasks`; its key is made from the name of the run (flytekit#1935)."""
    run_fields = {"run_name", "idempotency_token", "timeout_seconds", "tasks", "access_control_list"}
    task = {field: value for field, value in body.items() if field not in run_fields}
    return {**task, "task_key": _DOUBTFUL_IN_KEY.sub("_", name)[:100]}


def _task(raw: Json) -> TaskSpec:
    key = read_required_string(raw, "task_key")
    if not _TASK_KEY.fullmatch(key):
        raise invalid_parameter(
            f"Task key '{key[:120]}' is invalid: 1 to 100 letters, digits, hyphens and underscores."
        )
    _refuse_unserved(raw)
    return TaskSpec(
        key=key,
        notebook=_notebook(raw, key),
        cluster=_cluster(raw),
        depends_on=_dependencies(raw, key),
        run_if=RunIf(read_choice(raw, "run_if", _RUN_IF, RunIf.ALL_SUCCESS)),
        timeout_seconds=_timeout(raw),
        raw=raw,
    )


def _refuse_unserved(raw: Json) -> None:
    """Name what would be ignored otherwise: a run that quietly does less than asked for is no help."""
    for field in sorted(raw):
        if field.endswith("_task") and field != "notebook_task" and raw[field] is not None:
            raise errors.not_served(f"Task type {field}")
    if read_boolean(raw, "disabled"):
        raise errors.not_served("disabled")
    if read_integer(raw, "max_retries"):
        raise errors.not_served("max_retries")
    if read_objects(raw, "libraries"):
        raise errors.not_served("libraries")


def _notebook(raw: Json, key: str) -> NotebookSpec:
    task = read_object(raw, "notebook_task")
    if task is None:
        raise invalid_parameter(f"Task {key} has no task body such as notebook_task.")
    if read_choice(task, "source", _SOURCES, "WORKSPACE") == "GIT":
        raise errors.not_served("A notebook with source GIT")
    path = read_required_string(task, "notebook_path")
    if not path.startswith("/"):
        raise invalid_parameter("Only absolute paths are currently supported. Paths must begin with '/'.")
    parameters = read_strings(task, "base_parameters")
    if len(json.dumps(parameters)) > MAX_PARAMETER_BYTES:
        raise invalid_parameter(f"base_parameters must be at most {MAX_PARAMETER_BYTES} bytes as JSON.")
    return NotebookSpec(path, parameters)


def _cluster(raw: Json) -> ClusterSpec:
    cluster_id = read_string(raw, "existing_cluster_id")
    if cluster_id:
        raise invalid_parameter(f"Cluster {cluster_id} does not exist")
    if read_string(raw, "environment_key"):
        raise errors.not_served("Serverless compute (environment_key)")
    cluster = read_object(raw, "new_cluster")
    if cluster is None:
        raise errors.compute_missing()
    environment = read_strings(cluster, "spark_env_vars")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise invalid_parameter(f"spark_env_vars has an invalid entry: {name!r}")
    return ClusterSpec(
        read_string(cluster, "spark_version"), read_strings(cluster, "spark_conf"), environment
    )


def _dependencies(raw: Json, key: str) -> tuple[str, ...]:
    names: list[str] = []
    for dependency in read_objects(raw, "depends_on"):
        if read_string(dependency, "outcome"):
            raise invalid_parameter(
                f"Task {key}: depends_on.outcome is only for dependencies on a condition_task."
            )
        names.append(read_required_string(dependency, "task_key"))
    return tuple(dict.fromkeys(names))


def _timeout(body: Json) -> int:
    seconds = read_integer(body, "timeout_seconds")
    if not 0 <= seconds <= MAX_TIMEOUT_SECONDS:
        raise invalid_parameter("timeout_seconds must be 0 or a positive number.")
    return seconds


def _check_graph(tasks: Sequence[TaskSpec]) -> None:
    keys = [task.key for task in tasks]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise invalid_parameter(f"Task keys must be unique, but these are repeated: {', '.join(repeated)}.")
    for task in tasks:
        for name in task.depends_on:
            if name not in keys:
                raise invalid_parameter(f"Task '{task.key}' depends on the unknown task '{name[:120]}'.")
    if topological_order(tasks) is None:
        raise invalid_parameter("The dependencies of the tasks form a cycle.")
