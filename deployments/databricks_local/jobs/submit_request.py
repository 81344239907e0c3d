"""Turns the body of `jobs/runs/submit` into a specification, or refuses it in Databricks' words. Pure."""

import re

from databricks_local.api import errors
from databricks_local.api.bodies import Json, read_objects, read_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.alerts import read_alerts
from databricks_local.jobs.compute import parse_shared
from databricks_local.jobs.git_specs import check_sources, read_git_source
from databricks_local.jobs.specs import RunSpec
from databricks_local.jobs.task_specs import check_graph, check_loops, parse_task, read_seconds

MAX_TASKS = 100
MAX_TOKEN_LENGTH = 64

_DOUBTFUL_IN_KEY = re.compile(r"[^\w\-]+", re.ASCII)


def parse_submit(body: Json) -> RunSpec:
    """Read a run to submit.

    Args:
        body: The request: with `tasks`, or in the old format of one task, which Airflow still sends.

    Returns:
        The run.

    Raises:
        ApiError: If Databricks would refuse the request, or if it needs something that is not served here.
    """
    _refuse_shared_clusters(body)
    token = read_token(body)
    git = read_git_source(body)
    name = read_string(body, "run_name") or "Untitled"
    legacy = body.get("tasks") is None
    raw_tasks = [single_task(body, name)] if legacy else read_objects(body, "tasks")
    if not raw_tasks:
        raise errors.no_tasks()
    if len(raw_tasks) > MAX_TASKS:
        raise invalid_parameter(f"The number of tasks must be at most {MAX_TASKS}, but is {len(raw_tasks)}.")
    environments = read_objects(body, "environments")
    shared = parse_shared((), environments)
    tasks = tuple(parse_task(raw, shared, git=git is not None) for raw in raw_tasks)
    check_graph(tasks)
    check_loops(tasks)
    check_sources(tasks, git)
    timeout = read_seconds(body, "timeout_seconds")
    return RunSpec(
        name,
        tasks,
        timeout,
        token,
        legacy,
        environments=tuple(environments),
        git=git,
        alerts=read_alerts(body),
    )


def read_token(body: Json) -> str:
    """The idempotency token; empty if there is none."""
    token = read_string(body, "idempotency_token")
    if len(token) > MAX_TOKEN_LENGTH:
        raise invalid_parameter(f"idempotency_token must be at most {MAX_TOKEN_LENGTH} characters long.")
    return token


def single_task(body: Json, name: str) -> Json:
    """The one task of a body without `tasks`; its key is made from the name of the run (flytekit#1935)."""
    run_fields = {"run_name", "name", "idempotency_token", "timeout_seconds", "tasks", "access_control_list",
                  "environments", "git_source"}  # fmt: skip
    task = {field: value for field, value in body.items() if field not in run_fields}
    return {**task, "task_key": key_of(name)}


def key_of(name: str) -> str:
    """A task key made from a name."""
    return _DOUBTFUL_IN_KEY.sub("_", name)[:100]


def _refuse_shared_clusters(body: Json) -> None:
    if body.get("job_clusters"):
        raise errors.shared_cluster_not_supported()
    # Without shared clusters, no task can name one.
    if any(holder.get("job_cluster_key") for holder in [body, *read_objects(body, "tasks")]):
        raise errors.compute_missing()
