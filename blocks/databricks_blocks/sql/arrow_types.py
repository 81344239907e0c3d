"""The Arrow schema of a result by the columns of its manifest. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

_TOKEN = re.compile(r"\s*(`(?:[^`]|``)*`|[\w]+(?:\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\))?|[<>,:])")
_DECIMAL = re.compile(r"(?:DECIMAL|DEC|NUMERIC)(?:\((\d+)(?:,(\d+))?\))?")
_MOST_DIGITS = 10


def arrow_schema(columns: Sequence[Mapping[str, Any]]) -> pyarrow.Schema:
    """Make the schema of a result.

    Args:
        columns: Columns as the manifest of a statement has them.
    """
    import pyarrow as pa

    return pa.schema(
        [(column["name"], arrow_type(column.get("type_text") or "STRING")) for column in columns]
    )


def arrow_type(text: str) -> pyarrow.DataType:
    """Find the Arrow type of a SQL type. One that Arrow does not have comes as text.

    Args:
        text: The SQL type, such as `ARRAY<INT>`.

    Examples:
        >>> arrow_type("MAP<STRING, ARRAY<DECIMAL(9,2)>>")
        MapType(map<string, list<element: decimal128(9, 2)>>)
    """
    return _Reader(text).type()


class _Reader:
    """Reads the text of a type."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._next = 0

    def type(self) -> pyarrow.DataType:
        import pyarrow as pa

        name = self._take().upper().replace(" ", "")
        inner = {"ARRAY": self._array, "MAP": self._map, "STRUCT": self._struct}.get(name)
        if inner is not None and self._peek() == "<":
            return inner()
        if decimal := _DECIMAL.fullmatch(name):
            return pa.decimal128(int(decimal[1] or _MOST_DIGITS), int(decimal[2] or 0))
        while self._peek() not in ("", "<", ">", ",", ":"):
            self._take()  # such as DAY TO SECOND
        return _plain_types().get(name.partition("(")[0], pa.string())

    def _array(self) -> pyarrow.DataType:
        import pyarrow as pa

        self._take()
        element = self.type()
        self._take()
        return pa.list_(pa.field("element", element))

    def _map(self) -> pyarrow.DataType:
        import pyarrow as pa

        self._take()
        key = self.type()
        self._take()
        value = self.type()
        self._take()
        return pa.map_(key, value)

    def _struct(self) -> pyarrow.DataType:
        import pyarrow as pa

        fields = []
        while self._take() in ("<", ",") and self._peek() not in (">", ""):
            name = self._take()
            if self._peek() == ":":
                self._take()
            fields.append(pa.field(name.strip("`").replace("``", "`"), self.type()))
        return pa.struct(fields)

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token


def _plain_types() -> dict[str, pyarrow.DataType]:
    import pyarrow as pa

    return {
        "TINYINT": pa.int8(),
        "BYTE": pa.int8(),
        "SMALLINT": pa.int16(),
        "SHORT": pa.int16(),
        "INT": pa.int32(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "LONG": pa.int64(),
        "FLOAT": pa.float32(),
        "REAL": pa.float32(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "BINARY": pa.binary(),
        "DATE": pa.date32(),
        # As a warehouse spells its default zone.
        "TIMESTAMP": pa.timestamp("us", "Etc/UTC"),
        "TIMESTAMP_NTZ": pa.timestamp("us"),
        "VOID": pa.null(),
    }
