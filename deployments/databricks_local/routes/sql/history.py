"""The Query History API 2.0."""

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json
from databricks_local.sql.history import history_json, read_history_request
from databricks_local.sql.service import Sql


def history_router(sql: Sql) -> APIRouter:
    """The route of the query history."""
    router = APIRouter()

    @router.get("/api/2.0/sql/history/queries")
    async def list_queries(request: Request) -> Json:
        query = request.query_params
        return history_json(sql.statements.history(), read_history_request(dict(query), query))

    return router
