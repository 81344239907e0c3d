"""The chart shows both lines with their trends, and its axis fits what it shows."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.figure
import pytest
from databricks_flows.green_energy.chart import MODULE, chart_request, chart_title, draw_chart, trend_text
from databricks_flows.green_energy.results import Kind, Trend
from PIL import Image

from .green_lab import department


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were saved, for a look at their axes."""
    saved: list[Any] = []
    save = matplotlib.figure.Figure.savefig

    def savefig(self: Any, *arguments: Any, **options: Any) -> None:
        saved.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", savefig)
    return saved


def drawn(axes: Any) -> list[tuple[str, list[float]]]:
    return [
        (line.get_linestyle(), list(line.get_ydata())) for line in axes.get_lines() if len(line.get_xdata())
    ]


def test_both_lines_and_both_trends_are_within_the_axis(figures: list[Any], tmp_path: Path) -> None:
    found = department("Logistics", [0.1, 1.43, 0.9], [0.09, 0.05, 0.01], slope=-0.4)
    draw_chart([found], tmp_path / "c.png")
    (axes,) = figures[0].axes
    lines = drawn(axes)
    assert sorted(lines) == sorted(
        [
            ("-", [0.1, 1.43, 0.9]),
            ("--", [0.25, 0.25 - 0.8]),
            ("-", [0.09, 0.05, 0.01]),
            ("--", [0.25, 0.25 - 0.8]),
        ]
    )
    low, high = axes.get_ylim()
    assert low < -0.55
    assert high > 1.43
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [
        "With the initiative: \N{MINUS SIGN}0.4000 a day, R² 0.42",
        "Without it: \N{MINUS SIGN}0.4000 a day, R² 0.42",
        "Trend",
    ]
    assert Image.open(tmp_path / "c.png").width >= 1000


def test_a_day_without_efficiency_is_a_gap_and_no_trend_is_said(figures: list[Any], tmp_path: Path) -> None:
    draw_chart([department("$x$ _y", [0.1, None, 0.3], [], slope=None)], tmp_path / "c.png")
    (axes,) = figures[0].axes
    [(style, values)] = drawn(axes)
    assert style == "-"
    assert [math.isnan(value) for value in values] == [False, True, False]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["With the initiative: no trend"]


@pytest.mark.parametrize("slope", [0.1, -0.1], ids=["rising", "falling"])
def test_the_legend_covers_no_line(figures: list[Any], tmp_path: Path, slope: float) -> None:
    days = [1.5 + slope * (n - 10) for n in range(20)]
    draw_chart([department("Logistics", [*days], [0.1] * 20, slope=None)], tmp_path / "c.png")
    (axes,) = figures[0].axes
    legend = axes.get_legend().get_window_extent()
    points = [line.get_transform().transform(line.get_xydata()) for line in axes.get_lines()]
    assert not [point for line in points for point in line if legend.contains(*point)]


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_each_department_has_a_panel_with_a_scale_of_its_own(
    figures: list[Any], tmp_path: Path, count: int
) -> None:
    found = [department(f"D{n}", [10.0**n, 2 * 10.0**n], [0.0, 1.0]) for n in range(count)]
    assert draw_chart(found, tmp_path / "c.png").endswith(f": {count} departments")
    shown = [axes for axes in figures[0].axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == [f"D{n}" for n in range(count)]
    assert all(axes.get_ylim()[1] < 3 * 10.0**n + 2 for n, axes in enumerate(shown))


def test_a_line_that_explains_nothing_has_no_r2() -> None:
    flat = Kind(True, Trend(2, 2, 0.0), ())
    assert trend_text(flat) == "With the initiative: +0.0000 a day"


def test_the_title_of_one_department_has_its_name() -> None:
    assert chart_title([department("x" * 300, [], [])]).endswith(f": {'x' * 59}…")


def test_the_process_draws_what_the_request_says(tmp_path: Path) -> None:
    found = [department("Research & Development", [0.1, None], [0.2, 0.3])]
    ended = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps(chart_request(found, tmp_path / "c.png")),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(": Research & Development")
    assert Image.open(tmp_path / "c.png").format == "PNG"
