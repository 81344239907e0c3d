"""A new run of a part of the tasks, for workspaces that do not repair a submitted run. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .errors import InvalidJob
from .graph import in_order
from .job_spec import JobSpecification
from .request_bodies import submit_body_of, submit_tasks
from .task_json import Json, referenced_tasks
from .tasks import DatabricksTask

NO_OUTCOMES: Mapping[str, str] = {}


def tasks_for_new_submit(
    specification: JobSpecification,
    failed_keys: Collection[str],
    *,
    outcomes: Mapping[str, str] = NO_OUTCOMES,
) -> list[str]:
    """Find the tasks that a new run needs to make good what failed.

    Those that failed, those after them, and those whose task values they read, because values stay in the run
    that set them. A condition whose outcome decides about one of them is in it too.

    Args:
        specification: The job.
        failed_keys: All tasks that failed; the others are taken to have ended well.
        outcomes: Outcomes of conditions in the first run, by task key; these need no values again.

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

    A task that is left out counts as one that ended well: it is not waited for, and a task that waits only
    for such tasks runs at once. A condition whose values are not in this run keeps its known outcome.

    Args:
        specification: The job.
        keys: The tasks, as `tasks_for_new_submit` finds them.
        token: A fresh idempotency token.
        outcomes: Outcomes of conditions in the first run, by task key.

    Raises:
        InvalidJob: A task reads values of a task that is left out, or there is no task of that key.
    """
    _known(specification, keys)
    sources = _value_sources(specification)
    bodies = [
        _detached(body, sources[body["task_key"]] - set(keys), keys, outcomes)
        for body in submit_tasks(specification)
        if body["task_key"] in keys
    ]
    return submit_body_of(specification, bodies, token=token)


def _known(specification: JobSpecification, keys: Collection[str]) -> dict[str, DatabricksTask]:
    tasks = {task.task_key: task for task in specification.tasks}
    unknown = [key for key in keys if key not in tasks]
    if unknown:
        raise InvalidJob(f"Job `{specification.name}` has no task {_listed(unknown)}.")
    return tasks


def _value_sources(specification: JobSpecification) -> dict[str, set[str]]:
    """The tasks whose values each task reads, by a reference or as it says."""
    bodies = zip(specification.tasks, submit_tasks(specification), strict=True)
    return {task.task_key: referenced_tasks(body) | set(task.needs_values_of) for task, body in bodies}


def _with_dependents(tasks: Mapping[str, DatabricksTask], failed_keys: Collection[str]) -> set[str]:
    wanted = set(failed_keys)
    for key in in_order({key: task.upstream for key, task in tasks.items()}):
        upstream = set(tasks[key].upstream)
        # A task that ended well is not run again, so a task that waits for failures only has no turn.
        excluded = tasks[key].run_if == "ALL_FAILED" and not upstream <= wanted
        if upstream & wanted and not excluded:
            wanted.add(key)
    return wanted


def _detached(
    body: Json, missing: Collection[str], keys: Collection[str], outcomes: Mapping[str, str]
) -> Json:
    """A task without the dependencies that are left out of the run, `missing` being those it reads from."""
    key = body["task_key"]
    if missing and "condition_task" in body and key in outcomes:
        return {
            "task_key": key,
            "condition_task": {"op": "EQUAL_TO", "left": outcomes[key], "right": "true"},
        }
    if missing:
        raise InvalidJob(
            f"Task `{key}` reads values of {_listed(sorted(missing))}, which would not be in the new run: "
            "run it too."
        )
    depends_on = body.get("depends_on", [])
    kept = [item for item in depends_on if item["task_key"] in keys]
    if len(kept) == len(depends_on):
        return body
    result = {name: value for name, value in body.items() if name not in {"depends_on", "run_if"}}
    if not kept:
        return result
    return {**result, "depends_on": kept, **_run_if(body.get("run_if", ""))}


def _run_if(run_if: str) -> Json:
    """What is left of `run_if` when one of the tasks it is about has ended well already."""
    if not run_if:
        return {}
    return {"run_if": "ALL_DONE" if run_if == "AT_LEAST_ONE_SUCCESS" else run_if}


def _listed(keys: Collection[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)
