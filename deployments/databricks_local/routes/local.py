"""Routes that only a local workspace has: faults and the log of requests."""

from fastapi import APIRouter, Request

from databricks_local.access.request_log import MAX_REQUESTS, RequestLog
from databricks_local.api.bodies import Json, read_integer, read_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.faults.book import FaultBook
from databricks_local.routes.incoming import read_body

FAULTS_PATH = "/local/faults"
REQUESTS_PATH = "/local/requests"


def local_router(faults: FaultBook, requests: RequestLog) -> APIRouter:
    """The routes under `/local`."""
    router = APIRouter()

    @router.post(FAULTS_PATH)
    async def add_fault(request: Request) -> Json:
        return {"fault_id": faults.add(await read_body(request))}

    @router.get(FAULTS_PATH)
    async def show_faults() -> Json:
        return {"faults": faults.show()}

    @router.delete(FAULTS_PATH)
    async def remove_faults(request: Request) -> Json:
        query = dict(request.query_params)
        if "fault_id" in query:
            faults.remove(read_integer(query, "fault_id"))
        else:
            faults.clear()
        return {}

    @router.get(REQUESTS_PATH)
    async def show_requests(request: Request) -> Json:
        query = dict(request.query_params)
        limit = read_integer(query, "limit", MAX_REQUESTS)
        if not 1 <= limit <= MAX_REQUESTS:
            raise invalid_parameter(f"limit must be between 1 and {MAX_REQUESTS}, but is {limit}.")
        prefix, since_id = read_string(query, "path_prefix"), read_integer(query, "since_id")
        found, has_more = requests.show(prefix, since_id, limit)
        return {"requests": found, "has_more": has_more, "last_id": requests.last_id}

    @router.delete(REQUESTS_PATH)
    async def clear_requests() -> Json:
        requests.clear()
        return {}

    return router
