"""The Files API 2.0: files and directories under /Volumes."""

import asyncio
import email.utils
import re
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_integer,
    read_objects,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.api.paging import page_of
from databricks_local.files.tree import Entry, read_pieces
from databricks_local.files.uploads import Uploads
from databricks_local.files.volumes import Volumes
from databricks_local.routes.incoming import read_body

FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def volume_files_router(volumes: Volumes, uploads: Uploads) -> APIRouter:
    """The routes of the Files API."""
    router = APIRouter()
    _add_files(router, volumes, uploads)
    _add_directories(router, volumes)

    @router.put(FILES + "/{path:path}")
    async def put(request: Request, path: str) -> Response:
        overwrite = read_boolean(request.query_params, "overwrite", default=True)
        with volumes.writing(f"/{path}", overwrite=overwrite) as file:
            async for piece in request.stream():
                file.write(piece)
        return Response(status_code=204)

    return router


def _add_files(router: APIRouter, volumes: Volumes, uploads: Uploads) -> None:
    @router.get(FILES + "/{path:path}")
    async def get(request: Request, path: str) -> Response:
        return file_response(request, volumes, volumes.file(f"/{path}"))

    @router.head(FILES + "/{path:path}")
    async def head(path: str) -> Response:
        place = volumes.file(f"/{path}")
        return Response(headers=_headers(volumes.describe(place)))

    @router.delete(FILES + "/{path:path}")
    async def delete(path: str) -> Response:
        volumes.delete_file(f"/{path}")
        return Response(status_code=204)

    @router.post(FILES + "/{path:path}")
    async def upload(request: Request, path: str) -> Json:
        query = request.query_params
        action = read_string(query, "action")
        if action == "initiate-upload":
            overwrite = read_boolean(query, "overwrite", default=True)
            token = await uploads.start(f"/{path}", overwrite=overwrite)
            return {"multipart_upload": {"session_token": token}}
        if action == "complete-upload":
            parts = read_objects(await read_body(request), "parts")
            await uploads.complete(f"/{path}", read_required_string(query, "session_token"), parts)
            return {}
        raise invalid_parameter(f"Unknown action: {action[:100]}")


def _add_directories(router: APIRouter, volumes: Volumes) -> None:
    @router.put(DIRECTORIES + "/{path:path}")
    async def make(path: str) -> Response:
        volumes.make_directory(_without_slash(path))
        return Response(status_code=204)

    @router.head(DIRECTORIES + "/{path:path}")
    async def look(path: str) -> Response:
        volumes.directory(_without_slash(path))
        return Response()

    @router.delete(DIRECTORIES + "/{path:path}")
    async def delete(path: str) -> Response:
        volumes.delete_directory(_without_slash(path))
        return Response(status_code=204)

    @router.get(DIRECTORIES + "/{path:path}")
    async def contents(request: Request, path: str) -> Json:
        query = request.query_params
        entries = await asyncio.to_thread(volumes.children, _without_slash(path))
        page, token = page_of(
            entries,
            lambda entry: entry.name,
            read_integer(query, "page_size"),
            read_string(query, "page_token"),
        )
        shown: Json = {"contents": [_entry_json(entry) for entry in page]} if page else {}
        return {**shown, "next_page_token": token} if token else shown


def file_response(request: Request, volumes: Volumes, place: Path) -> Response:
    """A file, or the part of it that the request asks for."""
    entry = volumes.describe(place)
    unmodified_since = request.headers.get("if-unmodified-since")
    if unmodified_since is not None and _is_older(unmodified_since, entry.modified_at):
        raise ApiError(
            412, "FAILED_PRECONDITION", f"{entry.path} was modified since {unmodified_since[:40]}."
        )
    start, end = _range(request.headers.get("range"), entry.size)
    headers = {**_headers(entry), "content-length": str(end - start)}
    if "range" in request.headers:
        headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size}"
    status = 206 if "range" in request.headers else 200
    return StreamingResponse(read_pieces(place, start, end - start), status, headers)


def _headers(entry: Entry) -> dict[str, str]:
    return {
        "content-length": str(entry.size),
        "content-type": "application/octet-stream",
        "last-modified": email.utils.formatdate(entry.modified_at // 1000, usegmt=True),
        "accept-ranges": "bytes",
    }


def _is_older(date: str, modified_at: int) -> bool:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() < modified_at // 1000
    except (ValueError, OverflowError, TypeError) as error:
        raise invalid_parameter("If-Unmodified-Since is not a date.") from error


def _range(header: str | None, size: int) -> tuple[int, int]:
    """From where to where (exclusive) a `Range` reaches."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        raise invalid_parameter("Only a range of bytes such as bytes=0-99 is supported.")
    if not found[1]:
        return max(size - int(found[2]), 0), size
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if start >= size or end <= start:
        raise ApiError(416, "INVALID_PARAMETER_VALUE", f"The range is not within the file's {size} bytes.")
    return start, end


def _entry_json(entry: Entry) -> Json:
    shown: Json = {
        "path": entry.path,
        "is_directory": entry.is_directory,
        "name": entry.name,
        "last_modified": entry.modified_at,
    }
    return shown if entry.is_directory else {**shown, "file_size": entry.size}


def _without_slash(path: str) -> str:
    """A directory may be named with a slash at its end (docs)."""
    return f"/{path}".rstrip("/")
