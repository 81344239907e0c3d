"""Reads a multipart form piece by piece, so that a file in it is never held whole. No input or output."""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from email.message import Message

from databricks_local.api.errors import malformed_request

MAX_HEADER_BYTES = 16 * 1024

_NAME = re.compile(rb'name="([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """Some of the bytes of one field; a field may come in many pieces, and in one empty one."""

    field: str
    data: bytes


def boundary_of(content_type: str) -> bytes:
    """The boundary that a content type names.

    Raises:
        ApiError: If it names none.
    """
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_boundary()
    if not boundary:
        raise malformed_request("The form has no boundary.")
    return boundary.encode("utf-8", "replace")


async def read_fields(stream: AsyncIterable[bytes], boundary: bytes) -> AsyncIterator[Piece]:
    """The fields of a form, in order.

    Args:
        stream: The body of the request.
        boundary: What separates the fields.

    Yields:
        The bytes of the fields.

    Raises:
        ApiError: If the form is malformed or ends too early.
    """
    parser = _Parser(boundary)
    async for data in stream:
        for piece in parser.feed(data):
            yield piece
    if not parser.ended:
        raise malformed_request("The form ends before its last boundary.")


class _Parser:
    """Where in the form we are: before a field's header, or in its content."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # The first boundary has no line break before it; with one added it looks like the others.
        self._buffer = b"\r\n"
        self._field: str | None = None
        self._skipping = True
        self.ended = False

    def feed(self, data: bytes) -> list[Piece]:
        self._buffer += data
        pieces: list[Piece] = []
        while not self.ended and (self._content(pieces) if self._in_content() else self._header(pieces)):
            continue
        if self.ended:
            self._buffer = b""
        return pieces

    def _in_content(self) -> bool:
        return self._skipping or self._field is not None

    def _content(self, pieces: list[Piece]) -> bool:
        """Take content up to the next delimiter; whether there may be more to do."""
        end = self._buffer.find(self._delimiter)
        if end < 0:
            # What could be the beginning of a delimiter stays.
            self._emit(pieces, max(len(self._buffer) - len(self._delimiter) + 1, 0))
            return False
        after = end + len(self._delimiter)
        if len(self._buffer) < after + 2:
            self._emit(pieces, end)
            return False
        self.ended = self._buffer[after : after + 2] == b"--"
        self._emit(pieces, end)
        self._buffer = self._buffer[len(self._delimiter) :]
        self._field, self._skipping = None, False
        return True

    def _emit(self, pieces: list[Piece], size: int) -> None:
        if size and self._field is not None:
            pieces.append(Piece(self._field, self._buffer[:size]))
        self._buffer = self._buffer[size:]

    def _header(self, pieces: list[Piece]) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise malformed_request("The header of a field of the form is too long.")
            return False
        name = _NAME.search(self._buffer[:end])
        self._field = name[1].decode("utf-8", "replace") if name else ""
        self._buffer = self._buffer[end + 4 :]
        pieces.append(Piece(self._field, b""))
        return True
