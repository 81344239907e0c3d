"""The pages that a person opens: runs, one run, login."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from deployments.local.workspace import html
from deployments.local.workspace.auth import cookie_name, is_token, session_of
from deployments.local.workspace.context import Workspace
from deployments.local.workspace.routes.incoming import read_content

MAX_RUNS = 200

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Id = Annotated[str, Path(pattern="^[0-9]{1,18}$")]


def pages_router(workspace: Workspace, token: str) -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(default_response_class=HTMLResponse)

    @router.get("/")
    async def runs() -> Response:
        newest = list(workspace.store.newest_first())
        return _page(html.runs_page(newest[:MAX_RUNS], len(newest), workspace.clock()))

    @router.get("/jobs/{job_id}/runs/{run_id}")
    async def run(job_id: Id, run_id: Id) -> Response:
        number = int(run_id)
        found = workspace.store.run(number)
        task = workspace.store.task(number)
        if found is None and task is not None:
            found = task[0]
        if found is None or str(found.job_id) != job_id:
            return _page(html.message_page("Not found", f"There is no run {run_id} of job {job_id}."), 404)
        tasks = [await workspace.store.with_output(each) for each in found.tasks]
        return _page(html.run_page(found, tasks, workspace.clock()))

    @router.get("/login")
    async def login_form(request: Request) -> Response:
        return _page(html.login_page(_local(request.query_params.get("next", "/"))))

    @router.post("/login")
    async def login(request: Request) -> Response:
        form = parse_qs((await read_content(request)).decode("utf-8", "replace"))
        target = _local(form.get("next", ["/"])[0])
        if not is_token(token.encode(), form.get("token", [""])[0].strip()):
            return _page(html.login_page(target, "This is not the token of this workspace."), 403)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(cookie_name(token), session_of(token), httponly=True, samesite="strict")
        return answer

    return router


def _local(target: str) -> str:
    """A path of this server; anything else becomes the list of runs."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if safe else "/"


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, HEADERS)
