"""The limits of the Jobs API, and which fields belong to which request. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from databricks_blocks.job.api_fields import (
    JOB_ONLY_FIELDS,
    MAX_ENVIRONMENTS,
    MAX_PARAMETER_BYTES,
    MAX_REQUEST_BYTES,
    MAX_RUN_PARAMETER_BYTES,
    MAX_TASKS,
    MAX_TOKEN_LENGTH,
    OLDER_PARAMETER_FIELDS,
    RUN_NOW_FIELDS,
)
from databricks_blocks.job.request_bodies import (
    create_body,
    job_tasks,
    run_now_body,
    run_parameters,
    submit_body,
)
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import with_nested

_LONGEST_TOKEN = "x" * MAX_TOKEN_LENGTH

_OWN_FIELDS = {
    "environments": "environments",
    "idempotency_token": "",
    "job_clusters": "job_clusters",
    "job_id": "existing_job_id",
    "job_parameters": "job_parameters",
    "name": "name",
    "notebook_params": "notebook_params",
    "parameters": "job_parameters",
    "run_name": "name",
    "tasks": "tasks",
    "timeout_seconds": "timeout_seconds",
}


def limit_problems(specification: JobSpecification) -> Iterator[str]:
    """Say what exceeds the limits of the API."""
    most = MAX_TASKS.get(specification.launch, 0)
    if len(specification.tasks) > most:
        yield f"The job has {len(specification.tasks)} tasks; `{specification.launch}` takes {most}."
    if len(specification.environments) > MAX_ENVIRONMENTS:
        yield f"The job has {len(specification.environments)} environments; the API takes {MAX_ENVIRONMENTS}."
    for task in job_tasks(specification):
        for part in with_nested(task):
            notebook = part.get("notebook_task")
            parameters = notebook.get("base_parameters") if isinstance(notebook, dict) else None
            if not isinstance(parameters, dict | None):
                yield f"Task `{part.get('task_key')}`: base_parameters has to be an object."
            size = _size(parameters)
            if size > MAX_PARAMETER_BYTES:
                yield (
                    f"Task `{part.get('task_key')}`: its parameters have {size:,} bytes as JSON; a notebook "
                    f"takes {MAX_PARAMETER_BYTES:,}. Pass the path of a file instead."
                )
    if specification.launch == "run_now":
        yield from run_parameter_problems(specification)
    size = _sent_size(_largest_body(specification))
    if size > MAX_REQUEST_BYTES:
        yield f"The request has {size:,} bytes; the API takes {MAX_REQUEST_BYTES:,}."


def run_parameter_problems(specification: JobSpecification) -> Iterator[str]:
    """Say which parameters of a run exceed the limits of the API, or exclude each other."""
    given = run_parameters(specification)
    for name in OLDER_PARAMETER_FIELDS:
        # Docs: the limit is on the JSON with the name in it.
        size = _size({name: given.get(name)})
        if size > MAX_RUN_PARAMETER_BYTES:
            yield f"{name}: {size:,} bytes as JSON; a run takes {MAX_RUN_PARAMETER_BYTES:,}."
        if given.get(name) and given.get("job_parameters"):
            yield f"{name}: the API refuses it together with job_parameters. Set one of them."
    size = _sent_size(run_now_body(specification, 0, token="-"))  # noqa: S106 - no password
    if size > MAX_REQUEST_BYTES:
        yield f"The request has {size:,} bytes; the API takes {MAX_REQUEST_BYTES:,}."


def extra_field_problems(specification: JobSpecification) -> Iterator[str]:
    """Say which `extra_job_params` have a field of their own, or do not belong to the request."""
    for name in specification.extra_job_params:
        place = f"extra_job_params: `{name}`"
        if name in _OWN_FIELDS:
            own = _OWN_FIELDS[name]
            yield (
                f"{place} has a field of its own: set `{own}`." if own else f"{place} is set for each launch."
            )
        elif specification.launch == "submit" and name in JOB_ONLY_FIELDS:
            yield f"{place} is a field of saved jobs, which a one-time run has not: launch with `run_now`."
        elif specification.launch == "submit" and name in RUN_NOW_FIELDS:
            yield f"{place} is for runs of saved jobs: write it into the task, or launch with `run_now`."
        elif specification.launch == "existing_job" and name in JOB_ONLY_FIELDS:
            yield f"{place} is a setting of the saved job, which a run of it cannot change."


def _largest_body(specification: JobSpecification) -> dict[str, Any]:
    if specification.launch == "submit":
        return submit_body(specification, token=_LONGEST_TOKEN)
    return create_body(specification)


def _size(value: Any) -> int:
    """The bytes that the limits of fields are about: of JSON in UTF-8, as in the examples of the docs."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _sent_size(body: Any) -> int:
    """The bytes that are sent. The SDK escapes what is not ASCII."""
    return len(json.dumps(body))
