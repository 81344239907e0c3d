"""The tasks that look into database, storage, folders and workspace, and those that remove something there.

Each is a task of its own: if one fails, the others still do their work.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from databricks_blocks.database.leftovers import drop_run_tables, list_run_schemas
from databricks_blocks.errors import BlockNotFound, DatabricksRunRefused, WorkspaceNotConfigured
from databricks_blocks.job.api_fields import CHANGED_TAG, HASH_TAG
from databricks_blocks.pipes.channel import channel_of
from databricks_blocks.pipes.leftovers import sessions_in
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.staging.area import open_staging
from databricks_blocks.workspace.block import load_workspace, named_client
from databricks_blocks.workspace.jobs_api import get_job, list_jobs, reset_job
from databricks_blocks.workspace.runs_api import cancel_run, get_run, list_runs
from prefect import task

from databricks_flows.renewable.scope import read_note
from databricks_flows.renewable.staged_note import STAGED_NOTE, StagedNote
from databricks_flows.shared.retries import STEP_OPTIONS
from databricks_flows.sweep.names import flow_run_named, ids_in

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_MOST_RUNS = 100_000


@dataclass(frozen=True)
class NotConfigured:
    """There is no block of that name, so there is nothing to look into.

    Attributes:
        reason: What is missing.
    """

    reason: str


@dataclass(frozen=True)
class ActiveRun:
    """A Databricks run that has not ended.

    Attributes:
        run_id: Its id.
        started: When it was started.
        job_id: The saved job; `None` for a one-time run.
        mentions: What may be ids of flow runs, in its name and its parameters.
    """

    run_id: int
    started: datetime
    job_id: int | None
    mentions: frozenset[UUID]


@dataclass(frozen=True)
class ChangedJob:
    """A saved job whose clusters are changed for a repair.

    Attributes:
        job_id: Its id.
        name: Its name.
        settings_hash: Hash of the settings that it was created with.
        changed_by: Hex id of the flow run that changed it.
    """

    job_id: int
    name: str
    settings_hash: str
    changed_by: str


@dataclass(frozen=True)
class Workspace:
    """What is in a workspace.

    Attributes:
        address: Its host, as it is in the links to its runs.
        runs: The runs that have not ended.
        jobs: The saved jobs that are changed.
    """

    address: str
    runs: Sequence[ActiveRun]
    jobs: Sequence[ChangedJob]


@task(name="find_tables", **STEP_OPTIONS)
def find_tables(database: str) -> list[str] | NotConfigured:
    """List the schemas of runs, or what the names of their tables begin with."""
    try:
        return list_run_schemas(database)
    except BlockNotFound as error:
        return NotConfigured(str(error))


@task(name="find_files", **STEP_OPTIONS)
def find_files(bucket: str) -> list[str] | NotConfigured:
    """List the folders that are named after flow runs, of whatever flow. No folder is looked into."""
    try:
        found = open_staging(bucket, "").folders()
    except BlockNotFound as error:
        return NotConfigured(str(error))
    return [name for name in found if flow_run_named("staged files", name)]


@task(name="find_filled", **STEP_OPTIONS)
def find_filled(bucket: str, prefixes: Sequence[str]) -> list[str]:
    """Leave out the prefixes without a file: some storages go on listing a folder whose files are gone."""
    return [prefix for prefix in prefixes if open_staging(bucket, prefix).names()]


@task(name="find_folders", **STEP_OPTIONS)
def find_folders(directory: str) -> list[str]:
    """List the hidden folders in an output folder; none if it is not there."""
    folder = Path(directory)
    if not folder.is_dir():
        return []
    return sorted(
        str(path) for path in folder.iterdir() if path.name.startswith(".") and _is_own_folder(path)
    )


@task(name="find_messages", **STEP_OPTIONS)
def find_messages(workspace: str, folders: Sequence[str]) -> dict[str, UUID] | NotConfigured:
    """Find the folders of sessions of pipes, and the flow runs that they belong to.

    Args:
        workspace: Name of the workspace block; the folder that it names is looked into, too.
        folders: Folders of messages.

    Raises:
        ValueError: A name is not that of such a folder.
    """
    try:
        client = named_client(workspace)
        own = load_workspace(workspace).pipes_folder if workspace else ""
    except (BlockNotFound, WorkspaceNotConfigured) as error:
        return NotConfigured(str(error))
    places = dict.fromkeys(Pipes.through(folder).folder for folder in (own, *folders) if folder)
    return {
        directory: owner
        for place in places
        for directory, owner in sessions_in(channel_of(client, place), place).items()
    }


@task(name="find_runs", **STEP_OPTIONS)
def find_runs(workspace: str) -> Workspace | NotConfigured:
    """List what is active in the workspace, and the saved jobs that are changed."""
    try:
        client = named_client(workspace)
    except (BlockNotFound, WorkspaceNotConfigured) as error:
        return NotConfigured(str(error))
    runs = list_runs(client, limit=_MOST_RUNS, active_only=True, with_tasks=True)
    tagged = [(job, (job.get("settings") or {}).get("tags") or {}) for job in list_jobs(client)]
    jobs = [
        ChangedJob(int(job["job_id"]), job["settings"].get("name", ""), tags[HASH_TAG], tags[CHANGED_TAG])
        for job, tags in tagged
        if HASH_TAG in tags and CHANGED_TAG in tags
    ]
    return Workspace(address_of(client), [_active_run(run) for run in runs], jobs)


@task(name="read_beginnings", **STEP_OPTIONS)
def read_beginnings(workspace: str, run_ids: Sequence[int]) -> dict[int, datetime]:
    """Read when runs were started, or repaired last."""
    client = named_client(workspace)
    found = {}
    for run_id in run_ids:
        run = get_run(client, run_id)
        times = [run, *(run.get("repair_history") or ())]
        found[run_id] = _time(max(each.get("start_time") or 0 for each in times))
    return found


@task(name="read_note", **STEP_OPTIONS)
def read_keeping(bucket: str, prefix: str) -> StagedNote | None:
    """Read the note on the staged files of a run; `None` if it has none, or one of another version."""
    staging = open_staging(bucket, prefix)
    return read_note(staging) if STAGED_NOTE in staging.names() else None


@task(name="cancel_run", task_run_name="cancel_run-{run_id}", **STEP_OPTIONS)
def end_run(workspace: str, run_id: int) -> None:
    """Cancel a Databricks run."""
    cancel_run(named_client(workspace), run_id)


@task(name="remove_tables", task_run_name="remove_tables-{run}", **STEP_OPTIONS)
def remove_tables(database: str, run: str) -> None:
    """Remove the tables of a run, and its schema."""
    drop_run_tables(database, run)


@task(name="remove_files", task_run_name="remove_files-{prefix}", **STEP_OPTIONS)
def remove_files(bucket: str, prefix: str) -> None:
    """Remove the staged files of a run."""
    open_staging(bucket, prefix).delete()


@task(name="remove_folder", task_run_name="remove_folder-{path}", **STEP_OPTIONS)
def remove_folder(path: str) -> None:
    """Remove a hidden output folder of a run."""
    # Another sweep may remove it at the same time.
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


@task(name="remove_messages", task_run_name="remove_messages-{directory}", **STEP_OPTIONS)
def remove_messages(workspace: str, directory: str) -> None:
    """Remove the folder of a session of pipes."""
    channel_of(named_client(workspace), directory).clean(directory)


@task(name="restore_job", task_run_name="restore_job-{job.job_id}", **STEP_OPTIONS)
def restore_job(workspace: str, job: ChangedJob, settings: dict[str, Any]) -> None:
    """Give a saved job back the settings that it was created with.

    Raises:
        DatabricksRunRefused: Somebody else has changed it meanwhile.
    """
    client = named_client(workspace)
    tags = (get_job(client, job.job_id).get("settings") or {}).get("tags") or {}
    if CHANGED_TAG not in tags:
        return  # another sweep, or its own flow run, has restored it
    if (tags.get(HASH_TAG), tags[CHANGED_TAG]) != (job.settings_hash, job.changed_by):
        raise DatabricksRunRefused(f"Job {job.job_id} was changed meanwhile: {client.config.host}")
    reset_job(client, job.job_id, settings)


def address_of(client: WorkspaceClient) -> str:
    """The address of a workspace, as it is in the links to its runs."""
    return client.config.host.partition("://")[2].rstrip("/")


def _is_own_folder(path: Path) -> bool:
    """Whether a path is a folder, and no link to one somewhere else."""
    return path.is_dir() and not path.is_symlink()


def _active_run(run: dict[str, Any]) -> ActiveRun:
    job_id = run.get("job_id")
    mentions = frozenset(ids_in(str(run)))
    return ActiveRun(run["run_id"], _time(run.get("start_time") or 0), job_id, mentions)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
