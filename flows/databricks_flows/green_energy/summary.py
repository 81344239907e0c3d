"""The summary on the page of a finished analysis: both trends, and where the results are."""

from __future__ import annotations

from collections.abc import Sequence

from databricks_blocks.safe_text import markdown_code, markdown_link

from databricks_flows.green_energy.results import Department, Kind


def summary_markdown(department: Department, databricks_run_url: str, files: Sequence[str]) -> str:
    """Write the summary of an analysis.

    Args:
        department: What was found.
        databricks_run_url: Page of the run in the workspace.
        files: Paths of the results.
    """
    where = [markdown_link("Databricks run", databricks_run_url), *map(markdown_code, files)]
    return "\n".join(
        [
            "| | Rows | Days | Efficiency on the first day | on the last day | Change a day | R² |",
            "|---|---|---|---|---|---|---|",
            *map(_row, sorted(department.kinds, key=lambda kind: not kind.green)),
            "",
            " · ".join(where),
        ]
    )


def _row(kind: Kind) -> str:
    trend, days = kind.trend, [day for day in kind.days if day.day is not None]
    ends = (days[0].efficiency, days[-1].efficiency) if days else (None, None)
    cells = [
        "With the initiative" if kind.green else "Without it",
        str(trend.rows),
        str(trend.days),
        *("none" if value is None else f"{value:.3f}" for value in ends),
        "none" if trend.slope is None else f"{trend.slope:+.5f}",
        "none" if trend.r2 is None else f"{trend.r2:.2f}",
    ]
    return f"| {' | '.join(cells)} |"
