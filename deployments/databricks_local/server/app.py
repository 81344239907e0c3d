"""The application: routes, errors, the token check."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from databricks_local.api import errors
from databricks_local.api.errors import ApiError
from databricks_local.execution.executor import Executor
from databricks_local.routes.answers import JsonAnswer
from databricks_local.routes.catalog.governance import metastore_router
from databricks_local.routes.catalog.pages import catalog_pages_router
from databricks_local.routes.context import Workspace
from databricks_local.routes.files.workspace_files import files_router, import_file_router
from databricks_local.routes.jobs.jobs import jobs_router
from databricks_local.routes.jobs.runs import runs_router
from databricks_local.routes.local import local_router, time_router
from databricks_local.routes.oidc import oidc_router
from databricks_local.routes.pages import pages_router
from databricks_local.routes.scim import scim_router
from databricks_local.routes.services import services_router
from databricks_local.server.local_tools import LocalTools
from databricks_local.server.token_check import TokenCheck
from databricks_local.storage.database import NotWrittenError

IDLE_CHECK_SECONDS = 5
"""How often to look for idle clusters and warehouses. Their idle times are minutes: seconds do not matter."""

RETENTION_CHECK_SECONDS = 3600
"""How often to look for runs that are older than runs are kept, which is days."""

_LOG = logging.getLogger("databricks_local")


def create_app(workspace: Workspace, token: str, executor: Executor, tools: LocalTools) -> FastAPI:
    """Make the application that serves a workspace.

    Args:
        workspace: The workspace to serve.
        token: What every request has to show.
        executor: Starts its interpreter in the background.
        tools: Faults, the log of requests, and tokens.

    Returns:
        An ASGI application.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        looking = workspace.timetable.begin()
        warming = asyncio.create_task(executor.warm())
        warming.add_done_callback(_report_warm_up)
        watching = asyncio.create_task(_end_idle_clusters(workspace))
        forgetting = asyncio.create_task(_forget_old_runs(workspace))
        yield
        looking.cancel()
        watching.cancel()
        forgetting.cancel()
        await workspace.runner.close()
        await workspace.services.close()
        await workspace.database.close()
        warming.cancel()
        await executor.close()

    app = FastAPI(
        title="Local Databricks workspace",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        default_response_class=JsonAnswer,
    )
    # A path with a slash too many is an unknown endpoint, not a redirect.
    app.router.redirect_slashes = False
    app.add_middleware(TokenCheck, token=token, issued=tools.accepts)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(NotWrittenError, _not_written)
    app.add_exception_handler(HTTPException, _unknown_endpoint)
    app.add_exception_handler(RequestValidationError, _unknown_endpoint)
    app.add_exception_handler(Exception, _unexpected)
    routers = scim_router, files_router, import_file_router, jobs_router, runs_router, time_router
    for router in (*routers, metastore_router):
        app.include_router(router(workspace))
    app.include_router(services_router(workspace.services, workspace.jobs.get))
    app.include_router(local_router(tools.faults, tools.requests))
    app.include_router(oidc_router(tools.issuer, workspace.links))
    app.include_router(pages_router(workspace, token))
    app.include_router(catalog_pages_router(workspace.services))
    return app


async def _api_error(_: Request, error: Exception) -> JsonAnswer:
    if not isinstance(error, ApiError):
        raise error
    return JsonAnswer(error.as_dict(), error.status)


async def _not_written(_: Request, error: Exception) -> JsonAnswer:
    refused = errors.not_written(str(error))
    return JsonAnswer(refused.as_dict(), refused.status)


async def _unexpected(_: Request, error: Exception) -> JsonAnswer:
    """An error in the workspace itself, which is logged with its trace by the server."""
    internal = ApiError(500, "INTERNAL_ERROR", f"{type(error).__name__} in the local workspace; see its log.")
    return JsonAnswer(internal.as_dict(), internal.status)


async def _unknown_endpoint(request: Request, _: Exception) -> JsonAnswer:
    """No route, a wrong method, or an unknown version of the API."""
    missing = errors.endpoint_not_found(request.method, request.url.path)
    return JsonAnswer(missing.as_dict(), missing.status)


async def _end_idle_clusters(workspace: Workspace) -> None:
    while True:
        await asyncio.sleep(IDLE_CHECK_SECONDS)
        workspace.services.clusters.end_idle()
        workspace.services.sql.end_idle()


async def _forget_old_runs(workspace: Workspace) -> None:
    while True:
        await asyncio.sleep(RETENTION_CHECK_SECONDS)
        workspace.store.forget_old()


def _report_warm_up(warming: "asyncio.Task[None]") -> None:
    if not warming.cancelled() and warming.exception() is not None:
        _LOG.error("the interpreter for notebooks could not be started: %r", warming.exception())
