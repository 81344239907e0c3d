"""The summary on the page of a finished run: the latest years, and links to the results."""

from __future__ import annotations

from collections.abc import Sequence

from databricks_blocks.safe_text import markdown_code, markdown_link, markdown_text

from databricks_flows.renewable.spans import Span

MOST_ROWS = 300
"""Rows of the summary, at most: more than the packaged data needs. The Prefect UI shows all rows at once."""


def summary_markdown(spans: Sequence[Span], databricks_run_url: str, files: Sequence[str]) -> str:
    """Write the summary of an analysis.

    Args:
        spans: First and last year of each entity.
        databricks_run_url: Page of the run in the workspace.
        files: Paths of the results.
    """
    shown = [
        f"| {markdown_text(span.entity)} | {_latest(span)} | {_first(span)} |" for span in spans[:MOST_ROWS]
    ]
    left_out = [f"{len(spans) - MOST_ROWS} more are in the table."] if len(spans) > MOST_ROWS else []
    where = [markdown_link("Databricks run", databricks_run_url), *map(markdown_code, files)]
    return "\n".join(
        [
            "| Country or region | Latest year | First year |",
            "|---|---|---|",
            *shown,
            "",
            *left_out,
            "",
            " · ".join(where),
        ]
    )


def _latest(span: Span) -> str:
    return _share(span.last_year, span.last_share)


def _first(span: Span) -> str:
    return _share(span.first_year, span.first_share)


def _share(year: int | None, share: float | None) -> str:
    return "no year has all three shares" if year is None or share is None else f"{share:.3f} % in {year}"
