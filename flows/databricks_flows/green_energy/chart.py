"""The chart of the efficiency by day. Run as a module, it draws one chart in its own process.

See `databricks_flows.renewable.chart` for why it has a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from databricks_flows.green_energy.results import Department, Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODULE = "databricks_flows.green_energy.chart"
_DEPARTMENTS = TypeAdapter(list[Department])
_COLOURS = {True: "#2a9d4a", False: "#6b7280"}
_NAMES = {True: "With the initiative", False: "Without it"}
_LONGEST_NAME = 60


def chart_request(departments: Sequence[Department], path: Path) -> tuple[Any, str]:
    """What the process of the chart is asked for.

    Args:
        departments: The departments.
        path: The PNG file.
    """
    return _DEPARTMENTS.dump_python(list(departments), mode="json"), str(path.resolve())


def draw_chart(departments: Sequence[Department], path: Path) -> str:
    """Draw the efficiency by day as a panel for each department, each with a scale that fits its data.

    Args:
        departments: The departments.
        path: The PNG file; its folder exists.

    Returns:
        The title of the chart.
    """
    import seaborn as sns
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    sns.set_theme(style="whitegrid")
    columns = min(2, len(departments))
    rows = ceil(len(departments) / 2)
    # Not pyplot: the threads of a worker would share its global state.
    size = (10, 5.6) if columns == 1 else (14, 4.6 * rows)
    figure = Figure(figsize=size, dpi=144, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15))
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, department in zip(panels, departments, strict=False):
        _draw_panel(axes, department)
    for axes in panels[len(departments) :]:
        axes.set_visible(False)
    title = chart_title(departments)
    if len(departments) > 1:
        figure.suptitle(title, parse_math=False)
    else:
        figure.axes[0].set_title(title, parse_math=False)
    figure.savefig(path, format="png")
    return title


def chart_title(departments: Sequence[Department]) -> str:
    """Title of the chart: the name of its department, or their number."""
    where = _shortened(departments[0].name) if len(departments) == 1 else f"{len(departments)} departments"
    return f"Efficiency with and without the green energy initiative: {where}"


def trend_text(kind: Kind) -> str:
    """The trend of one kind of rows, for a person."""
    trend = kind.trend
    if trend.slope is None:
        return f"{_NAMES[kind.green]}: no trend"
    slope = f"{trend.slope:+.4f}".replace("-", "\N{MINUS SIGN}")
    explained = "" if trend.r2 is None else f", R² {trend.r2:.2f}"
    return f"{_NAMES[kind.green]}: {slope} a day{explained}"


def _draw_panel(axes: Axes, department: Department) -> None:
    for kind in sorted(department.kinds, key=lambda kind: not kind.green):
        colour, trend = _COLOURS[kind.green], kind.trend
        days = [day for day in kind.days if day.day is not None]
        if not days:
            continue
        # A day without an efficiency is a gap.
        values = [float("nan") if day.efficiency is None else day.efficiency for day in days]
        axes.plot([day.day for day in days], values, marker="o", markersize=3.5, linewidth=1.2, color=colour)  # type: ignore[arg-type]
        if trend.on_first_day is not None and trend.on_last_day is not None:
            line = ([trend.first_day, trend.last_day], [trend.on_first_day, trend.on_last_day])
            axes.plot(*line, linestyle="--", linewidth=2, color=colour)  # type: ignore[arg-type]
        axes.plot([], [], marker="o", markersize=5, color=colour, label=trend_text(kind))
    _write_days(axes)
    axes.set_title(_shortened(department.name), parse_math=False)
    axes.set_ylabel("Efficiency (output by net power)")
    if any(kind.days and kind.trend.slope is not None for kind in department.kinds):
        axes.plot([], [], linestyle="--", linewidth=2, color="0.5", label="Trend")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", frameon=True)  # beside the lines, wherever they are


def _write_days(axes: Axes) -> None:
    """Write days as `21 Jun`; years and months where the days are far apart."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9, interval_multiples=False)  # type: ignore[no-untyped-call]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        formats=["%Y", "%b %Y", "%d %b", "%d %b", "%d %b", "%d %b"],
        zero_formats=["%Y", "%b %Y", "%d %b", "%d %b", "%d %b", "%d %b"],
        offset_formats=["", "", "%Y", "%Y", "%Y", "%Y"],
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


if __name__ == "__main__":
    import seaborn as _warm  # noqa: F401 - imported while the result is not there yet

    if request := sys.stdin.read():
        departments, path = json.loads(request)
        sys.stdout.write(draw_chart(_DEPARTMENTS.validate_python(departments), Path(path)))
