"""Forms that arrive in pieces of any size."""

import asyncio
from collections.abc import AsyncIterator

from databricks_local.api.multipart import read_fields
from hypothesis import given
from hypothesis import strategies as st


async def pieces_of(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def fields_of(content: bytes, boundary: bytes, size: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async for piece in read_fields(pieces_of(content, size), boundary):
        found[piece.field] = found.get(piece.field, b"") + piece.data
    return found


contents = st.one_of(
    st.binary(max_size=200), st.sampled_from([b"", b"\r\n", b"--b", b"\r\n--", b"\r\n--a\r\n-"])
)


@given(
    st.dictionaries(st.sampled_from(["path", "contents", "x y"]), contents, min_size=1), st.integers(1, 50)
)
def test_a_form_is_read_back(fields: dict[str, bytes], size: int) -> None:
    boundary = b"0b9-boundary"
    body = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name.encode(), value)
        for name, value in fields.items()
    )
    assert asyncio.run(fields_of(body + b"--" + boundary + b"--\r\n", boundary, size)) == fields
