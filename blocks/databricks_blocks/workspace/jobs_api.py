"""Jobs that are saved in the workspace: found, created, changed, run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.workspace.runs_api import call_jobs_api

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_JOBS_ON_A_PAGE = 100


def find_jobs(client: WorkspaceClient, name: str) -> Iterator[dict[str, Any]]:
    """List the jobs of a name, the oldest first."""
    yield from list_jobs(client, name=name)


def list_jobs(client: WorkspaceClient, **filters: str) -> list[dict[str, Any]]:
    """List jobs without their tasks, the oldest first.

    Args:
        client: SDK client of the workspace.
        **filters: As `jobs/list` takes them, such as `name`; without one: all jobs.
    """
    query: dict[str, Any] = {**filters, "limit": _JOBS_ON_A_PAGE}
    jobs: list[dict[str, Any]] = []
    while True:
        page = call_jobs_api(client, "GET", "list", query=query)
        jobs += page.get("jobs") or ()
        if not page.get("next_page_token"):
            break
        query["page_token"] = page["next_page_token"]
    return sorted(jobs, key=lambda job: (job.get("created_time") or 0, job["job_id"]))


def job_of_settings(client: WorkspaceClient, settings: Mapping[str, Any], tag: str) -> int:
    """Find the job that was created with the same settings, or create it.

    `jobs/create` takes no idempotency token, so two calls at the same time, or one whose answer was lost, can
    create the job twice. So this looks again after it created a job: the oldest one is taken, and the new one
    is removed if it is not the oldest.

    Args:
        client: SDK client of the workspace.
        settings: The body of `jobs/create`.
        tag: Name of the tag that holds the hash of the settings.
    """

    def find() -> int | None:
        for job in find_jobs(client, settings["name"]):
            tags = (job.get("settings") or {}).get("tags") or {}
            if tags.get(tag) == settings["tags"][tag]:
                return int(job["job_id"])
        return None

    if (found := find()) is not None:
        return found
    answer = call_jobs_api(client, "POST", "create", body=dict(settings), expect="job_id")
    created = int(answer["job_id"])
    first = find()
    if first is not None and first != created:
        call_jobs_api(client, "POST", "delete", body={"job_id": created})
    return created if first is None else first


def job_by_name(client: WorkspaceClient, name: str) -> int:
    """Find the one job of a name.

    Raises:
        DatabricksRunRefused: There is none, or more than one.
    """
    ids = [int(job["job_id"]) for job in find_jobs(client, name)]
    if len(ids) != 1:
        many = f"{len(ids)} jobs ({', '.join(map(str, ids))})" if ids else "no job"
        raise DatabricksRunRefused(f"There is {many} named `{name}` at {client.config.host}; give its id.")
    return ids[0]


def get_job(client: WorkspaceClient, job_id: int) -> dict[str, Any]:
    """Read a job and its settings, all pages merged."""
    query: dict[str, Any] = {"job_id": job_id}
    job = call_jobs_api(client, "GET", "get", query=query)
    page = job
    while token := page.get("next_page_token"):
        page = call_jobs_api(client, "GET", "get", query={**query, "page_token": token})
        for name in ("tasks", "job_clusters", "environments", "parameters"):
            if items := (page.get("settings") or {}).get(name):
                job["settings"].setdefault(name, []).extend(items)
    job.pop("next_page_token", None)
    return job


def reset_job(client: WorkspaceClient, job_id: int, settings: Mapping[str, Any]) -> None:
    """Replace all settings of a job."""
    call_jobs_api(client, "POST", "reset", body={"job_id": job_id, "new_settings": dict(settings)})


def run_now(client: WorkspaceClient, request: Mapping[str, Any]) -> int:
    """Start a run of a saved job, or find the one that the idempotency token already started; its id."""
    return int(call_jobs_api(client, "POST", "run-now", body=dict(request), expect="run_id")["run_id"])
