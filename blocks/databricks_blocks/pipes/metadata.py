"""Metadata of assets and checks, made into what a person, an event and an artifact can take. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from databricks_blocks.safe_text import markdown_link, markdown_text, printable

INFER = "__infer__"
TYPES = frozenset(
    {
        INFER,
        "text",
        "url",
        "path",
        "notebook",
        "json",
        "md",
        "float",
        "int",
        "bool",
        "dagster_run",
        "asset",
        "null",
        "table",
        "table_schema",
        "table_column_lineage",
        "timestamp",
    }
)


@dataclass(frozen=True)
class Metadata:
    """One value, and what it is.

    Attributes:
        value: The raw value, JSON.
        type: Its type in the protocol; `__infer__`: what the value looks like.

    Examples:
        >>> from databricks_blocks.pipes.metadata import Metadata
        >>> Metadata(1790000000, "timestamp").plain
        '2026-09-21T14:13:20+00:00'
    """

    value: Any
    type: str = INFER

    @property
    def plain(self) -> Any:
        """The value for events and results: JSON, without NaN, times as ISO texts, tables as their rows."""
        if self.type == "timestamp" and (written := _time(self.value)):
            return written
        if (rows := self.rows) is not None:
            return rows
        if self.type == "table_column_lineage" and isinstance(self.value, Mapping):
            return json_safe(self.value.get("deps_by_column", self.value))
        return json_safe(self.value)

    @property
    def rows(self) -> list[dict[str, Any]] | None:
        """The rows, if it is a table or the columns of one; `None`: it is no table."""
        field = {"table": "records", "table_schema": "columns"}.get(self.type)
        if field is None or not isinstance(self.value, Mapping):
            return None
        rows = self.value.get(field)
        if not isinstance(rows, list):
            return None
        return [json_safe(row) if isinstance(row, Mapping) else {"value": json_safe(row)} for row in rows]

    @property
    def markdown(self) -> str:
        """The value in one line of Markdown, for a cell of a table: addresses are links."""
        plain = self.plain
        if self.rows is not None:
            count = len(plain)
            return "1 row" if count == 1 else f"{count} rows"
        if plain is None:
            return ""
        if isinstance(plain, bool):
            return "true" if plain else "false"
        if isinstance(plain, str):
            # Anything else that looks like an address is text: nobody said that it is one.
            return markdown_link(plain, plain) if self.type == "url" else markdown_text(plain)
        return markdown_text(json.dumps(plain, ensure_ascii=False))


def read_metadata(name: str, entry: Any, notes: list[str]) -> Metadata:
    """Read one entry of the metadata of a message.

    Args:
        name: Its name, for notes.
        entry: `{raw_value, type}`; anything else is a value whose type is what it looks like.
        notes: Gets what is odd.
    """
    if not (isinstance(entry, dict) and "raw_value" in entry):
        return Metadata(entry)
    kind = entry.get("type", INFER)
    if not isinstance(kind, str) or kind not in TYPES:
        notes.append(f"type {kind!r} of the metadata `{name}` is not known; shown as it looks")
        kind = INFER
    return Metadata(entry["raw_value"], kind)


def _time(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def json_safe(value: Any) -> Any:
    """Copy a value without what JSON, or UTF-8, does not have: NaN, Infinity and lone surrogates are texts.

    Args:
        value: What `json.loads` made.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(name)): json_safe(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return value
