"""Reads the bodies of requests, up to the documented size."""

from collections.abc import AsyncIterator

from fastapi import Request

from databricks_local.api import errors
from databricks_local.api.bodies import Json, parse_body

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""Docs: Jobs API 2.0, request size."""


async def pieces_of(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body of a request, piece by piece. Reading stops as soon as it is too large."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise errors.request_too_large(limit)
        yield piece


async def read_content(request: Request, limit: int = MAX_REQUEST_BYTES) -> bytes:
    """The body of a request. Reading stops as soon as it is too large."""
    return b"".join([piece async for piece in pieces_of(request, limit)])


async def read_body(request: Request) -> Json:
    """The body as a JSON object."""
    return parse_body(await read_content(request))
