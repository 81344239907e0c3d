"""Reads a multipart form piece by piece, so that a file in it is never held whole. No input or output."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from databricks_local.api.errors import ApiError, malformed_request

MAX_HEADER_BYTES = 16 * 1024


@dataclass(frozen=True)
class Piece:
    """Some of the bytes of one field; a field may come in many pieces, the first of which is empty."""

    field: str
    data: bytes


def boundary_of(content_type: str) -> bytes:
    """The boundary that a content type names.

    Raises:
        ApiError: If it names none.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise malformed_request("The form has no boundary.")
    return boundary


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
    fields = _Fields()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": fields.begin,
                "on_header_field": fields.take_header_name,
                "on_header_value": fields.take_header_value,
                "on_header_end": fields.end_header,
                "on_headers_finished": fields.begin_content,
                "on_part_data": fields.take_content,
                "on_end": fields.end,
            },
            max_header_size=MAX_HEADER_BYTES,
        )
        async for data in stream:
            if not fields.ended:
                parser.write(data)
            for piece in fields.take_pieces():
                yield piece
    except FormParserError as error:
        raise _malformed(error) from error
    if not fields.ended:
        raise malformed_request("The form ends before its last boundary.")


class _Fields:
    """Collects what the parser finds in one part of the stream."""

    def __init__(self) -> None:
        self._name = self._value = b""
        self._field = ""
        self._pieces: list[Piece] = []
        self.ended = False

    def take_pieces(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def begin(self) -> None:
        self._field = ""

    def take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, options = parse_options_header(self._value.decode("latin-1"))
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
        self._name = self._value = b""

    def begin_content(self) -> None:
        self._pieces.append(Piece(self._field, b""))

    def take_content(self, data: bytes, start: int, end: int) -> None:
        self._pieces.append(Piece(self._field, data[start:end]))

    def end(self) -> None:
        self.ended = True


def _malformed(error: FormParserError) -> ApiError:
    return malformed_request(f"The form cannot be read: {' '.join(str(error).split())[:200]}")
