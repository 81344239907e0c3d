"""The Queries API 2.0."""

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json, read_integer, read_string
from databricks_local.api.paging import page_of
from databricks_local.routes.incoming import read_body
from databricks_local.sql.queries import Queries

PATH = "/api/2.0/sql/queries"
MAX_PAGE = 100


def queries_router(queries: Queries) -> APIRouter:
    """The routes of saved queries."""
    router = APIRouter()

    @router.post(PATH)
    async def create(request: Request) -> Json:
        return queries.create(await read_body(request))

    @router.get(PATH)
    async def list_queries(request: Request) -> Json:
        query = request.query_params
        size, token = read_integer(query, "page_size"), read_string(query, "page_token")
        page, following = page_of(queries.all(), lambda each: str(each["id"]), size, token, MAX_PAGE)
        answer: Json = {"results": page} if page else {}
        return {**answer, "next_page_token": following} if following else answer

    @router.get(f"{PATH}/{{query_id}}")
    async def get(query_id: str) -> Json:
        return queries.get(query_id)

    @router.patch(f"{PATH}/{{query_id}}")
    async def update(request: Request, query_id: str) -> Json:
        return queries.update(query_id, await read_body(request))

    @router.delete(f"{PATH}/{{query_id}}")
    async def delete(query_id: str) -> Json:
        queries.delete(query_id)
        return {}

    return router
