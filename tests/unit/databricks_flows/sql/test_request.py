"""What a call of SQL asks for: statements of texts and files, values, time-outs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from databricks_blocks import DatabricksWorkspace, InvalidStatement, SqlWarehouse
from databricks_blocks.sql.texts.partitions import partition_query
from databricks_flows.sql.request import SqlRequest, read_statements

BLOCK = SqlWarehouse(
    workspace=DatabricksWorkspace(databricks_instance="dbc.example", token="t"),
    warehouse_id="w",
    catalog="main",
    schema_name="elt",
)


@pytest.mark.parametrize(
    ("given", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        (["SELECT 1", "SELECT 2; SELECT 3"], ["SELECT 1", "SELECT 2", "SELECT 3"]),
        (("SELECT 1",), ["SELECT 1"]),
    ],
)
def test_statements_are_read(given: Any, statements: list[str]) -> None:
    assert read_statements(given) == statements


@pytest.mark.parametrize("content", ["SELECT 'ä';\r\nSELECT 2;", "\ufeffSELECT 'ä';\nSELECT 2"])
def test_statements_of_a_file_are_read(tmp_path: Path, content: str) -> None:
    file = tmp_path / "load.SQL"
    file.write_text(content, encoding="utf-8", newline="")
    assert read_statements(file) == read_statements(str(file)) == ["SELECT 'ä'", "SELECT 2"]


@pytest.mark.parametrize("given", ["", " -- nothing", [], ["", ";"], Path("nowhere.sql"), "nowhere.sql"])
def test_what_has_no_statement_is_refused(given: Any) -> None:
    with pytest.raises(InvalidStatement, match=r"there is no statement in|nowhere.sql cannot be read"):
        read_statements(given)


def test_a_path_with_a_space_is_a_file_and_a_table_named_sql_is_none(tmp_path: Path) -> None:
    file = tmp_path / "My Files.sql"
    file.write_text("SELECT 1; SELECT 2")
    assert read_statements(str(file)) == ["SELECT 1", "SELECT 2"]
    assert read_statements("SELECT * FROM main.sql") == ["SELECT * FROM main.sql"]


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "old.sql"
    file.write_bytes("SELECT 'ä'".encode("latin-1"))
    with pytest.raises(InvalidStatement, match=r"old.sql is not UTF-8"):
        read_statements(file)


def test_statements_begin_where_the_call_or_the_block_says() -> None:
    [of_the_block] = SqlRequest(["SELECT 1"]).of(BLOCK, "w")
    [of_the_call] = SqlRequest(["SELECT 1"], schema="other").of(BLOCK, "w")
    assert (of_the_block.catalog, of_the_block.schema) == ("main", "elt")
    assert (of_the_call.catalog, of_the_call.schema) == ("main", "other")


def test_each_of_several_statements_gets_the_values_that_it_has_markers_for() -> None:
    request = SqlRequest(["SELECT :a", "SELECT :b, :a", "SELECT ':a'"], {"a": 1, "b": 2})
    assert [dict(one.parameters) for one in request.of(BLOCK, "w")] == [{"a": 1}, {"b": 2, "a": 1}, {}]
    [single] = SqlRequest(["SELECT 1"], {"a": 1}).of(BLOCK, "w")
    assert single.parameters == {"a": 1}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"statements": []}, "there is no statement"),
        ({"timeout_seconds": 0}, "timeout_seconds must be more than 0, but is 0"),
        ({"timeout_seconds": -1}, "timeout_seconds must be more than 0"),
        ({"parameters": {"a": [1]}}, "the parameter `a` is a list"),
        (
            {"statements": ["SELECT 1", "SELECT 2"], "parameters": {"dya": 1}},
            "no statement has a marker for the parameter `dya`",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidStatement, match=message):
        SqlRequest(**{"statements": ["SELECT 1"], **wrong})


def test_a_value_of_one_makes_valid_sql() -> None:
    """A list of one in Airflow's sensor becomes `('a',)`, which is no SQL: here, values are never written."""
    query, parameters = partition_query("t", {"day": ["a"]})
    [statement] = SqlRequest([query], parameters).of(BLOCK, "w")
    body = statement.body({})
    assert body["statement"] == "SELECT true FROM `t` WHERE `day` IN (:p0) LIMIT 1"
    assert body["parameters"] == [{"name": "p0", "value": "a", "type": "STRING"}]
