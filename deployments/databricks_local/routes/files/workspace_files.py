"""The Workspace API: import, export, get-status, list, mkdirs, delete."""

import asyncio
import base64
import binascii

from fastapi import APIRouter, Request, Response

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    parse_body,
    read_boolean,
    read_choice,
    read_integer,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.multipart import boundary_of, read_fields
from databricks_local.files.workspace_files import WorkspaceFiles, WorkspaceObject
from databricks_local.routes.answers import JsonAnswer
from databricks_local.routes.context import Workspace
from databricks_local.routes.incoming import pieces_of, read_body, read_content
from databricks_local.runtime.source import NotebookSourceError, source_to_jupyter

IMPORT_FORMATS = ("SOURCE", "AUTO", "JUPYTER", "RAW", "HTML", "DBC", "R_MARKDOWN")
EXPORT_FORMATS = ("SOURCE", "AUTO", "RAW", "HTML", "JUPYTER", "DBC", "R_MARKDOWN")
MAX_OBJECT_BYTES = 10 * 1024 * 1024
"""The largest object of one import or export (docs)."""

MAX_IMPORT_BYTES = 64 * 1024 * 1024
"""An import is read up to here, so that the refusal can say how large the object is."""

LANGUAGES = ("", "PYTHON", "SQL", "SCALA", "R")


def files_router(workspace: Workspace) -> APIRouter:
    """The routes of the Workspace API."""
    router = APIRouter(prefix="/api/2.0/workspace")
    files = workspace.files

    @router.post("/import")
    async def import_object(request: Request) -> Json:
        body, content = await _read_import(request)
        form = read_choice(body, "format", IMPORT_FORMATS, "SOURCE")
        if form not in ("SOURCE", "AUTO", "JUPYTER", "RAW"):
            raise errors.not_served(f"Import in format {form}")
        language = read_choice(body, "language", LANGUAGES, "").lower()
        path = read_required_string(body, "path")
        overwrite = read_boolean(body, "overwrite")
        await asyncio.to_thread(files.put, path, _of_size(content), form, language, overwrite=overwrite)
        return {}

    @router.get("/export")
    async def export_object(request: Request) -> Response:
        query = dict(request.query_params)
        form = read_choice(query, "format", EXPORT_FORMATS, "SOURCE")
        if form not in ("SOURCE", "AUTO", "RAW", "JUPYTER"):
            raise errors.not_served(f"Export in format {form}")
        path = read_required_string(query, "path")
        content = _of_size(await asyncio.to_thread(files.read, path))
        if form == "JUPYTER":
            content = _as_jupyter(content)
        if read_boolean(query, "direct_download"):
            return Response(content, media_type="application/octet-stream")
        found = await asyncio.to_thread(files.status, path)
        file_type = {"python": "py", "sql": "sql"}.get(found.language, "file")
        file_type = "ipynb" if form == "JUPYTER" else file_type
        return JsonAnswer({"content": base64.b64encode(content).decode(), "file_type": file_type})

    _add_questions(router, files)

    @router.post("/mkdirs")
    async def mkdirs(request: Request) -> Json:
        files.mkdirs(read_required_string(await read_body(request), "path"))
        return {}

    @router.post("/delete")
    async def delete(request: Request) -> Json:
        body = await read_body(request)
        path, recursive = read_required_string(body, "path"), read_boolean(body, "recursive")
        await asyncio.to_thread(files.delete, path, recursive=recursive)
        return {}

    return router


def import_file_router(workspace: Workspace) -> APIRouter:
    """The route by which the command line and its bundles import files: the content is the body."""
    router = APIRouter(prefix="/api/2.0/workspace-files")

    @router.post("/import-file/{path:path}")
    async def import_file(path: str, request: Request) -> Json:
        overwrite = read_boolean(request.query_params, "overwrite")
        content = _of_size(await read_content(request, MAX_IMPORT_BYTES))
        place = f"/{path.lstrip('/')}"
        await asyncio.to_thread(workspace.files.import_file, place, content, overwrite=overwrite)
        return {}

    return router


def _of_size(content: bytes) -> bytes:
    if len(content) > MAX_OBJECT_BYTES:
        raise errors.object_too_large(len(content), MAX_OBJECT_BYTES)
    return content


def _as_jupyter(content: bytes) -> bytes:
    try:
        return source_to_jupyter(content.decode("utf-8", "replace")).encode()
    except NotebookSourceError as error:
        raise invalid_parameter("Only notebooks can be exported in format JUPYTER.") from error


def _add_questions(router: APIRouter, files: WorkspaceFiles) -> None:
    @router.get("/get-status")
    async def get_status(request: Request) -> Json:
        path = read_required_string(request.query_params, "path")
        return object_json(await asyncio.to_thread(files.status, path))

    @router.get("/list")
    async def list_objects(request: Request) -> Json:
        query = request.query_params
        since = read_integer(query, "notebooks_modified_after")
        found = [
            item
            for item in await asyncio.to_thread(files.children, read_required_string(query, "path"))
            if item.kind != "NOTEBOOK" or item.modified_at >= since
        ]
        # An empty folder is an answer without the field, as of any empty list.
        return {"objects": [object_json(item) for item in found]} if found else {}


def object_json(found: WorkspaceObject) -> Json:
    """An object as the API shows it."""
    shown: Json = {
        "path": found.path,
        "object_type": found.kind,
        "object_id": found.object_id,
        "resource_id": str(found.object_id),
        "created_at": found.created_at,
        "modified_at": found.modified_at,
    }
    if found.language:
        shown["language"] = found.language.upper()
    if found.kind == "FILE":
        shown["size"] = found.size
    return shown


async def _read_import(request: Request) -> tuple[Json, bytes]:
    """The fields and the content of an import, from JSON or from the form that the SDK's `upload` sends."""
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        return await _read_form(request, content_type)
    body = parse_body(await read_content(request, MAX_IMPORT_BYTES))
    try:
        return body, base64.b64decode(read_string(body, "content"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_parameter("The content is not valid base64.") from error


async def _read_form(request: Request, content_type: str) -> tuple[Json, bytes]:
    """The text fields of a form, and the file in its field `content`."""
    fields: dict[str, bytearray] = {}
    async for piece in read_fields(pieces_of(request, MAX_IMPORT_BYTES), boundary_of(content_type)):
        fields.setdefault(piece.field, bytearray()).extend(piece.data)
    if "content" not in fields:
        raise invalid_parameter("The form has no file named content.")
    content = bytes(fields.pop("content"))
    return {name: value.decode("utf-8", "replace") for name, value in fields.items()}, content
