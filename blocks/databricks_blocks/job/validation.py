"""Find all problems of a specification at once, before any call is made. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.compute import compute_problems
from databricks_blocks.job.limits import extra_field_problems, limit_problems, run_parameter_problems
from databricks_blocks.job.packages import package_problems
from databricks_blocks.job.request_bodies import submit_tasks
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import nested_task, referenced_tasks, with_nested
from databricks_blocks.job.tasks import DatabricksTask

RUN_IF = (
    "ALL_SUCCESS",
    "ALL_DONE",
    "NONE_FAILED",
    "AT_LEAST_ONE_SUCCESS",
    "ALL_FAILED",
    "AT_LEAST_ONE_FAILED",
)
OUTCOMES = ("true", "false")

_KEY = re.compile(r"[\w\-]{1,100}", re.ASCII)
_PARAMETER_NAME = re.compile(r"[\w.\-]+", re.ASCII)


def check(specification: JobSpecification) -> None:
    """Refuse a specification that cannot run.

    Raises:
        InvalidJob: The specification has problems; the message lists all of them.
    """
    found = problems(specification)
    if found:
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        lines = [f"Job `{specification.name}` has {count}:", *(f"- {problem}" for problem in found)]
        raise InvalidJob("\n".join(lines))


def problems(specification: JobSpecification) -> list[str]:
    """Find all problems of a specification; an empty list: there is none."""
    if specification.launch == "existing_job":
        found = [*_existing_job(specification), *run_parameter_problems(specification)]
    else:
        found = [
            *_new_job(specification),
            *_keys(specification),
            *_bodies(specification),
            *_dependencies(specification),
            *_values(specification),
            *compute_problems(specification),
            *package_problems(specification),
            *limit_problems(specification),
        ]
    return [*found, *extra_field_problems(specification), *_parameter_names(specification)]


def _existing_job(specification: JobSpecification) -> Iterator[str]:
    if specification.existing_job_id is None:
        yield "existing_job_id: say which job runs, or choose another launch."
    for field in (
        "tasks",
        "job_clusters",
        "environments",
        "notebook_packages",
        "instance_profile_arn",
        "instance_pool_id",
        "timeout_seconds",
    ):
        if getattr(specification, field):
            yield f"{field}: it is a setting of the saved job, which a run of it cannot change."


def _new_job(specification: JobSpecification) -> Iterator[str]:
    if not specification.name.strip():
        yield "name: the job has no name."
    if not specification.tasks:
        yield "tasks: the job has no tasks."
    if specification.existing_job_id is not None:
        yield f"existing_job_id: `{specification.launch}` makes a run of its own; launch with `existing_job`."
    if specification.launch == "submit" and specification.job_parameters:
        names = ", ".join(f"`{name}`" for name in specification.job_parameters)
        yield f"job_parameters: a one-time run has none (given: {names}): launch with `run_now`."


def _keys(specification: JobSpecification) -> Iterator[str]:
    named = [
        ("Task key", str(part.get("task_key")))
        for task in specification.tasks
        for part in with_nested(task.as_json())
    ]
    named += [("Job cluster key", key) for key in specification.job_clusters]
    for what, key in dict.fromkeys(named):
        if not _KEY.fullmatch(key):
            yield f"{what} `{key}` is invalid: 1 to 100 letters, digits, `-` and `_`."
    counts = Counter(task.task_key for task in specification.tasks)
    for key, count in counts.items():
        if count > 1:
            yield f"Task key `{key}` is used {count} times."


def _bodies(specification: JobSpecification) -> Iterator[str]:
    for task in specification.tasks:
        kinds = list(task.body)
        if len(kinds) != 1 or not isinstance(task.body[kinds[0]], dict):
            yield (
                f"Task `{task.task_key}`: its body needs one kind of task, such as notebook_task, with an "
                f"object; it has {', '.join(kinds) or 'none'}."
            )
        nested = nested_task(task.body)
        if nested is not None and nested_task(nested) is not None:
            yield f"Task `{task.task_key}`: a for_each_task cannot repeat another for_each_task."
        own = set(DatabricksTask.model_fields) & set(task.extra_task_params)
        for name in sorted(own):
            yield f"Task `{task.task_key}`: extra_task_params has `{name}`, which is a field of its own."
        if task.run_if and task.run_if not in RUN_IF:
            yield f"Task `{task.task_key}`: run_if `{task.run_if}` is none of {', '.join(RUN_IF)}."


def _dependencies(specification: JobSpecification) -> Iterator[str]:
    tasks = {task.task_key: task for task in specification.tasks}
    for task in specification.tasks:
        for dependency in task.depends_on:
            place = f"Task `{task.task_key}`: depends on `{dependency.task_key}`"
            upstream = tasks.get(dependency.task_key)
            if upstream is None:
                yield f"{place}, which is no task of the job."
            elif dependency.outcome is not None and upstream.kind != "condition_task":
                yield f"{place} with an outcome, which only a condition_task has."
            elif dependency.outcome not in (None, *OUTCOMES):
                yield f"{place} with the outcome `{dependency.outcome}`; it is `true` or `false`."
    for cycle in _cycles({key: task.upstream for key, task in tasks.items()}):
        yield f"Tasks wait for each other: {' → '.join(f'`{key}`' for key in cycle)}."


def _cycles(upstream: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Find the tasks that wait for each other.

    Args:
        upstream: What each task waits for.

    Returns:
        For each cycle its keys in the order of running, the first one repeated at the end.
    """
    remaining = {key: set(keys) for key, keys in upstream.items()}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            found.append(cycle)
            remaining = {key: keys - set(cycle) for key, keys in remaining.items() if key not in cycle}
        else:
            return found


def _values(specification: JobSpecification) -> Iterator[str]:
    known = {task.task_key for task in specification.tasks}
    for task, body in zip(specification.tasks, submit_tasks(specification), strict=True):
        for key in sorted((referenced_tasks(body) | set(task.needs_values_of)) - known):
            yield f"Task `{task.task_key}`: reads values of `{key}`, which is no task of the job."


def _parameter_names(specification: JobSpecification) -> Iterator[str]:
    for name in specification.job_parameters:
        if not _PARAMETER_NAME.fullmatch(name):
            yield f"job_parameters: `{name}` is no name: letters, digits, `_`, `-` and `.`."
