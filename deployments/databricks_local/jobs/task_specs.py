"""Reads tasks out of request bodies, or refuses them in Databricks' words. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence

from databricks_local.api import errors
from databricks_local.api.bodies import (
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
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.sizes import json_size
from databricks_local.jobs.alerts import read_alerts
from databricks_local.jobs.bodies.programs import SOURCES, parse_python_file, parse_python_wheel
from databricks_local.jobs.bodies.sql_specs import parse_dbt, parse_sql
from databricks_local.jobs.compute import KEY, Compute, SharedCompute, parse_compute
from databricks_local.jobs.graph import topological_order
from databricks_local.jobs.parameters import read_overriding
from databricks_local.jobs.specs import (
    CONDITION_OPERATORS,
    Body,
    ConditionSpec,
    ForEachSpec,
    NotebookSpec,
    RetrySpec,
    RunIf,
    RunJobSpec,
    SqlSpec,
    TaskSpec,
)

MAX_PARAMETER_BYTES = 1_000_000
MAX_SECONDS = 2**31 - 1
MAX_CONCURRENCY = 100
"""Docs: for-each tasks, up to 100 iterations at once."""

SERVED_BODIES = (
    "notebook_task", "spark_python_task", "python_wheel_task", "condition_task", "for_each_task",
    "run_job_task", "sql_task", "dbt_task",
)  # fmt: skip

OF_NESTED_TASK = (
    "max_retries", "min_retry_interval_millis", "retry_on_timeout", "new_cluster", "job_cluster_key",
    "existing_cluster_id", "environment_key", "compute", "libraries",
)  # fmt: skip
"""What only the task in a for-each task can have.

