"""The chart of combined shares by year. Run as a module, it draws one chart in its own process.

In its own process, because matplotlib is not thread-safe (docs: matplotlib FAQ) and takes seconds to import:
a process that starts early is ready when the result is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Palette = dict[str, tuple[float, float, float]]

MOST_LINES = 10
MOST_NAMES_IN_TITLE = 3
LONGEST_NAME = 60


def draw_chart_of_file(table_path: Path, chart_path: Path) -> str:
    """Draw the chart of a table like `shw.csv`.

    Args:
        table_path: The table.
        chart_path: The PNG file.

    Returns:
        The title of the chart.
    """
    import pandas as pd

    shares = pd.read_csv(
        table_path, usecols=["Entity", "Year", "SHW%"], keep_default_na=False, na_values={"SHW%": [""]}
    )
    draw_chart(shares, chart_path)
    return chart_title(list(dict.fromkeys(shares["Entity"])))


def draw_chart(shares: pd.DataFrame, path: Path) -> None:
    """Draw `SHW%` by year as a line for each entity, with a gap where a year has no value.

    With several entities there is a legend. With more than `MOST_LINES` of them, only those are coloured and
    named whose share changed most between their first and last year; the others are thin grey lines in the
    background. Not the highest ones: they would be a bundle at 100 %, and readers of a time series look for
    change.

    Args:
        shares: Columns `Entity`, `Year` and `SHW%` (in percent), one row for each entity and year.
        path: The PNG file; its folder exists.
    """
    import seaborn as sns
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    entities = list(dict.fromkeys(shares["Entity"]))
    named = entities if len(entities) <= MOST_LINES else _most_changed(shares, MOST_LINES)
    sns.set_theme(style="whitegrid")
    # Not pyplot: the threads of a worker would share its global state.
    figure = Figure(figsize=(10, 5.6), dpi=144, layout="constrained")
    axes = figure.subplots()
    segments = _segments(shares)
    _draw_background(axes, segments[~segments["Entity"].isin(named)])
    palette = dict(zip(named, sns.color_palette("tab10", len(named)), strict=True))
    _draw_named(axes, segments[segments["Entity"].isin(named)], palette)
    axes.set(xlabel="Year", ylabel="Combined SHW (in %)")
    axes.set_title(chart_title(entities), parse_math=False)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(entities) > 1:
        _draw_legend(
            axes, palette, "" if len(named) == len(entities) else f"Greatest change of {len(entities)}"
        )
    figure.savefig(path, format="png")


def chart_title(entities: list[str]) -> str:
    """Title of the chart: up to three names, or the number of entities."""
    if len(entities) > MOST_NAMES_IN_TITLE:
        where = f"{len(entities)} countries and regions"
    else:
        names = [_shortened(entity) for entity in entities]
        where = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"% of Solar, Hydro and Wind in {where}"


def _draw_named(axes: Axes, segments: pd.DataFrame, palette: Palette) -> None:
    import seaborn as sns

    if segments.empty:
        return
    sns.lineplot(
        segments,
        x="Year",
        y="SHW%",
        hue="Entity",
        palette=palette,
        units="segment",
        estimator=None,
        linewidth=2,
        legend=False,
        ax=axes,
    )
    # A single year between two gaps has no line; a point shows it.
    alone = segments[segments.groupby("segment")["Year"].transform("size") == 1]
    for entity, points in alone.groupby("Entity"):
        axes.plot(points["Year"], points["SHW%"], "o", markersize=4, color=palette[str(entity)])


def _draw_legend(axes: Axes, palette: Palette, title: str) -> None:
    from matplotlib.lines import Line2D

    legend = axes.legend(
        handles=[Line2D([], [], color=colour, linewidth=2) for colour in palette.values()],
        labels=[str(number) for number in range(len(palette))],
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        title=title,
    )
    # Names are set afterwards: labels that begin with an underscore are left out, and `$` begins a formula.
    for text, name in zip(legend.get_texts(), palette, strict=True):
        text.set(text=_shortened(name), parse_math=False)


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _draw_background(axes: Axes, segments: pd.DataFrame) -> None:
    for _, segment in segments.groupby("segment"):
        axes.plot(segment["Year"], segment["SHW%"], color="0.85", linewidth=0.7, zorder=1)


def _segments(shares: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a value; `segment` numbers the unbroken sequences of years."""
    present = shares.dropna(subset=["SHW%"]).sort_values(["Entity", "Year"])
    follows = (present["Entity"] == present["Entity"].shift()) & (
        present["Year"] == present["Year"].shift() + 1
    )
    return present.assign(segment=(~follows).cumsum())


def _most_changed(shares: pd.DataFrame, count: int) -> list[str]:
    by_entity = shares.dropna(subset=["SHW%"]).sort_values("Year").groupby("Entity")["SHW%"]
    change = (by_entity.last() - by_entity.first()).abs()
    return [str(entity) for entity in change.nlargest(count).index]


if __name__ == "__main__":
    import seaborn as _warm  # noqa: F401 - imported while the result is not there yet

    if request := sys.stdin.read():
        sys.stdout.write(draw_chart_of_file(*map(Path, json.loads(request))))
