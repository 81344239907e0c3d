"""The rows of the tables that show assets and checks on the page of a flow run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.pipes import AssetResult, CheckResult
from databricks_blocks.safe_text import markdown_text
from slugify import slugify

_LONGEST_CELL = 2000


def asset_row(made: AssetResult) -> dict[str, Any]:
    """The row of an asset; cells are Markdown."""
    return {
        "asset": markdown_text(made.asset_key),
        "task": markdown_text(made.task_key),
        "attempt": made.attempt,
        "partition": markdown_text(made.partition_key),
        "version": markdown_text(made.data_version or ""),
        "metadata": _metadata(made.metadata),
    }


def check_row(check: CheckResult) -> dict[str, Any]:
    """The row of a check; cells are Markdown."""
    return {
        "asset": markdown_text(check.asset_key),
        "check": markdown_text(check.check_name),
        "passed": "yes" if check.passed else "**no**",
        "severity": check.severity,
        "task": markdown_text(check.task_key),
        "attempt": check.attempt,
        "metadata": _metadata(check.metadata),
    }


def tables_in(name: str, metadata: Mapping[str, Metadata]) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Find the tables in metadata: key of the artifact, what it is, and its rows.

    Args:
        name: The asset that the metadata belong to.
        metadata: The metadata.
    """
    for entry, value in metadata.items():
        if value.rows:
            key = f"databricks-{slugify(f'{name}-{entry}', max_length=80) or 'table'}"
            rows = [{column: _cell(cell) for column, cell in row.items()} for row in value.rows]
            yield key, f"{markdown_text(entry)} of {markdown_text(name)}", rows


def _metadata(metadata: Mapping[str, Metadata]) -> str:
    texts = (f"{markdown_text(name)}: {value.markdown}" for name, value in metadata.items())
    return ", ".join(texts)[:_LONGEST_CELL]


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return markdown_text(str(value))
    return markdown_text(value) if isinstance(value, str) else value
