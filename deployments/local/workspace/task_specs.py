"""Reads tasks out of request bodies, or refuses them in Databricks' words. Pure."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from deployments.local.workspace import errors
from deployments.local.workspace.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_object,
    read_objects,
    read_required_integer,
    read_required_string,
    read_string,
    read_strings,
)
from deployments.local.workspace.conditions import OPERATORS
from deployments.local.workspace.errors import invalid_parameter
from deployments.local.workspace.models import (
    Body,
    ClusterSpec,
    ConditionSpec,
    ForEachSpec,
    NotebookSpec,
    RetrySpec,
    RunIf,
    RunJobSpec,
    TaskSpec,
)
from deployments.local.workspace.scheduling import topological_order

MAX_PARAMETER_BYTES = 1_000_000
MAX_SECONDS = 2**31 - 1
MAX_CONCURRENCY = 100
"""Docs: for-each tasks, up to 100 iterations at once."""

SERVED_BODIES = ("notebook_task", "condition_task", "for_each_task", "run_job_task")

_TASK_KEY = re.compile(r"[\w\-]{1,100}", re.ASCII)
_RUN_IF = tuple(RunIf)
_SOURCES = ("WORKSPACE", "GIT")
_OUTCOMES = ("", "true", "false")

Clusters = Mapping[str, ClusterSpec]
"""The shared clusters of a job, by key."""


def parse_task(raw: Json, clusters: Clusters, *, git: bool = False) -> TaskSpec:
    """Read one task.

    Args:
        raw: Its JSON.
        clusters: The shared clusters that it may name.
        git: Whether notebooks come from a repository if they do not say where from.
    """
    key = read_required_string(raw, "task_key")
    if not _TASK_KEY.fullmatch(key):
        raise invalid_parameter(
            f"Task key '{key[:120]}' is invalid: 1 to 100 letters, digits, hyphens and underscores."
        )
    _refuse_unserved(raw)
    body = _body(raw, key, clusters, git)
    cluster_key = read_string(raw, "job_cluster_key")
    depends_on, outcomes = _dependencies(raw)
    return TaskSpec(
        key=key,
        body=body,
        cluster=_task_cluster(raw, cluster_key, clusters) if isinstance(body, NotebookSpec) else None,
        depends_on=depends_on,
        run_if=RunIf(read_choice(raw, "run_if", _RUN_IF, RunIf.ALL_SUCCESS)),
        timeout_seconds=read_seconds(raw, "timeout_seconds"),
        raw=_with_source(raw, body),
        cluster_key=cluster_key,
        outcomes=outcomes,
        retry=_retry(raw),
        disabled=read_boolean(raw, "disabled"),
    )


def parse_cluster(cluster: Json) -> ClusterSpec:
    """Read a `new_cluster`."""
    environment = read_strings(cluster, "spark_env_vars")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise invalid_parameter(f"spark_env_vars has an invalid entry: {name!r}")
    return ClusterSpec(
        read_string(cluster, "spark_version"), read_strings(cluster, "spark_conf"), environment
    )


def parse_job_clusters(raw: Sequence[Json]) -> dict[str, ClusterSpec]:
    """Read the `job_clusters` of a job."""
    clusters: dict[str, ClusterSpec] = {}
    for item in raw:
        key = read_required_string(item, "job_cluster_key")
        if not _TASK_KEY.fullmatch(key):
            raise invalid_parameter(
                f"Job cluster key '{key[:100]}' is invalid: 1 to 100 letters, digits, hyphens, underscores."
            )
        if key in clusters:
            raise invalid_parameter(f"Job cluster keys must be unique, but '{key}' is repeated.")
        cluster = read_object(item, "new_cluster")
        if cluster is None:
            raise invalid_parameter(f"Job cluster '{key}' has no new_cluster.")
        clusters[key] = parse_cluster(cluster)
    return clusters


def check_graph(tasks: Sequence[TaskSpec]) -> None:
    """Refuse tasks that repeat a key, depend on what there is not, or wait for each other."""
    counts = Counter(task.key for task in tasks)
    repeated = sorted(key for key, count in counts.items() if count > 1)
    if repeated:
        raise invalid_parameter(f"Task keys must be unique, but these are repeated: {', '.join(repeated)}.")
    by_key = {task.key: task for task in tasks}
    for task in tasks:
        for name in task.depends_on:
            if name not in by_key:
                raise invalid_parameter(f"Task '{task.key}' depends on the unknown task '{name[:120]}'.")
            if name in task.outcomes and not isinstance(by_key[name].body, ConditionSpec):
                raise invalid_parameter(
                    f"Task {task.key}: depends_on.outcome is only for dependencies on a condition_task."
                )
    if topological_order(tasks) is None:
        raise invalid_parameter("The dependencies of the tasks form a cycle.")


def read_seconds(body: Json, name: str) -> int:
    """A time-out; 0 is none."""
    seconds = read_integer(body, name)
    if not 0 <= seconds <= MAX_SECONDS:
        raise invalid_parameter(f"{name} must be 0 or a positive number.")
    return seconds


def _refuse_unserved(raw: Json) -> None:
    """Name what would be ignored otherwise: a run that quietly does less than asked for is no help."""
    for field in sorted(raw):
        if field.endswith("_task") and field not in SERVED_BODIES and raw[field] is not None:
            raise errors.not_served(f"Task type {field}")
    if read_objects(raw, "libraries"):
        raise errors.not_served("libraries")


def _body(raw: Json, key: str, clusters: Clusters, git: bool) -> Body:
    given = [name for name in SERVED_BODIES if read_object(raw, name) is not None]
    if not given:
        raise invalid_parameter(f"Task {key} has no task body such as notebook_task.")
    if len(given) > 1:
        raise invalid_parameter(f"Task {key} has more than one task body: {', '.join(given)}.")
    task: Json = raw[given[0]]
    if given[0] == "notebook_task":
        return _notebook(task, git)
    if given[0] == "condition_task":
        return _condition(task)
    if given[0] == "run_job_task":
        job_parameters, notebook_params = (
            read_strings(task, "job_parameters"),
            read_strings(task, "notebook_params"),
        )
        return RunJobSpec(read_required_integer(task, "job_id"), job_parameters, notebook_params)
    return _for_each(task, clusters, git)


def _notebook(task: Json, git: bool) -> NotebookSpec:
    from_git = read_choice(task, "source", _SOURCES, "GIT" if git else "WORKSPACE") == "GIT"
    path = read_required_string(task, "notebook_path")
    if from_git and path.startswith("/"):
        # Docs: "For notebooks stored in a remote repository, the path must be relative"; the words are ours.
        raise invalid_parameter(f"The path of a notebook with source GIT must be relative: {path[:1000]}")
    if not from_git and not path.startswith("/"):
        raise invalid_parameter("Only absolute paths are currently supported. Paths must begin with '/'.")
    parameters = read_strings(task, "base_parameters")
    if len(json.dumps(parameters)) > MAX_PARAMETER_BYTES:
        raise invalid_parameter(f"base_parameters must be at most {MAX_PARAMETER_BYTES} bytes as JSON.")
    return NotebookSpec(path, parameters, from_git)


def _with_source(raw: Json, body: Body) -> Json:
    """The JSON of a task with the source of its notebook, which is else one of the settings of the run."""
    if isinstance(body, NotebookSpec) and body.git:
        return {**raw, "notebook_task": {**raw["notebook_task"], "source": "GIT"}}
    if isinstance(body, ForEachSpec):
        return {**raw, "for_each_task": {**raw["for_each_task"], "task": body.task.raw}}
    return raw


def _condition(task: Json) -> ConditionSpec:
    if read_string(task, "op") not in OPERATORS:
        raise invalid_parameter(f"condition_task.op must be one of: {', '.join(OPERATORS)}")
    return ConditionSpec(read_string(task, "op"), read_string(task, "left"), read_string(task, "right"))


def _for_each(task: Json, clusters: Clusters, git: bool) -> ForEachSpec:
    nested = read_object(task, "task")
    if nested is None:
        raise invalid_parameter("for_each_task has no task.")
    if nested.get("for_each_task") is not None:
        raise invalid_parameter("A for_each_task cannot be nested in a for_each_task.")
    concurrency = read_integer(task, "concurrency", 1)
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise invalid_parameter(f"for_each_task.concurrency must be between 1 and {MAX_CONCURRENCY}.")
    return ForEachSpec(
        read_required_string(task, "inputs"), parse_task(nested, clusters, git=git), concurrency
    )


def _task_cluster(raw: Json, cluster_key: str, clusters: Clusters) -> ClusterSpec:
    cluster_id = read_string(raw, "existing_cluster_id")
    if cluster_id:
        raise invalid_parameter(f"Cluster {cluster_id} does not exist")
    if read_string(raw, "environment_key"):
        raise errors.not_served("Serverless compute (environment_key)")
    cluster = read_object(raw, "new_cluster")
    if cluster is not None:
        return parse_cluster(cluster)
    if not cluster_key:
        raise errors.compute_missing()
    if cluster_key not in clusters:
        raise errors.job_cluster_not_defined(cluster_key)
    return clusters[cluster_key]


def _dependencies(raw: Json) -> tuple[tuple[str, ...], dict[str, str]]:
    names: list[str] = []
    outcomes: dict[str, str] = {}
    for dependency in read_objects(raw, "depends_on"):
        name = read_required_string(dependency, "task_key")
        outcome = read_choice(dependency, "outcome", _OUTCOMES, "")
        names.append(name)
        if outcome:
            outcomes[name] = outcome
    return tuple(dict.fromkeys(names)), outcomes


def _retry(raw: Json) -> RetrySpec:
    retries = read_integer(raw, "max_retries")
    if not -1 <= retries <= MAX_SECONDS:
        raise invalid_parameter("max_retries must be -1, 0 or a positive number.")
    interval = read_integer(raw, "min_retry_interval_millis")
    if not 0 <= interval <= MAX_SECONDS:
        raise invalid_parameter("min_retry_interval_millis must be 0 or a positive number.")
    return RetrySpec(retries, interval, read_boolean(raw, "retry_on_timeout"))
