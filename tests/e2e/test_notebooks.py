"""The notebooks give the right rows on Sail, and hold nothing that Databricks Runtime lacks."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbflow.notebooks import packaged_notebooks

from .notebook_results import (
    CASES,
    HOSTILE_NAMES,
    NOTEBOOKS,
    SHARES,
    Ended,
    Engine,
    expected_rows,
    read_rows,
    sail_engine,
    write_case,
    write_share,
)

SOLAR, HYDRO, WIND = SHARES


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with sail_engine(tmp_path_factory.mktemp("sail")) as engine:
        yield engine


@pytest.mark.parametrize("case", ["packaged", *CASES])
def test_rows_are_those_of_pandas(sail: Engine, tmp_path: Path, case: str) -> None:
    tables = write_case(case, tmp_path / "source")
    assert sail.analyse(tmp_path / "source", tables, tmp_path) == expected_rows(tmp_path / "source", tables)


def test_packaged_data_has_one_row_by_entity_and_year_and_one_gap(sail: Engine, tmp_path: Path) -> None:
    rows = sail.analyse(tmp_path / "source", write_case("packaged", tmp_path / "source"), tmp_path)
    # With Code in the key there would be 7,772: the regions, whose Code is empty, once a file.
    assert len(rows) == len({(row[0], row[2]) for row in rows}) == 6380
    assert [(row[0], row[2]) for row in rows if row[-1] is None] == [("Middle East", 2021)]
    shown = {(row[0], row[2]): round(row[-1], 3) for row in rows if row[-1] is not None}
    golden = {("Switzerland", 1985): 56.892, ("Switzerland", 2021): 65.703, ("United States", 2021): 19.210}
    assert golden.items() <= shown.items()


def test_names_of_any_kind_come_through(sail: Engine, tmp_path: Path) -> None:
    rows = sail.analyse(tmp_path / "source", write_case("hostile names", tmp_path / "source"), tmp_path)
    assert rows == [(name, None, 2000, 0.25, 1.25, 2.25, 3.75) for name in sorted(HOSTILE_NAMES)]


def test_an_empty_code_is_no_code_and_the_first_one_found_counts(sail: Engine, tmp_path: Path) -> None:
    case = "codes that are empty or differ"
    rows = sail.analyse(tmp_path / "source", write_case(case, tmp_path / "source"), tmp_path)
    assert [row[:3] for row in rows] == [("Peru", "PER", 2000), ("Region", None, 2000), ("Two", "ONE", 2000)]
    assert {row[3:] for row in rows} == {(1.0, 2.0, 3.0, 6.0)}


def test_a_missing_year_or_share_is_a_gap_and_a_zero_is_a_zero(sail: Engine, tmp_path: Path) -> None:
    case = "years and shares that are missing"
    rows = sail.analyse(tmp_path / "source", write_case(case, tmp_path / "source"), tmp_path)
    assert rows == [
        ("Chile", "CHL", 2000, None, 2.0, 3.0, None),
        ("Peru", "PER", 2000, 1.0, 2.0, 0.0, 3.0),
        ("Peru", "PER", 2001, 1.0, None, 3.0, None),
        ("Peru", "PER", 2002, None, 2.0, None, None),
    ]


def test_a_share_with_only_a_header_leaves_no_combined_share(sail: Engine, tmp_path: Path) -> None:
    case = "a share with only a header"
    rows = sail.analyse(tmp_path / "source", write_case(case, tmp_path / "source"), tmp_path)
    assert rows == [("Chile", None, 2000, 1.0, None, None, None), ("Peru", "PER", 2000, 1.0, None, 3.0, None)]


def test_a_second_run_replaces_what_the_first_one_wrote(sail: Engine, tmp_path: Path) -> None:
    packaged = write_case("packaged", tmp_path / "many")
    few = write_case("codes that are empty or differ", tmp_path / "few")
    first = sail.analyse(tmp_path / "many", packaged, tmp_path)
    assert sail.analyse(tmp_path / "many", packaged, tmp_path) == first
    assert len(sail.analyse(tmp_path / "few", few, tmp_path)) == 3


def test_the_order_of_the_tables_and_their_names_do_not_matter(sail: Engine, tmp_path: Path) -> None:
    tables = {"t_3": WIND, "share-electricity-solar": SOLAR, "Hydro": HYDRO}
    for name, share in tables.items():
        write_share(tmp_path / f"{name}.csv", share, [("Peru", "PER", 2000, len(share))])
    assert sail.analyse(tmp_path, list(tables), tmp_path) == [
        ("Peru", "PER", 2000, len(SOLAR), len(HYDRO), len(WIND), len(SOLAR) + len(HYDRO) + len(WIND))
    ]


def test_two_tables_join_and_the_missing_share_is_named(sail: Engine, tmp_path: Path) -> None:
    write_share(tmp_path / "solar.csv", SOLAR, [("Peru", "PER", 2000, 1), ("Chile", "CHL", 2000, 1)])
    write_share(tmp_path / "hydro.csv", HYDRO, [("Peru", "PER", 2000, 1), ("Peru", "PER", 2001, 1)])
    assert sail.join(tmp_path, ["solar", "hydro"], tmp_path / "joined") == Ended("3", "")
    ended = sail.transform(tmp_path / "joined", tmp_path / "transformed")
    assert ended.exit_value is None
    assert WIND in ended.error
    assert read_rows(tmp_path / "transformed") == []


def test_a_missing_file_is_named(sail: Engine, tmp_path: Path) -> None:
    write_share(tmp_path / "solar.csv", SOLAR, [("Peru", "PER", 2000, 1)])
    ended = sail.join(tmp_path, ["solar", "nowhere"], tmp_path / "joined")
    assert ended.exit_value is None
    assert f"{tmp_path}/nowhere.csv" in ended.error


def test_a_missing_folder_is_named(sail: Engine, tmp_path: Path) -> None:
    ended = sail.transform(tmp_path / "nowhere", tmp_path / "transformed")
    assert ended.exit_value is None
    assert f"{tmp_path}/nowhere" in ended.error


notebooks = pytest.mark.parametrize(
    "notebook",
    # `databricks_pipes.py` is a module.
    sorted(NOTEBOOKS / f"{name}.py" for name in packaged_notebooks()),
    ids=lambda path: path.stem,
)
WIDGETS = {"join_data": {"source", "tables", "target"}, "transform_data": {"source", "target"}}
ON_TABLES = {"catalog", "schema", "department"}
"""The parameters of all others."""


@notebooks
def test_it_is_a_notebook_in_python_that_every_supported_runtime_reads(notebook: Path) -> None:
    text = notebook.read_bytes().decode("ascii")
    assert text.splitlines()[0] == "# Databricks notebook source"
    ast.parse(text, feature_version=(3, 10))  # Databricks Runtime 13.3 LTS


@notebooks
def test_it_needs_nothing_but_python_and_pyspark(notebook: Path) -> None:
    nodes = list(ast.walk(ast.parse(notebook.read_text())))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {module.split(".")[0] for module in modules}
    assert roots <= sys.stdlib_module_names | {"pyspark", "databricks_pipes"}
    assert "pyspark.sql.connect" not in " ".join(modules)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    known = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(dir(builtins))
    known |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    known |= {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    known |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert {node.id for node in names} - known <= {"spark", "dbutils"}


@notebooks
def test_it_takes_widgets_only_and_no_credentials(notebook: Path) -> None:
    text = notebook.read_text()
    defined = set(re.findall(r'dbutils\.widgets\.text\("(\w+)", ""\)', text))
    read = set(re.findall(r'dbutils\.widgets\.get\("(\w+)"\)', text))
    assert defined == read == WIDGETS.get(notebook.stem, ON_TABLES)
    used = set(re.findall(r"dbutils\.(\w+\.\w+)", text))
    assert used == {"widgets.text", "widgets.get", "notebook.exit"}
    assert not re.search(r"(?i)secret|password|token|credential|access.?key|environ|getenv|spark\.conf", text)
    # The names of assets are no places.
    assert not re.search(r"\w+://", text.replace('f"databricks://{catalog}/{schema}"', ""))


def test_no_csv_file_is_read_twice_to_tell_a_number() -> None:
    """A table is read where it is joined; counts are of Parquet, which is read by columns."""
    tree = ast.parse((NOTEBOOKS / "join_data.py").read_text())
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [func.id for func in calls if isinstance(func, ast.Name)]
    assert named.count("read_share") == 1
    assert [func.attr for func in calls if isinstance(func, ast.Attribute)].count("csv") == 1


@notebooks
def test_nothing_is_collected_and_nothing_needs_the_jvm(notebook: Path) -> None:
    attributes = {
        node.attr for node in ast.walk(ast.parse(notebook.read_text())) if isinstance(node, ast.Attribute)
    }
    collecting = {"collect", "toPandas", "toArrow", "take", "head", "first", "toLocalIterator"}
    # The result of `analytics` is two rows.
    assert attributes & collecting <= ({"collect"} if notebook.stem == "analytics" else set())
    assert not attributes & {"sparkContext", "rdd", "_jvm", "_jsc", "_jdf", "cache", "persist"}
