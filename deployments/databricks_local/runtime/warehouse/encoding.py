"""The formats of results: how rows become the bytes of a file, a piece after the other. Pure."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.warehouse.intervals import holds_months, is_months, months_as_numbers
from databricks_local.runtime.warehouse.values import (
    Rows,
    UnservedTypeError,
    rows_of,
    texts_of,
)
from databricks_local.runtime.warehouse.variants import is_variant

JSON_ARRAY, ARROW_STREAM, CSV = "JSON_ARRAY", "ARROW_STREAM", "CSV"


@dataclass(frozen=True)
class Encoding:
    """A format.

    Attributes:
        head: What a file begins with: by its first rows, and whether it is the first file.
        body: Rows.
        between: What is between two pieces.
        tail: What a file ends with.
    """

    head: Callable[[Any, bool], bytes]
    body: Callable[[Any], bytes]
    between: bytes = b""
    tail: bytes = b""


def json_of(rows: Rows) -> bytes:
    """Rows as compact JSON, without the brackets around them all.

    Example:
        >>> json_of([["a", None], ["b", "c"]])
        b'["a",null],["b","c"]'
    """
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))[1:-1].encode("utf-8", "replace")


def csv_of(rows: Rows) -> bytes:
    r"""Rows as CSV (RFC 4180); a null is the word null (docs: format).

    Example:
        >>> csv_of([["a,b", None]])
        b'"a,b",null\r\n'
    """
    text = io.StringIO()
    csv.writer(text).writerows([["null" if value is None else value for value in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")


def _text_rows(table: Any) -> Rows:
    return rows_of(months_as_numbers(table), table.schema)


def _arrow_table(table: Any) -> Any:
    """A table for clients: what hardly one of them reads of Arrow is text.

    Raises:
        UnservedTypeError: If something of that kind is nested.
    """
    import pyarrow as pa

    schema, table = table.schema, months_as_numbers(table)
    for index, field in enumerate(schema):
        kind = field.type
        if is_months(kind) or pa.types.is_duration(kind) or is_variant(field):
            chunks = [pa.array(texts_of(field, chunk), pa.string()) for chunk in table.column(index).chunks]
            texts = pa.chunked_array(chunks, pa.string())
            table = table.set_column(index, pa.field(field.name, pa.string(), field.nullable), texts)
        elif holds_months(field):
            raise UnservedTypeError(field)
    return table


def _arrow_body(table: Any) -> bytes:
    batches = _arrow_table(table).combine_chunks().to_batches()
    return b"".join(batch.serialize().to_pybytes() for batch in batches)


ENCODINGS = {
    JSON_ARRAY: Encoding(lambda _, __: b"[", lambda table: json_of(_text_rows(table)), b",", b"]"),
    CSV: Encoding(
        lambda table, first: csv_of([table.column_names]) if first else b"",
        lambda table: csv_of(_text_rows(table)),
    ),
    ARROW_STREAM: Encoding(
        lambda table, _: bytes(_arrow_table(table.slice(0, 0)).schema.serialize().to_pybytes()),
        _arrow_body,
        # The end of a stream (Arrow columnar format, IPC streaming format).
        tail=b"\xff\xff\xff\xff\x00\x00\x00\x00",
    ),
}
"""By their names."""
