"""The notebooks of the green energy pipeline give what a calculation without Spark gives, on Sail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .green_results import DEPARTMENTS, FACILITIES, Place, assert_golden, golden
from .notebook_results import sail_engine


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with sail_engine(tmp_path_factory.mktemp("sail")) as engine:
        yield Place.make(engine)


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_each_department_has_the_golden_values(place: Place, department: str) -> None:
    assert_golden(place, department)


def test_the_calculation_of_the_test_gives_the_published_values() -> None:
    """Those of pandas and scikit-learn, so that no fault is in both sides of the comparison."""
    green, other = golden("Manufacturing", "green"), golden("Manufacturing", "not_green")
    assert (green.rows, len(green.days), other.rows, len(other.days)) == (119, 30, 121, 30)
    assert (green.days[0][0], green.days[-1][0]) == ("2024-06-21", "2024-07-20")
    assert [green.days[0][5], green.days[-1][5]] == pytest.approx([0.1254025213414362, 1.4312940618868397])
    assert [other.days[0][5], other.days[-1][5]] == pytest.approx([0.09049307410954838, 0.00951911852414475])
    assert [green.slope, other.slope] == pytest.approx(
        [0.03281975133035801, -0.002206722849298141], abs=1e-12
    )
    lines = [green.on_first_day, green.on_last_day, other.on_first_day, other.on_last_day]
    assert lines == pytest.approx(
        [-0.158457603382, 0.793315185198, 0.096264798334, 0.032269835705], abs=1e-11
    )
    assert [round(green.r2, 2), round(other.r2, 2)] == [0.42, 0.18]
    rows = {name: (golden(name, "green").rows, golden(name, "not_green").rows) for name in DEPARTMENTS}
    assert rows == {
        "Manufacturing": (119, 121),
        "Quality Control": (125, 115),
        "Research & Development": (114, 126),
        "Logistics": (106, 134),
    }


def test_departments_whose_names_look_alike_share_no_table(place: Place) -> None:
    names = [
        "R&D",
        "R D",
        "r d",
        "研究",
        "О'Нил `x`; DROP TABLE y",
        "Quality Control",
        "quality_control",
        "x" * 300,
    ]
    tables = [place.returned("extract_green", name)["table"] for name in names]
    assert len(set(tables)) == len(names)
    assert tables[5] == "green_quality_control"


def test_a_department_without_rows_has_no_line(place: Place) -> None:
    returned = place.analyse("Nowhere")
    nothing = dict.fromkeys(("slope", "r2", "first_day", "last_day", "on_first_day", "on_last_day"))
    nothing |= {"rows": 0, "days": 0}
    assert returned["analytics"] == {"green": nothing, "not_green": nothing}


def test_one_day_has_no_line_and_a_day_without_net_power_no_efficiency(place: Place, tmp_path: Path) -> None:
    header = FACILITIES.read_text().partition("\n")[0]
    lines = [
        "2024-06-21,A,Few,10.0,True,4.0,3.0",
        "2024-06-21,A,Few,10.0,False,,5.0",
        "2024-06-22,A,Few,7.0,False,,5.0",
        "2024-06-23,A,Few,0.0,False,,5.0",
    ]
    (tmp_path / "few.csv").write_text("\n".join([header, *lines, ""]))
    few = Place.make(place.engine, tmp_path / "few.csv")
    try:
        returned = few.analyse("Few")
        green, other = returned["analytics"]["green"], returned["analytics"]["not_green"]
        assert (green["days"], green["slope"], green["r2"], green["on_first_day"]) == (1, None, None, None)
        assert few.rows(returned["transform_green"]["table"]) == [["2024-06-21", 10.0, 4.0, 3.0, 6.0, 0.5]]
        assert [day[-1] for day in few.rows(returned["transform_not_green"]["table"])] == [0.5, 5 / 7, None]
        assert other["slope"] == pytest.approx(5 / 7 - 0.5)
        assert other["on_last_day"] == pytest.approx(0.5 + 2 * (5 / 7 - 0.5))
    finally:
        Place.make(place.engine)


def test_what_a_run_before_wrote_is_replaced(place: Place) -> None:
    assert place.analyse("Logistics") == place.analyse("Logistics")


def test_a_missing_table_is_named(place: Place) -> None:
    ended = place.engine.run("extract_green", catalog=place.catalog, schema="nowhere", department="Logistics")
    assert ended.exit_value is None
    assert "facilityefficiency" in ended.error
