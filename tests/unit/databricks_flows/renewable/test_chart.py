"""The chart shows what is there: a line an entity, a gap where a year has no value, names as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.figure
import pandas as pd
import pytest
from databricks_flows.renewable.chart import MOST_LINES, chart_title, draw_chart, draw_chart_of_file
from PIL import Image

HEADER = "Entity,Code,Year,Solar (% electricity),Hydro (% electricity),Wind (% electricity),SHW%\n"


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


def shares(**values: list[float | None]) -> pd.DataFrame:
    rows = [
        (entity, 2000 + offset, value)
        for entity, series in values.items()
        for offset, value in enumerate(series)
    ]
    return pd.DataFrame(rows, columns=["Entity", "Year", "SHW%"])


def lines(axes: Any, *, coloured: bool = True) -> list[list[tuple[float, float]]]:
    drawn = [line for line in axes.get_lines() if len(line.get_xdata())]
    return [
        list(zip(*line.get_data(), strict=True)) for line in drawn if (line.get_color() != "0.85") == coloured
    ]


def test_title_and_axes_are_those_of_the_analysis(figures: list[Any], tmp_path: Path) -> None:
    draw_chart(shares(Switzerland=[56.9, 57.3]), tmp_path / "shw.png")
    (axes,) = figures[0].axes
    assert axes.get_title() == "% of Solar, Hydro and Wind in Switzerland"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Year", "Combined SHW (in %)")
    assert axes.get_legend() is None
    assert lines(axes) == [[(2000, 56.9), (2001, 57.3)]]
    assert Image.open(tmp_path / "shw.png").width >= 1000


def test_a_gap_in_the_data_is_a_gap_in_the_line(figures: list[Any], tmp_path: Path) -> None:
    draw_chart(shares(Peru=[1.0, 2.0, None, 4.0, None, 6.0, 7.0]), tmp_path / "shw.png")
    drawn = lines(figures[0].axes[0])
    assert [(2000, 1.0), (2001, 2.0)] in drawn
    assert [(2005, 6.0), (2006, 7.0)] in drawn
    assert [(2003, 4.0)] in drawn, "a year between two gaps is a point"
    assert all(not {2001, 2003} <= {x for x, _ in line} for line in drawn)


def test_a_year_without_a_row_is_a_gap_too(figures: list[Any], tmp_path: Path) -> None:
    rows = shares(Peru=[1.0, 2.0, 3.0, 4.0])
    draw_chart(rows[rows["Year"] != 2002], tmp_path / "shw.png")
    assert all(not {2001, 2003} <= {x for x, _ in line} for line in lines(figures[0].axes[0]))


def test_several_countries_have_a_line_each_and_a_legend(figures: list[Any], tmp_path: Path) -> None:
    draw_chart(shares(Peru=[1.0, 2.0], Chile=[3.0, 4.0]), tmp_path / "shw.png")
    axes = figures[0].axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Peru", "Chile"]
    assert len({line.get_color() for line in axes.get_lines() if len(line.get_xdata())}) == 2


def test_of_very_many_those_that_changed_most_are_named(figures: list[Any], tmp_path: Path) -> None:
    many = shares(**{f"Land {number}": [10.0, 10.0 + number] for number in range(40)})
    draw_chart(many, tmp_path / "shw.png")
    axes = figures[0].axes[0]
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == [f"Land {number}" for number in range(39, 39 - MOST_LINES, -1)]
    assert len(lines(axes, coloured=False)) == 40 - MOST_LINES


def test_names_are_shown_as_they_are(figures: list[Any], tmp_path: Path) -> None:
    entity = "a $x$ \\frac{ _b_ Côte d'Ivoire"
    draw_chart(shares(**{entity: [1.0, 2.0], "_hidden": [2.0, 3.0]}), tmp_path / "shw.png")
    texts = figures[0].axes[0].get_legend().get_texts()
    assert [(text.get_text(), text.get_parse_math()) for text in texts] == [
        (entity, False),
        ("_hidden", False),
    ]
    assert not figures[0].axes[0].title.get_parse_math()


def test_no_value_at_all_still_makes_a_chart(tmp_path: Path) -> None:
    draw_chart(shares(Peru=[None, None]), tmp_path / "shw.png")
    assert (tmp_path / "shw.png").stat().st_size


@pytest.mark.parametrize(
    ("entities", "where"),
    [
        (["Peru"], "Peru"),
        (["Peru", "Chile"], "Peru and Chile"),
        (["Peru", "Chile", "Cuba"], "Peru, Chile and Cuba"),
        (["a", "b", "c", "d"], "4 countries and regions"),
    ],
)
def test_the_title_names_up_to_three(entities: list[str], where: str) -> None:
    assert chart_title(entities) == f"% of Solar, Hydro and Wind in {where}"


def test_an_entity_named_na_is_an_entity(tmp_path: Path) -> None:
    table = tmp_path / "shw.csv"
    table.write_text(HEADER + "NA,,2000,1,1,1,3\nNA,,2001,1,,1,\n")
    assert draw_chart_of_file(table, tmp_path / "shw.png").endswith("in NA")
