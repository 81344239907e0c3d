"""Reads the bodies of requests, up to the documented size."""

from fastapi import Request

from databricks_local.api import errors
from databricks_local.api.bodies import Json, parse_body

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""Docs: Jobs API 2.0, request size."""


async def read_content(request: Request, limit: int = MAX_REQUEST_BYTES) -> bytes:
    """The body of a request. Reading stops as soon as it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise errors.request_too_large(limit)
        parts.append(part)
    return b"".join(parts)


async def read_body(request: Request) -> Json:
    """The body as a JSON object."""
    return parse_body(await read_content(request))
