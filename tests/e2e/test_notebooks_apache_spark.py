"""The notebooks write the same rows on Apache Spark as on Sail: `uv run pytest -m apache_spark`.

The first run installs Apache Spark and a Java runtime in the cache of the user.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .green_results import DEPARTMENTS, Place, assert_golden
from .notebook_results import (
    CASES,
    SHARES,
    Ended,
    Engine,
    apache_engine,
    expected_rows,
    read_rows,
    sail_engine,
    write_case,
    write_share,
)

pytestmark = pytest.mark.apache_spark


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with apache_engine(tmp_path_factory.mktemp("apache")) as started:
        yield started


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with sail_engine(tmp_path_factory.mktemp("sail")) as started:
        yield started


@pytest.mark.parametrize("case", ["packaged", *CASES])
def test_rows_are_those_of_sail_and_of_pandas(
    apache: Engine, sail: Engine, tmp_path: Path, case: str
) -> None:
    source = tmp_path / "source"
    tables = write_case(case, source)
    rows = apache.analyse(source, tables, tmp_path / "apache")
    assert rows == sail.analyse(source, tables, tmp_path / "sail")
    assert rows == expected_rows(source, tables)


def test_a_second_run_replaces_what_the_first_one_wrote(apache: Engine, tmp_path: Path) -> None:
    packaged = write_case("packaged", tmp_path / "many")
    few = write_case("codes that are empty or differ", tmp_path / "few")
    assert len(apache.analyse(tmp_path / "many", packaged, tmp_path)) == 6380
    assert len(apache.analyse(tmp_path / "few", few, tmp_path)) == 3


def test_two_tables_join_and_the_missing_share_is_named(apache: Engine, tmp_path: Path) -> None:
    solar, hydro, wind = SHARES
    write_share(tmp_path / "solar.csv", solar, [("Peru", "PER", 2000, 1), ("Chile", "CHL", 2000, 1)])
    write_share(tmp_path / "hydro.csv", hydro, [("Peru", "PER", 2000, 1), ("Peru", "PER", 2001, 1)])
    assert apache.join(tmp_path, ["solar", "hydro"], tmp_path / "joined") == Ended("3", "")
    ended = apache.transform(tmp_path / "joined", tmp_path / "transformed")
    assert ended.exit_value is None
    assert wind in ended.error
    assert read_rows(tmp_path / "transformed") == []


def test_a_missing_source_is_named(apache: Engine, tmp_path: Path) -> None:
    joined = apache.join(tmp_path, ["nowhere"], tmp_path / "joined")
    transformed = apache.transform(tmp_path / "joined", tmp_path / "transformed")
    assert [joined.exit_value, transformed.exit_value] == [None, None]
    assert f"{tmp_path}/nowhere.csv" in joined.error
    assert f"{tmp_path}/joined" in transformed.error


@pytest.fixture(scope="module")
def facilities(apache: Engine) -> Place:
    return Place.make(apache)


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_green_energy_has_the_golden_values(facilities: Place, department: str) -> None:
    assert_golden(facilities, department)


def test_a_department_without_rows_has_no_line(facilities: Place) -> None:
    trends = facilities.analyse("Nowhere")["analytics"]
    assert {(trend["rows"], trend["days"], trend["slope"]) for trend in trends.values()} == {(0, 0, None)}
