"""The DBFS API 2.0."""

import asyncio
import base64
import binascii
from contextlib import ExitStack
from typing import BinaryIO

from fastapi import APIRouter, Request

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_integer,
    read_required_integer,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.multipart import boundary_of, read_fields
from databricks_local.files.dbfs import DEFAULT_READ_BYTES, MAX_BLOCK_BYTES, Dbfs, block_too_large
from databricks_local.files.tree import Entry
from databricks_local.routes.incoming import read_body

MAX_FIELD_BYTES = 16 * 1024


def dbfs_router(dbfs: Dbfs) -> APIRouter:
    """The routes of DBFS."""
    router = APIRouter(prefix="/api/2.0/dbfs")
    _add_questions(router, dbfs)
    _add_streams(router, dbfs)

    @router.post("/put")
    async def put(request: Request) -> Json:
        kind = request.headers.get("content-type", "")
        if kind.lower().startswith("multipart/form-data"):
            await _put_form(request, dbfs, kind)
            return {}
        body = await read_body(request)
        content = read_base64(body, "contents")
        if len(content) > MAX_BLOCK_BYTES:
            raise block_too_large()
        path, overwrite = read_required_string(body, "path"), read_boolean(body, "overwrite")
        with dbfs.writing(path, overwrite=overwrite) as file:
            file.write(content)
        return {}

    @router.post("/mkdirs")
    async def mkdirs(request: Request) -> Json:
        dbfs.mkdirs(read_required_string(await read_body(request), "path"))
        return {}

    @router.post("/delete")
    async def delete(request: Request) -> Json:
        body = await read_body(request)
        path, recursive = read_required_string(body, "path"), read_boolean(body, "recursive")
        await asyncio.to_thread(dbfs.delete, path, recursive=recursive)
        return {}

    @router.post("/move")
    async def move(request: Request) -> Json:
        body = await read_body(request)
        dbfs.move(read_required_string(body, "source_path"), read_required_string(body, "destination_path"))
        return {}

    return router


def _add_questions(router: APIRouter, dbfs: Dbfs) -> None:
    @router.get("/get-status")
    async def get_status(request: Request) -> Json:
        return entry_json(dbfs.status(read_required_string(request.query_params, "path")))

    @router.get("/list")
    async def list_files(request: Request) -> Json:
        found = await asyncio.to_thread(dbfs.children, read_required_string(request.query_params, "path"))
        return {"files": [entry_json(entry) for entry in found]} if found else {}

    @router.get("/read")
    async def read(request: Request) -> Json:
        query = request.query_params
        path = read_required_string(query, "path")
        length = read_integer(query, "length", DEFAULT_READ_BYTES)
        content = dbfs.read(path, read_integer(query, "offset"), length)
        return {"bytes_read": len(content), "data": base64.b64encode(content).decode()}


def _add_streams(router: APIRouter, dbfs: Dbfs) -> None:
    @router.post("/create")
    async def create(request: Request) -> Json:
        body = await read_body(request)
        path = read_required_string(body, "path")
        return {"handle": dbfs.create(path, overwrite=read_boolean(body, "overwrite"))}

    @router.post("/add-block")
    async def add_block(request: Request) -> Json:
        body = await read_body(request)
        dbfs.add_block(read_required_integer(body, "handle"), read_base64(body, "data"))
        return {}

    @router.post("/close")
    async def close(request: Request) -> Json:
        dbfs.close(read_required_integer(await read_body(request), "handle"))
        return {}


def entry_json(entry: Entry) -> Json:
    """A file or directory as DBFS shows it."""
    return {
        "path": entry.path,
        "is_dir": entry.is_directory,
        "file_size": entry.size,
        "modification_time": entry.modified_at,
    }


def read_base64(body: Json, name: str) -> bytes:
    """A field that holds bytes."""
    try:
        return base64.b64decode(read_string(body, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_parameter(f"{name} is not valid base64.") from error


async def _put_form(request: Request, dbfs: Dbfs, content_type: str) -> None:
    """A form with `path`, `overwrite`, and after them the file in `contents`, of any size (docs)."""
    fields: dict[str, bytes] = {}
    file: BinaryIO | None = None
    with ExitStack() as writing:
        async for piece in read_fields(request.stream(), boundary_of(content_type)):
            if piece.field == "contents":
                if file is None:
                    path, overwrite = _form_target(fields)
                    file = writing.enter_context(dbfs.writing(path, overwrite=overwrite))
                file.write(piece.data)
            else:
                fields[piece.field] = fields.get(piece.field, b"") + piece.data
                if sum(map(len, fields.values())) > MAX_FIELD_BYTES:
                    raise invalid_parameter("The fields of the form are too long.")
        if file is None:
            raise invalid_parameter("The form has no file named contents.")


def _form_target(fields: dict[str, bytes]) -> tuple[str, bool]:
    texts = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    return read_required_string(texts, "path"), read_boolean(texts, "overwrite")
