"""The Warehouses API 2.0, and the sessions of the Statement Execution API."""

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json, read_integer, read_string
from databricks_local.api.errors import ApiError
from databricks_local.api.paging import page_of
from databricks_local.routes.answers import JsonAnswer
from databricks_local.routes.incoming import read_body
from databricks_local.sql.records import WarehouseRecord
from databricks_local.sql.service import Sql

PATH = "/api/2.0/sql/warehouses"
SESSIONS = "/api/2.0/sql/sessions"
MAX_PAGE = 100
NO_THRIFT = (
    "The local workspace does not speak Thrift: set use_sea=True (databricks-sql-connector), "
    "connection_parameters: {use_sea: true} (dbt), client_parameters={'use_sea': True} (Airflow)."
)


def warehouses_router(sql: Sql) -> APIRouter:
    """The routes of warehouses and sessions."""
    router = APIRouter()
    warehouses = sql.warehouses

    def shown(record: WarehouseRecord) -> Json:
        return record.as_json(sql.origin, sql.sessions.count(record.warehouse_id))

    @router.post(PATH)
    async def create(request: Request) -> Json:
        return {"id": warehouses.create(await read_body(request)).warehouse_id}

    @router.get(PATH)
    async def list_warehouses(request: Request) -> Json:
        query = request.query_params
        size, token = read_integer(query, "page_size"), read_string(query, "page_token")
        page, following = page_of(warehouses.all(), lambda record: str(record.name), size, token, MAX_PAGE)
        answer: Json = {"warehouses": [shown(record) for record in page]}
        return {**answer, "next_page_token": following} if following else answer

    @router.get(f"{PATH}/{{warehouse_id}}")
    async def get(warehouse_id: str) -> Json:
        return shown(warehouses.get(warehouse_id))

    @router.post(f"{PATH}/{{warehouse_id}}/edit")
    async def edit(request: Request, warehouse_id: str) -> Json:
        warehouses.edit(warehouse_id, await read_body(request))
        return {}

    @router.post(f"{PATH}/{{warehouse_id}}/start")
    async def start(warehouse_id: str) -> Json:
        warehouses.start(warehouse_id)
        return {}

    @router.post(f"{PATH}/{{warehouse_id}}/stop")
    async def stop(warehouse_id: str) -> Json:
        warehouses.stop(warehouse_id)
        return {}

    @router.delete(f"{PATH}/{{warehouse_id}}")
    async def delete(warehouse_id: str) -> Json:
        warehouses.delete(warehouse_id)
        return {}

    _add_sessions(router, sql)
    _add_thrift(router)
    return router


def _add_sessions(router: APIRouter, sql: Sql) -> None:
    @router.post(SESSIONS)
    async def create(request: Request) -> Json:
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        return {"session_id": sql.sessions.create(await read_body(request), token)}

    @router.delete(f"{SESSIONS}/{{session_id}}")
    async def delete(session_id: str) -> Json:
        await sql.sessions.delete(session_id)
        return {}


def _add_thrift(router: APIRouter) -> None:
    @router.post("/sql/1.0/{kind}/{name:path}")
    @router.post("/sql/protocolv1/{name:path}")
    async def refuse() -> JsonAnswer:
        # Source of the header: databricks-sql-connector shows it as the reason.
        refused = ApiError(400, "FEATURE_DISABLED", NO_THRIFT)
        return JsonAnswer(refused.as_dict(), 400, {"X-Thriftserver-Error-Message": NO_THRIFT})
