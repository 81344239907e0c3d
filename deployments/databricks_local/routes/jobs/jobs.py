"""The Jobs API: saved jobs."""

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_integer,
    read_object,
    read_required_integer,
    read_string,
)
from databricks_local.api.errors import invalid_parameter, malformed_request
from databricks_local.api.paging import PAGE_SIZE, Page, listing_json, newest_first, read_page_token
from databricks_local.jobs import settings as job_settings
from databricks_local.routes.context import Workspace
from databricks_local.routes.incoming import read_body
from databricks_local.routes.jobs.job_json import job_json, listed_job_json

Version = Literal["2.0", "2.1", "2.2"]

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
"""Docs: "greater than 0 and less or equal to 100"; 25 in 2.1, which is not checked."""


def jobs_router(workspace: Workspace) -> APIRouter:
    """The routes under `jobs` that are not about runs, in each version of the API."""
    router = APIRouter(prefix="/api/{version}/jobs")
    jobs = workspace.jobs

    @router.post("/create")
    async def create(version: Version, request: Request) -> Json:
        settings = job_settings.complete_settings(await read_body(request), version)
        job = jobs.create(settings, workspace.user)
        await workspace.timetable.watch(job)
        await workspace.database.flush()
        return {"job_id": job.job_id}

    @router.post("/reset")
    async def reset(version: Version, request: Request) -> Json:
        body = await read_body(request)
        job = jobs.get(read_required_integer(body, "job_id"))
        jobs.change(job, job_settings.complete_settings(_new_settings(body), version))
        workspace.launcher.begin_waiting(job)
        await workspace.timetable.watch(job)
        await workspace.database.flush()
        return {}

    @router.post("/update")
    async def update(version: Version, request: Request) -> Json:
        body = await read_body(request)
        job = jobs.get(read_required_integer(body, "job_id"))
        changes = read_object(body, "new_settings") or {}
        jobs.change(job, job_settings.updated_settings(job.settings, changes, _removed(body)))
        workspace.launcher.begin_waiting(job)
        await workspace.timetable.watch(job)
        await workspace.database.flush()
        return {}

    @router.post("/delete")
    async def delete(version: Version, request: Request) -> Json:
        job_id = read_required_integer(await read_body(request), "job_id")
        workspace.launcher.delete_job(job_id)
        workspace.timetable.forget(job_id)
        await workspace.database.flush()
        return {}

    @router.post("/run-now")
    async def run_now(version: Version, request: Request) -> Json:
        run = workspace.launcher.run_now(await read_body(request))
        await workspace.database.flush()
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    _add_questions(router, workspace)
    return router


def _add_questions(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/get")
    async def get(version: Version, request: Request) -> Json:
        query = dict(request.query_params)
        job_id = read_required_integer(query, "job_id")
        job = workspace.jobs.find(job_id)
        if job is None:
            raise errors.job_to_get_not_found(job_id)
        # Paging came with 2.2; earlier versions answer with all tasks.
        limit = PAGE_SIZE if version == "2.2" else None
        return job_json(job, Page(read_page_token(read_string(query, "page_token")), limit))

    @router.get("/list")
    async def list_jobs(version: Version, request: Request) -> Json:
        return _list(workspace, version, dict(request.query_params))


def _list(workspace: Workspace, version: Version, query: Mapping[str, Any]) -> Json:
    limit = read_integer(query, "limit", DEFAULT_LIMIT)
    if not 0 <= limit <= MAX_LIMIT:
        raise invalid_parameter(f"Invalid value for limit: {limit}. It must be between 1 and {MAX_LIMIT}.")
    limit = limit or DEFAULT_LIMIT
    token, offset = read_string(query, "page_token"), max(read_integer(query, "offset"), 0)
    expand = read_boolean(query, "expand_tasks")
    # Docs: "the exact (case insensitive) job name".
    name = read_string(query, "name").casefold()
    found = (job for job in workspace.jobs.newest_first() if not name or job.spec.name.casefold() == name)
    page = newest_first(found, lambda job: (job.created_time, job.number), limit, token, offset)
    return listing_json("jobs", [listed_job_json(job, version, expand=expand) for job in page.items], page)


def _new_settings(body: Json) -> Json:
    settings = read_object(body, "new_settings")
    if settings is None:
        raise invalid_parameter("Missing required field: new_settings")
    return settings


def _removed(body: Json) -> list[str]:
    fields = body.get("fields_to_remove")
    if fields is None:
        return []
    if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
        raise malformed_request(
            "Could not parse request object: Expected a list of strings for field 'fields_to_remove'"
        )
    return fields
