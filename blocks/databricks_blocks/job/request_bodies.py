"""Request bodies of the Jobs API 2.2, made from the specification of a job. Pure.

Whether a specification is valid is decided in `validation`; a body is made of any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.api_fields import HASH_TAG, MAX_TOKEN_LENGTH, REPEATED_FIELDS, RUN_NOW_FIELDS
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import Json, changed_task, merged

_DECIDED_BY_POOL = frozenset({"node_type_id", "driver_node_type_id", "enable_elastic_disk"})
_KEPT_BESIDE_POOL = {
    "aws_attributes": {"instance_profile_arn"},
    "azure_attributes": set[str](),
    "gcp_attributes": {"google_service_account"},
}


def submit_body(specification: JobSpecification, *, token: str) -> Json:
    """Build the body of `jobs/runs/submit`.

    Each task contains its own cluster, because submit refuses shared job clusters ("Shared
    job cluster feature is not supported in runs/submit API.").

    Args:
        specification: The job.
        token: Idempotency token; with a known token, the API returns the run that it started.
    """
    return submit_body_of(specification, submit_tasks(specification), token=token)


def submit_body_of(specification: JobSpecification, tasks: list[Json], *, token: str) -> Json:
    """Build the body of `jobs/runs/submit` around tasks as `submit_tasks` makes them."""
    body: Json = {"run_name": specification.name, "tasks": tasks, "idempotency_token": _checked(token)}
    return merged({**body, **_common_fields(specification)}, specification.extra_job_params)


def create_body(specification: JobSpecification) -> Json:
    """Build the body of `jobs/create`: the shared clusters, the declared parameters, the hash as a tag."""
    settings: Json = {"name": specification.name, "tasks": job_tasks(specification)}
    if specification.job_clusters:
        settings["job_clusters"] = [
            {"job_cluster_key": key, "new_cluster": _cluster(specification, cluster)}
            for key, cluster in specification.job_clusters.items()
        ]
    if specification.job_parameters:
        settings["parameters"] = [
            {"name": name, "default": value} for name, value in specification.job_parameters.items()
        ]
    extra = {
        name: value for name, value in specification.extra_job_params.items() if name not in RUN_NOW_FIELDS
    }
    settings = merged({**settings, **_common_fields(specification)}, extra)
    return merged(settings, {"tags": {HASH_TAG: _settings_hash(settings)}})


def run_now_body(specification: JobSpecification, job_id: int, *, token: str) -> Json:
    """Build the body of `jobs/run-now`.

    Args:
        specification: The job.
        job_id: Id of the saved job: the one created for the specification, or the one that it names.
        token: Idempotency token; with a known token, the API returns the run that it started.
    """
    extra = specification.extra_job_params
    if specification.launch != "existing_job":
        extra = {name: value for name, value in extra.items() if name in RUN_NOW_FIELDS}
    body: Json = {"job_id": job_id, "idempotency_token": _checked(token), **run_parameters(specification)}
    return merged(body, extra)


def run_parameters(specification: JobSpecification) -> Json:
    """Parameters of a run of a saved job; repairs do not inherit and so repeat them (airflow#64828)."""
    extra = specification.extra_job_params
    parameters: Json = {name: extra[name] for name in extra if name in REPEATED_FIELDS}
    if specification.job_parameters:
        parameters["job_parameters"] = dict(specification.job_parameters)
    if specification.notebook_params and specification.launch == "existing_job":
        parameters["notebook_params"] = dict(specification.notebook_params)
    return parameters


def job_tasks(specification: JobSpecification) -> list[Json]:
    """The tasks of a saved job, which share clusters by key."""
    return _changed(specification, partial(_job_task, specification))


def submit_tasks(specification: JobSpecification) -> list[Json]:
    """The tasks of a one-time run, each with its own cluster."""

    def change(task: Json) -> Json:
        key = task.get("job_cluster_key")
        if key in specification.job_clusters:
            task = {name: value for name, value in task.items() if name != "job_cluster_key"}
            task["new_cluster"] = specification.job_clusters[key]
        return _job_task(specification, task)

    return _changed(specification, change)


def _changed(specification: JobSpecification, change: Callable[[Json], Json]) -> list[Json]:
    return [changed_task(task.as_json(), change) for task in specification.tasks]


def _job_task(specification: JobSpecification, task: Json) -> Json:
    notebook = task.get("notebook_task")
    if isinstance(notebook, Mapping):
        task = {**task, "notebook_task": _notebook(specification, notebook)}
        libraries = [*specification.notebook_packages, *(task.get("libraries") or [])]
        if libraries:
            task["libraries"] = libraries
    if isinstance(task.get("new_cluster"), Mapping):
        task = {**task, "new_cluster": _cluster(specification, task["new_cluster"])}
    return task


def _notebook(specification: JobSpecification, notebook: Mapping[str, Any]) -> Json:
    own = notebook.get("base_parameters") or {}
    if not isinstance(own, Mapping):
        return dict(notebook)
    parameters = {**specification.notebook_params, **own}
    return {**notebook, "base_parameters": parameters} if parameters else dict(notebook)


def _cluster(specification: JobSpecification, cluster: Mapping[str, Any]) -> Json:
    """A cluster with the instance profile and the pool of the job, unless it has its own."""
    result = dict(cluster)
    if specification.instance_profile_arn:
        profile = {"aws_attributes": {"instance_profile_arn": specification.instance_profile_arn}}
        result = merged(profile, result)
    if specification.instance_pool_id:
        result.setdefault("instance_pool_id", specification.instance_pool_id)
    return _from_pool(result) if "instance_pool_id" in result else result


def _from_pool(cluster: Mapping[str, Any]) -> Json:
    """Remove fields that the pool decides, which the API refuses (databricks/cli, cluster_fixups.go)."""
    result = {name: value for name, value in cluster.items() if name not in _DECIDED_BY_POOL}
    for name, kept in _KEPT_BESIDE_POOL.items():
        if isinstance(result.get(name), Mapping):
            result[name] = {key: value for key, value in result[name].items() if key in kept}
    return {name: value for name, value in result.items() if name not in _KEPT_BESIDE_POOL or value}


def _common_fields(specification: JobSpecification) -> Json:
    fields: Json = {}
    if specification.environments:
        fields["environments"] = [
            {"environment_key": key, "spec": spec} for key, spec in specification.environments.items()
        ]
    if specification.timeout_seconds:
        fields["timeout_seconds"] = specification.timeout_seconds
    return fields


def _settings_hash(settings: Mapping[str, Any]) -> str:
    """Hash of the settings of a saved job, without the values of its parameters: each run sends those."""
    names = [parameter["name"] for parameter in settings.get("parameters", ())]
    text = json.dumps({**settings, "parameters": names}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _checked(token: str) -> str:
    if not 0 < len(token) <= MAX_TOKEN_LENGTH:
        raise InvalidJob(
            f"An idempotency token has 1 to {MAX_TOKEN_LENGTH} characters, but `{token}` has {len(token)}."
        )
    return token
