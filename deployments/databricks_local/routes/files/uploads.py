"""Uploads in parts: the routes that make presigned URLs, and the routes behind these URLs."""

import hashlib
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response

from databricks_local.api.bodies import Json, read_integer, read_required_integer, read_required_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.files.uploads import MAX_PARTS, OPEN_PREFIX, PresignedUrlError, Uploads
from databricks_local.files.volumes import Volumes
from databricks_local.routes.files.volume_files import file_response
from databricks_local.routes.incoming import read_body

MAX_URLS = 1_000


def uploads_router(volumes: Volumes, uploads: Uploads) -> APIRouter:
    """The routes that hand out presigned URLs, and those that the URLs name."""
    router = APIRouter()

    @router.post("/api/2.0/fs/create-upload-part-urls")
    async def part_urls(request: Request) -> Json:
        body = await read_body(request)
        path, token = read_required_string(body, "path"), read_required_string(body, "session_token")
        uploads.find(path, token)
        first, count = read_required_integer(body, "start_part_number"), read_integer(body, "count", 1)
        if not (1 <= first <= MAX_PARTS and 1 <= count <= MAX_URLS):
            raise invalid_parameter("start_part_number or count is out of its range.")
        numbers = range(first, first + count)
        urls = [
            {"url": uploads.signed_url("PUT", path, token, number), "part_number": number, "headers": []}
            for number in numbers
        ]
        return {"upload_part_urls": urls}

    @router.post("/api/2.0/fs/create-abort-upload-url")
    async def abort_url(request: Request) -> Json:
        body = await read_body(request)
        path, token = read_required_string(body, "path"), read_required_string(body, "session_token")
        uploads.find(path, token)
        return {"abort_upload_url": {"url": uploads.signed_url("DELETE", path, token), "headers": []}}

    @router.post("/api/2.0/fs/create-download-url")
    async def download_url(request: Request) -> Json:
        path = read_required_string(request.query_params, "path")
        volumes.file(path)
        return {"url": uploads.signed_url("GET", path), "headers": []}

    _add_storage(router, volumes, uploads)
    return router


def _add_storage(router: APIRouter, volumes: Volumes, uploads: Uploads) -> None:
    @router.put(OPEN_PREFIX + "/{path:path}")
    async def put(request: Request, path: str) -> Response:
        try:
            token, number = uploads.check("PUT", f"/{path}", request.query_params)
        except PresignedUrlError as error:
            return _refusal(error)
        upload = uploads.find(f"/{path}", token)
        digest = hashlib.md5(usedforsecurity=False)
        with uploads.new_part(upload, number).open("wb") as file:
            async for piece in request.stream():
                digest.update(piece)
                file.write(piece)
        upload.tags[number] = f'"{digest.hexdigest()}"'
        return Response(headers={"etag": upload.tags[number]})

    @router.get(OPEN_PREFIX + "/{path:path}")
    async def get(request: Request, path: str) -> Response:
        try:
            uploads.check("GET", f"/{path}", request.query_params)
        except PresignedUrlError as error:
            return _refusal(error)
        return file_response(request, volumes, volumes.file(f"/{path}"))

    @router.delete(OPEN_PREFIX + "/{path:path}")
    async def delete(request: Request, path: str) -> Response:
        try:
            token, _ = uploads.check("DELETE", f"/{path}", request.query_params)
        except PresignedUrlError as error:
            return _refusal(error)
        await uploads.abort(f"/{path}", token)
        return Response(status_code=200)


def _refusal(error: PresignedUrlError) -> Response:
    body = f"<Error><Code>{error.code}</Code><Message>{escape(str(error))}</Message></Error>"
    return Response(body, 403, media_type="application/xml")
