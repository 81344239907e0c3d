"""Submit a part of the tasks again, for workspaces that do not repair a submitted run. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.request_bodies import submit_body_of, submit_tasks
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import Json, referenced_tasks
from databricks_blocks.job.tasks import DatabricksTask

NO_OUTCOMES: Mapping[str, str] = {}


def tasks_for_new_submit(
    specification: JobSpecification,
    failed_keys: Collection[str],
    *,
    outcomes: Mapping[str, str] = NO_OUTCOMES,
) -> list[str]:
    """Find the tasks that a new run needs in place of a repair.

    These are the failed tasks, those after them, and those whose task values they read, because values stay
    in the run that set them. Conditions that decide about one of these tasks run again, too.

    Args:
        specification: The job.
        failed_keys: All tasks that failed; the others count as successful.
        outcomes: Outcomes of conditions in the first run, by task key; these conditions need no values again.

    Returns:
        Task keys, in the order of the specification.

    Raises:
        InvalidJob: There is no task of one of the keys.
    """
    tasks = _known(specification, failed_keys)
    sources = _value_sources(specification)
    again = _with_dependents(tasks, failed_keys)
    wanted = set(again)
    waiting = list(again)
    while waiting:
        key = waiting.pop()
        conditions = {dependency.task_key for dependency in tasks[key].depends_on if dependency.outcome}
        settled = key in outcomes and key not in again
        needed = conditions | (set() if settled else sources[key])
        waiting += needed - wanted
        wanted |= needed
    return [key for key in tasks if key in wanted]


def subset_submit_body(
    specification: JobSpecification,
    keys: Collection[str],
    *,
    token: str,
    outcomes: Mapping[str, str] = NO_OUTCOMES,
) -> Json:
    """Build the body of a `jobs/runs/submit` with a part of the tasks.

    A task that is left out counts as successful. What waits for it waits instead for the tasks before it that
    run again, so that their values are there in time; if there are none, it runs at once. A condition that
    reads values which are not in this run keeps its known outcome.

    Args:
        specification: The job.
        keys: The tasks, as `tasks_for_new_submit` finds them.
        token: A fresh idempotency token.
        outcomes: Outcomes of conditions in the first run, by task key.

    Raises:
        InvalidJob: A task reads values of a task that is left out, or there is no task of that key.
    """
    tasks = _known(specification, keys)
    sources = _value_sources(specification)
    waiting = _dependencies(tasks, set(keys))
    whole = {body["task_key"]: body for body in submit_tasks(specification) if body["task_key"] in keys}
    bodies = [
        _detached(tasks[key], _settled(body, sources[key] - set(keys), outcomes), waiting[key])
        for key, body in whole.items()
    ]
    return submit_body_of(specification, bodies, token=token)


def _known(specification: JobSpecification, keys: Collection[str]) -> dict[str, DatabricksTask]:
    tasks = {task.task_key: task for task in specification.tasks}
    unknown = [key for key in keys if key not in tasks]
    if unknown:
        raise InvalidJob(f"Job `{specification.name}` has no task {_listed(unknown)}.")
    return tasks


def _value_sources(specification: JobSpecification) -> dict[str, set[str]]:
    """The tasks whose values each task reads: by a reference, or listed in `needs_values_of`."""
    bodies = zip(specification.tasks, submit_tasks(specification), strict=True)
    return {task.task_key: referenced_tasks(body) | set(task.needs_values_of) for task, body in bodies}


def _with_dependents(tasks: Mapping[str, DatabricksTask], failed_keys: Collection[str]) -> set[str]:
    wanted = set(failed_keys)
    for key in _in_order(tasks):
        upstream = set(tasks[key].upstream)
        # A successful task does not run again, so a task that runs only after failures does not run.
        excluded = tasks[key].run_if == "ALL_FAILED" and not upstream <= wanted
        if upstream & wanted and not excluded:
            wanted.add(key)
    return wanted


def _dependencies(tasks: Mapping[str, DatabricksTask], keys: Collection[str]) -> dict[str, list[Json]]:
    """What each task waits for; a task that is left out is replaced by what it waited for."""
    found: dict[str, dict[str, Json]] = {}
    for key in _in_order(tasks):
        own = {dependency.task_key: dependency for dependency in tasks[key].depends_on}
        inherited: dict[str, Json] = {}
        for upstream in own.keys() - keys:
            inherited |= found[upstream]
        kept = {name: own[name].model_dump(exclude_none=True) for name in own if name in keys}
        found[key] = {**kept, **{name: inherited[name] for name in sorted(inherited.keys() - kept)}}
    return {key: list(dependencies.values()) for key, dependencies in found.items()}


def _settled(body: Json, missing: Collection[str], outcomes: Mapping[str, str]) -> Json:
    """Give a condition that reads missing values its known outcome; other tasks stay as they are."""
    key = body["task_key"]
    if not missing:
        return body
    if "condition_task" in body and key in outcomes:
        return {**body, "condition_task": {"op": "EQUAL_TO", "left": outcomes[key], "right": "true"}}
    raise InvalidJob(
        f"Task `{key}` reads values of {_listed(sorted(missing))}, which would not be in the new run: run it "
        "too."
    )


def _detached(task: DatabricksTask, body: Json, depends_on: list[Json]) -> Json:
    """A task with other dependencies than before."""
    own = set(task.upstream)
    kept = own & {dependency["task_key"] for dependency in depends_on}
    if kept == own:
        return body
    result = {name: value for name, value in body.items() if name not in {"depends_on", "run_if"}}
    if depends_on:
        result["depends_on"] = depends_on
    if kept and task.run_if:
        # At least one of the tasks that it waited for has succeeded already.
        result["run_if"] = "ALL_DONE" if task.run_if == "AT_LEAST_ONE_SUCCESS" else task.run_if
    return result


def _in_order(tasks: Mapping[str, DatabricksTask]) -> list[str]:
    """Keys of the tasks, each after those that it waits for."""
    upstream = {key: task.upstream for key, task in tasks.items()}
    return [key for key in TopologicalSorter(upstream).static_order() if key in tasks]


def _listed(keys: Collection[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)
