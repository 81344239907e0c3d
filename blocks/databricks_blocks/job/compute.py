"""The compute of tasks: which clusters start, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import Json, nested_task, with_nested

COMPUTE_FIELDS = ("job_cluster_key", "new_cluster", "existing_cluster_id", "environment_key")

NEEDS_COMPUTE = frozenset(
    {"spark_python_task", "python_wheel_task", "spark_jar_task", "spark_submit_task", "dbt_task"}
)
"""Kinds of tasks that need compute; a notebook without it runs serverless (docs: jobs/runs/submit)."""


@dataclass(frozen=True)
class StartingCluster:
    """A cluster that a run starts.

    Attributes:
        name: Key of the cluster, or of the only task that uses it.
        tasks: The tasks that run on it.
        each_iteration: Whether one starts for every iteration of a for-each task.
    """

    name: str
    tasks: tuple[str, ...]
    each_iteration: bool = False


def starting_clusters(tasks: list[Json]) -> list[StartingCluster]:
    """Find the clusters that tasks start: one for each shared key, and one for each `new_cluster`.

    Args:
        tasks: The tasks, as in the request.
    """
    shared: dict[str, list[str]] = {}
    own: list[StartingCluster] = []
    for task in tasks:
        for part in with_nested(task):
            key, name = part.get("job_cluster_key"), str(part.get("task_key"))
            if part.get("new_cluster") is not None:
                own.append(StartingCluster(name, (name,), each_iteration=part is not task))
            elif key:
                shared.setdefault(key, []).append(name)
    return [*(StartingCluster(key, tuple(names)) for key, names in shared.items()), *own]


def compute_problems(specification: JobSpecification) -> Iterator[str]:
    """Say which tasks have no compute, more than one, or one that does not exist."""
    for task in specification.tasks:
        for part in with_nested(task.as_json()):
            place = f"Task `{part.get('task_key')}`"
            for problem in _of_task(specification, part):
                yield f"{place}: {problem}"


def _of_task(specification: JobSpecification, task: Json) -> Iterator[str]:
    given = [name for name in COMPUTE_FIELDS if task.get(name)]
    if len(given) > 1:
        yield f"has more than one compute: {', '.join(given)}. Keep one."
    needs = NEEDS_COMPUTE & set(task)
    if needs and not given and not task.get("compute"):
        yield f"a {min(needs)} needs compute: {', '.join(COMPUTE_FIELDS)}."
    if given and nested_task(task) is not None:
        yield "a for_each_task has no compute of its own: set it on the task that it repeats."
    for field, known in (
        ("job_cluster_key", specification.job_clusters),
        ("environment_key", specification.environments),
    ):
        key = task.get(field)
        if key and key not in known:
            yield f"{field} `{key}` is not defined; there is {_listed(list(known))}."
    yield from _libraries(specification, task, given)


def _libraries(specification: JobSpecification, task: Json, given: list[str]) -> Iterator[str]:
    """Refused there: "Libraries field is not supported for serverless task" (dbt-databricks#943)."""
    if {"job_cluster_key", "new_cluster", "existing_cluster_id"} & set(given):
        return
    serverless = "it runs without a cluster, where packages belong into an environment"
    if task.get("libraries"):
        yield f"has libraries, but {serverless}."
    elif "notebook_task" in task and specification.notebook_packages:
        yield f"notebook_packages cannot be installed: {serverless}."


def _listed(keys: list[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys) or "none"
