"""The Jobs API: runs."""

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Request

from deployments.local.workspace import errors
from deployments.local.workspace.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_required_integer,
    read_string,
)
from deployments.local.workspace.context import Workspace
from deployments.local.workspace.errors import invalid_parameter
from deployments.local.workspace.models import Run
from deployments.local.workspace.requests import parse_submit
from deployments.local.workspace.routes.incoming import read_body
from deployments.local.workspace.run_json import (
    PAGE_SIZE,
    base_run_json,
    output_json,
    page_token,
    read_page_token,
    run_json,
    task_json,
    task_run_json,
)
from deployments.local.workspace.scheduling import is_active

Version = Literal["2.0", "2.1", "2.2"]

RUN_TYPES = ("", "JOB_RUN", "WORKFLOW_RUN", "SUBMIT_RUN")
DEFAULT_LIMIT = 20
MAX_LIMIT = 25


def runs_router(workspace: Workspace) -> APIRouter:
    """The routes under `jobs/runs`, in each version of the API."""
    router = APIRouter(prefix="/api/{version}/jobs/runs")

    @router.post("/submit")
    async def submit(version: Version, request: Request) -> Json:
        run, is_new = workspace.store.create(parse_submit(await read_body(request)), workspace.user)
        if is_new:
            workspace.runner.start(run)
        return {"run_id": run.run_id}

    @router.get("/get")
    async def get(version: Version, request: Request) -> Json:
        return _get(workspace, version, dict(request.query_params))

    @router.get("/get-output")
    async def get_output(version: Version, request: Request) -> Json:
        return _get_output(workspace, version, dict(request.query_params))

    @router.post("/cancel")
    async def cancel(version: Version, request: Request) -> Json:
        return _cancel(workspace, read_required_integer(await read_body(request), "run_id"))

    @router.get("/list")
    async def list_runs(version: Version, request: Request) -> Json:
        return _list(workspace, dict(request.query_params))

    return router


def _get(workspace: Workspace, version: Version, query: dict[str, str]) -> Json:
    run_id = read_required_integer(query, "run_id")
    offset = read_page_token(read_string(query, "page_token"))
    run = workspace.store.run(run_id)
    if run is None:
        found = workspace.store.task(run_id)
        if found is None:
            raise errors.run_not_found(run_id)
        return task_run_json(*found, workspace.links)
    # Paging came with 2.2; earlier versions answer with all tasks.
    limit = PAGE_SIZE if version == "2.2" else None
    history = read_boolean(query, "include_history")
    return run_json(run, workspace.links, history=history, offset=offset, limit=limit)


def _get_output(workspace: Workspace, version: Version, query: dict[str, str]) -> Json:
    run_id = read_required_integer(query, "run_id")
    found = workspace.store.task(run_id)
    run = workspace.store.run(run_id)
    # The 2.0 path took the id of the run if it has one task.
    if found is None and run is not None and version == "2.0" and len(run.tasks) == 1:
        found = run, run.tasks[0]
    if found is None:
        raise errors.run_not_found(run_id) if run is None else errors.output_of_several_tasks()
    return output_json(*found, workspace.links)


def _cancel(workspace: Workspace, run_id: int) -> Json:
    run = workspace.store.run(run_id)
    found = workspace.store.task(run_id)
    if run is not None:
        workspace.runner.cancel_run(run)
    elif found is not None:
        workspace.runner.cancel_task(found[1])
    else:
        raise errors.run_not_found(run_id)
    return {}


def _list(workspace: Workspace, query: dict[str, str]) -> Json:
    limit = _limit(query)
    offset = read_page_token(read_string(query, "page_token")) or max(read_integer(query, "offset"), 0)
    wanted = _filter(query)
    runs = [run for run in workspace.store.newest_first() if wanted(run)]
    expand = read_boolean(query, "expand_tasks")
    shown: Json = {"has_more": len(runs) > offset + limit}
    page = [base_run_json(run, workspace.links) for run in runs[offset : offset + limit]]
    if expand:
        for run, item in zip(runs[offset:], page, strict=False):
            item["tasks"] = [task_json(run, task, workspace.links) for task in run.tasks[:PAGE_SIZE]]
    if page:
        shown["runs"] = page
    if shown["has_more"]:
        shown["next_page_token"] = page_token(offset + limit)
    if offset:
        shown["prev_page_token"] = page_token(max(offset - limit, 0))
    return shown


def _limit(query: dict[str, str]) -> int:
    """Docs: above 0 and below 25, with 20 as the default; 0 is the maximum."""
    limit = read_integer(query, "limit", DEFAULT_LIMIT)
    if not 0 <= limit <= MAX_LIMIT:
        raise invalid_parameter(f"Invalid value for limit: {limit}. It must be between 0 and {MAX_LIMIT}.")
    return limit or MAX_LIMIT


def _filter(query: dict[str, str]) -> Callable[[Run], bool]:
    active, completed = read_boolean(query, "active_only"), read_boolean(query, "completed_only")
    if active and completed:
        raise invalid_parameter("Only one of active_only and completed_only can be true.")
    run_type = read_choice(query, "run_type", RUN_TYPES, "")
    job_id = read_integer(query, "job_id", -1)
    earliest = read_integer(query, "start_time_from")
    latest = read_integer(query, "start_time_to", 2**63 - 1)

    def wanted(run: Run) -> bool:
        if (active or completed) and is_active(run.state) != active:
            return False
        in_time = earliest <= run.start_time <= latest
        return in_time and run_type in ("", "SUBMIT_RUN") and job_id in (-1, run.job_id)

    return wanted
