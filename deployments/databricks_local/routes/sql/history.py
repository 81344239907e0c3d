"""The Query History API 2.0."""

import asyncio

from fastapi import APIRouter, Request

from databricks_local.routes.answers import JsonAnswer
from databricks_local.sql.history import history_json, read_history_request
from databricks_local.sql.service import Sql


def history_router(sql: Sql) -> APIRouter:
    """The route of the query history."""
    router = APIRouter()

    @router.get("/api/2.0/sql/history/queries")
    async def list_queries(request: Request) -> JsonAnswer:
        query = request.query_params
        shown = history_json(sql.statements.history(), read_history_request(dict(query), query))
        # A page with a thousand texts takes its time.
        return await asyncio.to_thread(JsonAnswer, shown)

    return router
