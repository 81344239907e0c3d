"""The Statement Execution API 2.0, and the links under which results are fetched."""

import asyncio
from pathlib import Path
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from databricks_local.api.bodies import Json, parse_body
from databricks_local.api.errors import ApiError
from databricks_local.routes.answers import JsonAnswer
from databricks_local.routes.incoming import read_content
from databricks_local.sql.content import has_content, statement_json, with_content
from databricks_local.sql.requests import MAX_TEXT_BYTES, read_statement
from databricks_local.sql.results import OPEN_PREFIX
from databricks_local.sql.service import Sql
from databricks_local.sql.statement_records import StatementRecord

PATH = "/api/2.0/sql/statements"
MAX_BODY_BYTES = 2 * MAX_TEXT_BYTES + 1024 * 1024
"""A text of the greatest length in JSON, where a character may take two, and the rest."""

MEDIA_TYPES = {
    "JSON_ARRAY": "application/json",
    "ARROW_STREAM": "application/vnd.apache.arrow.stream",
    "CSV": "text/csv",
}


def statements_router(sql: Sql) -> APIRouter:
    """The routes of statements."""
    router = APIRouter()
    statements = sql.statements

    @router.post(PATH)
    @router.post(f"{PATH}/")
    async def execute(request: Request) -> Response:
        content = await read_content(request, MAX_BODY_BYTES)
        # Text of 16 MiB takes its time.
        body = await asyncio.to_thread(parse_body, content)
        return await _answer(sql, await statements.execute(read_statement(body)))

    @router.get(f"{PATH}/{{statement_id}}")
    async def get(statement_id: str) -> Response:
        return await _answer(sql, statements.get(statement_id))

    @router.post(f"{PATH}/{{statement_id}}/cancel")
    async def cancel(statement_id: str) -> Json:
        statements.cancel(statement_id)
        return {}

    @router.delete(f"{PATH}/{{statement_id}}")
    async def close(statement_id: str) -> Json:
        statements.close(statement_id)
        return {}

    @router.get(f"{PATH}/{{statement_id}}/result/chunks/{{chunk_index}}")
    async def chunk(statement_id: str, chunk_index: str) -> Response:
        record = statements.get(statement_id)
        index = int(chunk_index) if chunk_index.isascii() and chunk_index.isdecimal() else -1
        file = statements.file_of(record, index)
        shown = sql.links.result_json(record, index, sql.clock())
        return await _with_content(sql, shown, shown, record, file)

    @router.get(f"{OPEN_PREFIX}/{{statement_id}}/{{index}}")
    async def fetch(request: Request, statement_id: str, index: str) -> Response:
        return _file(sql, request, statement_id, index)

    return router


async def _answer(sql: Sql, record: StatementRecord) -> Response:
    shown = statement_json(record, sql.links, sql.clock())
    if not has_content(record, sql.clock()):
        return JsonAnswer(shown)
    return await _with_content(sql, shown, shown["result"], record, sql.statements.file_of(record, 0))


async def _with_content(sql: Sql, shown: Json, result: Json, record: StatementRecord, file: Path) -> Response:
    if not has_content(record, sql.clock()):
        return JsonAnswer(shown)
    try:
        content = await asyncio.to_thread(with_content, shown, result, record, file)
    except FileNotFoundError as error:
        raise ApiError(404, "NOT_FOUND", f"The result of statement {record.statement_id} is gone.") from error
    return Response(content, media_type="application/json")


def _file(sql: Sql, request: Request, statement_id: str, index: str) -> Response:
    query = request.query_params
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if "authorization" in request.headers:
        # Storages refuse two ways to log in; the token is not for them (docs: external links).
        return _refusal(400, "InvalidArgument", "Fetch this link without an Authorization header.")
    if not sql.links.is_valid(statement_id, index, expires, signature):
        return _refusal(403, "SignatureDoesNotMatch", "The signature does not match the request.")
    if int(expires) < sql.clock():
        return _refusal(403, "AccessDenied", "Request has expired")
    try:
        record = sql.statements.get(statement_id)
        file = sql.statements.file_of(record, int(index))
    except ApiError as error:
        return _refusal(404, "NoSuchKey", error.message)
    if not file.is_file():
        return _refusal(404, "NoSuchKey", "The result is gone.")
    return FileResponse(file, media_type=MEDIA_TYPES[record.request.format])


def _refusal(status: int, code: str, message: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(body, status, media_type="application/xml")
