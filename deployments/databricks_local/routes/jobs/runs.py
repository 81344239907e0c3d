"""The Jobs API: runs."""

from typing import Literal

from fastapi import APIRouter, Request

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_required_integer,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.paging import PAGE_SIZE, Page, read_page_token
from databricks_local.jobs.specs import NotebookSpec
from databricks_local.pages.run import export_page
from databricks_local.routes.context import Workspace
from databricks_local.routes.incoming import read_body
from databricks_local.routes.jobs.run_json import output_json, run_json, task_run_json
from databricks_local.routes.jobs.run_lists import list_runs
from databricks_local.runs.models import Run, TaskRun

Version = Literal["2.0", "2.1", "2.2"]

VIEWS = ("CODE", "DASHBOARDS", "ALL")


def runs_router(workspace: Workspace) -> APIRouter:
    """The routes under `jobs/runs`, in each version of the API."""
    router = APIRouter(prefix="/api/{version}/jobs/runs")
    _add_reading(router, workspace)
    _add_starting(router, workspace)
    _add_ending(router, workspace)
    return router


def _add_starting(router: APIRouter, workspace: Workspace) -> None:
    launcher, database = workspace.launcher, workspace.database

    @router.post("/submit")
    async def submit(version: Version, request: Request) -> Json:
        run = launcher.submit(await read_body(request))
        await database.flush()
        return {"run_id": run.run_id}

    @router.post("/repair")
    async def repair(version: Version, request: Request) -> Json:
        repair_id = launcher.repair(await read_body(request))
        await database.flush()
        return {"repair_id": repair_id}


def _add_reading(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/get")
    async def get(version: Version, request: Request) -> Json:
        shown = _get(workspace, version, dict(request.query_params))
        if shown["end_time"]:
            # What is seen to have ended is not lost if the server is killed now.
            await workspace.database.settle()
        return shown

    @router.get("/get-output")
    async def get_output(version: Version, request: Request) -> Json:
        run, task = _task_run(workspace, version, dict(request.query_params))
        await workspace.database.settle()
        return output_json(run, await workspace.store.with_output(task), workspace.links)

    @router.get("/export")
    async def export(version: Version, request: Request) -> Json:
        query = dict(request.query_params)
        views = read_choice(query, "views_to_export", VIEWS, "CODE")
        _, task = _task_run(workspace, version, query)
        if not isinstance(task.spec.body, NotebookSpec):
            raise errors.not_a_notebook_run()
        if views == "DASHBOARDS":
            # There are no dashboards here; an empty list is an answer without the field.
            return {}
        content = export_page(await workspace.store.with_output(task))
        name = task.spec.body.path.rpartition("/")[2]
        return {"views": [{"content": content, "name": name, "type": "NOTEBOOK"}]}

    @router.get("/list")
    async def list_all(version: Version, request: Request) -> Json:
        return list_runs(workspace, dict(request.query_params))


def _add_ending(router: APIRouter, workspace: Workspace) -> None:
    database = workspace.database

    @router.post("/cancel")
    async def cancel(version: Version, request: Request) -> Json:
        _cancel(workspace, read_required_integer(await read_body(request), "run_id"))
        await database.flush()
        return {}

    @router.post("/cancel-all")
    async def cancel_all(version: Version, request: Request) -> Json:
        _cancel_all(workspace, await read_body(request))
        await database.flush()
        return {}

    @router.post("/delete")
    async def delete(version: Version, request: Request) -> Json:
        _delete(workspace, read_required_integer(await read_body(request), "run_id"))
        await database.flush()
        return {}


def _get(workspace: Workspace, version: Version, query: dict[str, str]) -> Json:
    run_id = read_required_integer(query, "run_id")
    # Paging came with 2.2; earlier versions answer with all tasks.
    page = Page(read_page_token(read_string(query, "page_token")), PAGE_SIZE if version == "2.2" else None)
    history = read_boolean(query, "include_history")
    resolved = read_boolean(query, "include_resolved_values")
    run = workspace.store.run(run_id)
    if run is not None:
        return run_json(run, workspace.links, page, history=history, resolved=resolved)
    found = workspace.store.task(run_id)
    if found is None:
        raise errors.run_not_found(run_id)
    return task_run_json(*found, workspace.links, page, resolved=resolved)


def _task_run(workspace: Workspace, version: Version, query: dict[str, str]) -> tuple[Run, TaskRun]:
    """The task run whose output is asked for."""
    run_id = read_required_integer(query, "run_id")
    found = workspace.store.task(run_id)
    run = workspace.store.run(run_id)
    # The 2.0 path took the id of the run if it has one task.
    if found is None and run is not None and version == "2.0":
        latest = list(run.latest().values())
        found = (run, latest[0]) if len(latest) == 1 else None
    if found is None:
        raise errors.run_not_found(run_id) if run is None else errors.output_of_several_tasks()
    return found


def _cancel(workspace: Workspace, run_id: int) -> None:
    run = workspace.store.run(run_id)
    found = workspace.store.task(run_id)
    if run is not None:
        workspace.runner.cancel_run(run)
    elif found is not None:
        workspace.runner.cancel_task(*found)
    else:
        raise errors.run_not_found(run_id)


def _cancel_all(workspace: Workspace, body: Json) -> None:
    job_id = read_integer(body, "job_id")
    queued_only = read_boolean(body, "all_queued_runs")
    if not job_id and not queued_only:
        raise invalid_parameter("One of job_id and all_queued_runs must be specified.")
    if job_id and not workspace.jobs.is_deleted(job_id):
        workspace.jobs.get(job_id)
    workspace.launcher.cancel_all(job_id, queued_only=queued_only)


def _delete(workspace: Workspace, run_id: int) -> None:
    run = workspace.store.run(run_id)
    if run is None:
        raise errors.run_not_found(run_id)
    # An active run cannot be deleted (docs: runs/delete).
    if run.active:
        raise errors.run_active(run_id, "deleted")
    workspace.store.delete(run)
