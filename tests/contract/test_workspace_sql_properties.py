"""Whatever a statement is made of: never an error of the server, and it ends."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .sql_lab import SqlLab, starter_of
from .workspace_lab import Lab

PATH = "/api/2.0/sql/statements"
TEXTS = st.sampled_from(
    [
        "SELECT 1", "SELECT :a, :b", "SELECT id FROM range(10)", "VALUES (1, 'a'), (2, NULL)", "SELECT 1 / 0",
        "USE SCHEMA x", "SHOW TABLES", "SELECT '😀' AS `a b`", "SELECT 1 AS a, 2 AS a", "EXPLAIN SELECT 1",
        "SET x.y = 1", "SELECT array(), map(), NULL", "CREATE TEMPORARY VIEW v AS SELECT 1", "(", "'", "--",
        "SELECT float('NaN'), double('-Infinity'), CAST(1 AS DECIMAL(38,37))", "DESCRIBE range", "\0",
    ]
) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)  # fmt: skip
VALUES = st.sampled_from([None, "", "1", "a", "2024-02-30", "1e400", "\0", "x" * 1000]) | st.text(max_size=5)
TYPES = st.sampled_from(
    [None, "INT", "STRING", "DECIMAL(99,1)", "DATE", "void", "STRUCT<", "INTERVAL DAY", "\0"]
)
PARAMETER = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c d"])}, optional={"value": VALUES, "type": TYPES}
)
FIELDS = {
    "parameters": st.lists(PARAMETER, max_size=3, unique_by=lambda each: each["name"]),
    "disposition": st.sampled_from(["INLINE", "EXTERNAL_LINKS", "INLINE_OR_EXTERNAL_LINKS"]),
    "format": st.sampled_from(["JSON_ARRAY", "ARROW_STREAM", "CSV"]),
    "row_limit": st.integers(-1, 5),
    "byte_limit": st.sampled_from([1, 100, 2**62]),
    "catalog": st.sampled_from(["main", "MAIN", "no one's", "`", ""]),
    "schema": st.sampled_from(["default", "no`one", "\0"]),
    "query_tags": st.lists(st.fixed_dictionaries({"key": st.text(min_size=1, max_size=3)}), max_size=25),
}
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def starter(lab: Lab) -> SqlLab:
    return starter_of(lab)


@OFTEN
@given(TEXTS, st.fixed_dictionaries({}, optional=FIELDS))
def test_any_statement_ends(starter: SqlLab, text: str, fields: dict[str, Any]) -> None:
    body = {"statement": text, "warehouse_id": starter.warehouse_id, "wait_timeout": "50s", **fields}
    headers = {"content-type": "application/json"}
    answer = starter.lab.http.post(PATH, content=json.dumps(body).encode(), headers=headers)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert {"error_code", "message"} <= set(answer.json())
        return
    shown = answer.json()
    assert shown["status"]["state"] in ("SUCCEEDED", "FAILED"), shown
    if shown["status"]["state"] == "FAILED":
        assert shown["status"]["error"]["message"]
        assert "in the local workspace" not in shown["status"]["error"]["message"]
        return
    rows = sum(chunk["row_count"] for chunk in shown["manifest"].get("chunks", []))
    assert shown["manifest"]["total_row_count"] == rows