Source: databricks/cli#3977 (retries), and its check of bundles.
"""

_RUN_IF = tuple(RunIf)
_OUTCOMES = ("", "true", "false")


def parse_task(raw: Json, shared: SharedCompute, *, git: bool = False) -> TaskSpec:
    """Read one task.

    Args:
        raw: Its JSON.
        shared: The clusters and environments that it may name.
        git: Whether the repository is the default source of notebooks.
    """
    key = read_required_string(raw, "task_key")
    if not KEY.fullmatch(key):
        raise invalid_parameter(
            f"Task key '{key[:120]}' is invalid: 1 to 100 letters, digits, hyphens and underscores."
        )
    _refuse_unserved(raw)
    body = _body(raw, key, shared, git)
    compute = Compute()
    if not isinstance(body, ConditionSpec | ForEachSpec | RunJobSpec | SqlSpec):
        compute = parse_compute(raw, key, shared, needs_environment=not isinstance(body, NotebookSpec))
    depends_on, outcomes = _dependencies(raw)
    return TaskSpec(
        key=key,
        body=body,
        cluster=compute.cluster,
        depends_on=depends_on,
        run_if=RunIf(read_choice(raw, "run_if", _RUN_IF, RunIf.ALL_SUCCESS)),
        timeout_seconds=read_seconds(raw, "timeout_seconds"),
        raw=_with_source(raw, body),
        cluster_key=compute.cluster_key,
        outcomes=outcomes,
        retry=_retry(raw),
        disabled=read_boolean(raw, "disabled"),
        existing_cluster_id=compute.existing_cluster_id,
        libraries=compute.libraries,
        alerts=read_alerts(raw),
    )


def check_graph(tasks: Sequence[TaskSpec]) -> None:
    """Refuse repeated keys, unknown dependencies, and cycles."""
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


def check_loops(tasks: Sequence[TaskSpec]) -> None:
    """Refuse on a for-each task what belongs to the task in it, which does the work."""
    for task in tasks:
        if isinstance(task.body, ForEachSpec):
            for field in OF_NESTED_TASK:
                # Defaults, as a client may send them, say nothing.
                if task.raw.get(field):
                    raise errors.belongs_to_nested_task(task.key, field)


def read_seconds(body: Json, name: str) -> int:
    """A time-out; 0 is none."""
    seconds = read_integer(body, name)
    if not 0 <= seconds <= MAX_SECONDS:
        raise invalid_parameter(f"{name} must be 0 or a positive number.")
    return seconds


def _refuse_unserved(raw: Json) -> None:
    """Refuse unknown kinds of tasks: a run that quietly does less than was asked for helps nobody."""
    for field in sorted(raw):
        if field.endswith("_task") and field not in SERVED_BODIES and raw[field] is not None:
            raise errors.not_served(f"Task type {field}")


def _body(raw: Json, key: str, shared: SharedCompute, git: bool) -> Body:
    given = [name for name in SERVED_BODIES if read_object(raw, name) is not None]
    if not given:
        raise invalid_parameter(f"Task {key} has no task body such as notebook_task.")
    if len(given) > 1:
        raise invalid_parameter(f"Task {key} has more than one task body: {', '.join(given)}.")
    task: Json = raw[given[0]]
    readers: dict[str, Callable[[], Body]] = {
        "notebook_task": lambda: _notebook(task, git),
        "spark_python_task": lambda: parse_python_file(task),
        "python_wheel_task": lambda: parse_python_wheel(task),
        "condition_task": lambda: _condition(task),
        "for_each_task": lambda: _for_each(task, shared, git),
        "run_job_task": lambda: _run_job(task),
        "sql_task": lambda: parse_sql(task, git=git),
        "dbt_task": lambda: parse_dbt(task, git=git),
    }
    return readers[given[0]]()


def _run_job(task: Json) -> RunJobSpec:
    job_id, job_parameters = read_required_integer(task, "job_id"), read_strings(task, "job_parameters")
    return RunJobSpec(job_id, job_parameters, read_overriding(task))


def _notebook(task: Json, git: bool) -> NotebookSpec:
    from_git = read_choice(task, "source", SOURCES, "GIT" if git else "WORKSPACE") == "GIT"
    path = read_required_string(task, "notebook_path")
    if from_git and path.startswith("/"):
        # Docs: "For notebooks stored in a remote repository, the path must be relative"; the words are ours.
        raise invalid_parameter(f"The path of a notebook with source GIT must be relative: {path[:1000]}")
    if not from_git and not path.startswith("/"):
        raise errors.relative_notebook()
    parameters = read_strings(task, "base_parameters")
    if json_size(parameters) > MAX_PARAMETER_BYTES:
        raise invalid_parameter(f"base_parameters must be at most {MAX_PARAMETER_BYTES} bytes as JSON.")
    return NotebookSpec(path, parameters, from_git)


def _with_source(raw: Json, body: Body) -> Json:
    """The JSON of a task, with `source` filled in where its default depends on the run."""
    if isinstance(body, NotebookSpec) and body.git:
        return {**raw, "notebook_task": {**raw["notebook_task"], "source": "GIT"}}
    if isinstance(body, SqlSpec) and body.git:
        sql: Json = raw["sql_task"]
        return {**raw, "sql_task": {**sql, "file": {**sql["file"], "source": "GIT"}}}
    if isinstance(body, ForEachSpec):
        return {**raw, "for_each_task": {**raw["for_each_task"], "task": body.task.raw}}
    return raw


def _condition(task: Json) -> ConditionSpec:
    if read_string(task, "op") not in CONDITION_OPERATORS:
        raise invalid_parameter(f"condition_task.op must be one of: {', '.join(CONDITION_OPERATORS)}")
    return ConditionSpec(read_string(task, "op"), read_string(task, "left"), read_string(task, "right"))


def _for_each(task: Json, shared: SharedCompute, git: bool) -> ForEachSpec:
    nested = read_object(task, "task")
    if nested is None:
        raise invalid_parameter("for_each_task has no task.")
    if nested.get("for_each_task") is not None:
        raise invalid_parameter("A for_each_task cannot be nested in a for_each_task.")
    concurrency = read_integer(task, "concurrency", 1)
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise invalid_parameter(f"for_each_task.concurrency must be between 1 and {MAX_CONCURRENCY}.")
    return ForEachSpec(read_required_string(task, "inputs"), parse_task(nested, shared, git=git), concurrency)


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
