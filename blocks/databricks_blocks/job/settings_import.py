"""Turn the settings of a saved job into the fields of a specification. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.api_fields import HASH_TAG, JOB_ONLY_FIELDS, STARTING_FIELDS
from databricks_blocks.job.task_json import Json
from databricks_blocks.job.tasks import DatabricksTask

_OWNERSHIP = ("deployment", "edit_mode")
_OWN_FIELDS = ("name", "tasks", "job_clusters", "environments", "parameters", "timeout_seconds")


def read_settings(settings: Mapping[str, Any], *, launch: str, source: str) -> tuple[Json, list[str]]:
    """Sort settings into the fields of `JobSpecification`.

    Args:
        settings: Settings as `jobs/create` takes them, or the answer of `jobs/get`.
        launch: How the job will run.
        source: What the settings are called in messages.

    Returns:
        The fields, and a note on each thing that was not taken over.

    Raises:
        InvalidJob: These are no settings of a job, or not all of them.
    """
    answer = settings if isinstance(settings.get("settings"), Mapping) else {}
    if answer.get("next_page_token"):
        raise InvalidJob(f"{source} is one page of the answer of jobs/get: read all of its pages first.")
    inner = _set_fields(answer["settings"] if answer else settings)
    name = str(inner.get("name", "Untitled"))
    if launch == "existing_job":
        if not isinstance(answer.get("job_id"), int):
            raise InvalidJob(f"{source} has no job_id: read the job by jobs/get to run it as it is.")
        return {"name": name, "launch": launch, "existing_job_id": answer["job_id"]}, []
    _refuse_single_task(inner, source)
    fields: Json = {
        "name": name,
        "launch": launch,
        "tasks": [DatabricksTask.fields_of(task) for task in _objects(inner, "tasks", source)],
        "job_clusters": _by_key(inner, "job_clusters", ("job_cluster_key", "new_cluster"), source),
        "environments": _by_key(inner, "environments", ("environment_key", "spec"), source),
        "job_parameters": _by_key(inner, "parameters", ("name", "default"), source),
        "timeout_seconds": inner.get("timeout_seconds", 0),
    }
    notes = _notes(inner, launch)
    fields["extra_job_params"] = {key: inner[key] for key in inner if key not in {*_OWN_FIELDS, *notes}}
    return fields, list(notes.values())


def _notes(settings: Mapping[str, Any], launch: str) -> dict[str, str]:
    """A note on each field that is not taken over: it starts or locks the job, or does not apply."""
    notes = {}
    for name in settings:
        if name in STARTING_FIELDS:
            notes[name] = f"`{name}` is not taken over: what starts the job is the deployment of the flow."
        elif name in _OWNERSHIP:
            notes[name] = f"`{name}` is not taken over: it ties the saved job to its bundle or to the UI."
        elif name in JOB_ONLY_FIELDS and launch == "submit":
            notes[name] = f"`{name}` is not taken over: a one-time run has none; `run_now` keeps it."
    return notes


def _refuse_single_task(settings: Mapping[str, Any], source: str) -> None:
    if "tasks" not in settings and any(name.endswith("_task") for name in settings):
        raise InvalidJob(
            f"{source} has the format of one task of Jobs API 2.0: write the task into `tasks`, with a "
            "task_key, or read the job by jobs/get of API 2.1 or 2.2."
        )


def _by_key(settings: Mapping[str, Any], name: str, pair: tuple[str, str], source: str) -> Json:
    """Turn a list of objects into one object by key, such as the specifications of clusters."""
    key_field, value_field = pair
    found: Json = {}
    for number, item in enumerate(_objects(settings, name, source)):
        place = f"{source}: {name}[{number}]"
        if not isinstance(item.get(key_field), str):
            raise InvalidJob(f"{place} has no {key_field}, which is a text.")
        more = sorted(set(item) - set(pair))
        if more:
            raise InvalidJob(f"{place} has {', '.join(more)}, which cannot be taken over: remove it.")
        key = item[key_field]
        if key in found:
            raise InvalidJob(f"{place} repeats the {key_field} `{key}`.")
        found[key] = item.get(value_field, "" if name == "parameters" else {})
    return found


def _objects(settings: Mapping[str, Any], name: str, source: str) -> list[Json]:
    items = settings.get(name, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidJob(f"{source}: {name} has to be a list of objects.")
    return items


def _set_fields(settings: Mapping[str, Any]) -> Json:
    """The fields that are set: no nulls, no empty objects, no tag of our own."""
    fields: Json = _without_nulls(settings)
    if isinstance(fields.get("tags"), dict):
        fields["tags"] = {key: value for key, value in fields["tags"].items() if key != HASH_TAG}
    return {name: value for name, value in fields.items() if value not in ({}, [])}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
