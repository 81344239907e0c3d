"""The pages that a person opens: runs, one run, jobs, login."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from databricks_local.access.tokens import cookie_name, is_token, session_of
from databricks_local.pages.formatting import run_path
from databricks_local.pages.lists import (
    GROUPS,
    group_of,
    job_page,
    jobs_page,
    login_page,
    message_page,
    runs_page,
)
from databricks_local.pages.run import inline_tasks, run_page, task_page
from databricks_local.routes.answers import PageAnswer, page_answer
from databricks_local.routes.context import Workspace
from databricks_local.routes.incoming import read_content
from databricks_local.runs.models import Run

MAX_RUNS = 200
"""How many runs or jobs a list shows at most."""

Id = Annotated[str, Path(pattern="^[0-9]{1,18}$")]


def pages_router(workspace: Workspace, token: str) -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(default_response_class=PageAnswer)

    @router.get("/")
    async def runs(state: str = "") -> Response:
        shown, counts, chosen = _choose(workspace.store.newest_first(), state)
        return page_answer(runs_page(shown, counts, chosen, workspace.clock()))

    @router.get("/jobs")
    async def jobs() -> Response:
        saved = list(workspace.jobs.newest_first())
        last = {run.job_id: run for run in reversed(list(workspace.store.newest_first()))}
        return page_answer(jobs_page([(job, last.get(job.job_id)) for job in saved[:MAX_RUNS]], len(saved)))

    @router.get("/jobs/{job_id}")
    async def job(job_id: Id, state: str = "") -> Response:
        found = next((each for each in workspace.jobs.newest_first() if str(each.job_id) == job_id), None)
        if found is None:
            return page_answer(message_page("Not found", f"There is no job {job_id}."), 404)
        of_job = reversed(list(workspace.store.of_job(found.job_id)))
        shown, counts, chosen = _choose(of_job, state)
        return page_answer(job_page(found, shown, counts, chosen, workspace.clock()))

    @router.get("/jobs/{job_id}/runs/{run_id}")
    async def run(job_id: Id, run_id: Id) -> Response:
        return await _run(workspace, job_id, int(run_id))

    @router.get("/runs/{run_id}")
    async def run_without_job(run_id: Id) -> Response:
        found = workspace.store.run(int(run_id))
        if found is None:
            return page_answer(message_page("Not found", f"There is no run {run_id}."), 404)
        return RedirectResponse(run_path(found), 303)

    _add_login(router, token, secure=workspace.links.origin.startswith("https:"))
    return router


def _add_login(router: APIRouter, token: str, *, secure: bool) -> None:
    @router.get("/login")
    async def login_form(request: Request) -> Response:
        return page_answer(login_page(_local(request.query_params.get("next", "/"))))

    @router.post("/login")
    async def login(request: Request) -> Response:
        form = parse_qs((await read_content(request)).decode("utf-8", "replace"))
        target = _local(form.get("next", ["/"])[0])
        if not is_token(token.encode(), form.get("token", [""])[0].strip()):
            return page_answer(login_page(target, "This is not the token of this workspace."), 403)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            cookie_name(token), session_of(token), httponly=True, samesite="strict", secure=secure
        )
        return answer


async def _run(workspace: Workspace, job_id: str, run_id: int) -> Response:
    run = workspace.store.run(run_id)
    found = workspace.store.task(run_id)
    whole = run or (found[0] if found else None)
    if whole is None or str(whole.job_id) != job_id:
        return page_answer(message_page("Not found", f"There is no run {run_id} of job {job_id}."), 404)
    # A run of the single-task format has the same id as its task. The page of the run shows both.
    if run is None and found is not None:
        task = await workspace.store.with_output(found[1])
        return page_answer(task_page(whole, task, workspace.clock()))
    shown = [await workspace.store.with_output(task) for task in inline_tasks(whole)]
    return page_answer(run_page(whole, shown, workspace.clock()))


def _choose(newest_first: Iterable[Run], state: str) -> tuple[list[Run], Counter[str], str]:
    """The runs to show, how many runs each group has, and the chosen group; empty for all."""
    chosen = state if state in GROUPS else ""
    counts: Counter[str] = Counter()
    shown: list[Run] = []
    for run in newest_first:
        group = group_of(run)
        counts[group] += 1
        if group == chosen or not chosen:
            shown.append(run)
    return shown[:MAX_RUNS], counts, chosen


def _local(target: str) -> str:
    """The target if it is a path of this server, otherwise the path of the list of runs."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if safe else "/"
