"""Saved queries: their parameters, and what changes of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.sql.queries import Queries
from databricks_local.sql.query_parameters import defaults_of, read_parameter, types_of
from databricks_local.storage.documents import Documents


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[Queries]:
    documents = Documents(tmp_path / "objects.sqlite")
    yield Queries(documents, lambda: 0, "me")
    documents.close()


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        ({"text_value": {"value": "a"}}, "a", ""),
        ({"text_value": {}}, None, ""),
        ({"numeric_value": {"value": 12}}, "12", "BIGINT"),
        ({"numeric_value": {"value": 12.0}}, "12", "BIGINT"),
        ({"numeric_value": {"value": 1.5}}, "1.5", "DOUBLE"),
        ({"date_value": {"date_value": "2024-02-29"}}, "2024-02-29", "DATE"),
        ({"date_value": {"date_value": "2024-02-29 12:00:00", "precision": "SECOND_PRECISION"}},
         "2024-02-29 12:00:00", "TIMESTAMP"),
        ({"enum_value": {"values": ["b"], "enum_options": "a\nb"}}, "b", ""),
        ({"enum_value": {"values": ["a", "b"], "multi_values_options": {"prefix": "'", "suffix": "'"}}},
         "'a','b'", ""),
        ({"enum_value": {"values": []}}, None, ""),
        ({"query_backed_value": {"values": ["q"], "query_id": "x"}}, "q", ""),
    ],
)  # fmt: skip
def test_values_of_parameters(value: dict[str, Any], text: str | None, kind: str) -> None:
    parameter = read_parameter({"name": "p", **value})
    query = {"parameters": [parameter]}
    assert defaults_of(query) == ({} if text is None else {"p": text})
    assert types_of(query) == ({"p": kind} if kind else {})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"text_value": {"value": {"a": 1}}}, "String field 'value'"),
        ({"text_value": "a"}, "text_value"),
        ({"numeric_value": {"value": "many"}}, "number"),
        ({"numeric_value": {"value": True}}, "number"),
        ({"date_value": {"date_value": ["2024"]}}, "date_value"),
        ({"date_value": {"dynamic_date_value": "NOW"}}, "dynamic_date_value is not served"),
        ({"date_range_value": {"date_range_value": {"start": "a", "end": "b"}}}, "date_range_value is not"),
        ({"enum_value": {"values": [{"a": 1}]}}, "values"),
        ({"enum_value": {"values": ["a"], "multi_values_options": {"prefix": {}}}}, "prefix"),
        ({"text_value": {"value": "a"}, "numeric_value": {"value": 1}}, "more than one value"),
    ],
)
def test_parameters_that_are_refused(queries: Queries, value: dict[str, Any], words: str) -> None:
    body = {"query": {"display_name": "q", "parameters": [{"name": "p", **value}]}}
    with pytest.raises(ApiError, match=words) as refused:
        queries.create(body)
    assert refused.value.status == 400
    assert queries.all() == []


def test_a_change_without_a_value_empties_a_field(queries: Queries) -> None:
    fields = {"display_name": "q", "description": "d", "apply_auto_limit": True, "tags": ["a"]}
    made = queries.create({"query": fields})
    changed = queries.update(made["id"], {"update_mask": "description,apply_auto_limit,tags", "query": {}})
    assert (changed["description"], changed["apply_auto_limit"], changed["tags"]) == ("", False, [])


@pytest.mark.parametrize("query", [{}, {"display_name": ""}])
def test_a_query_always_has_a_name(queries: Queries, query: dict[str, Any]) -> None:
    made = queries.create({"query": {"display_name": "q"}})
    with pytest.raises(ApiError, match="display_name"):
        queries.update(made["id"], {"update_mask": "display_name", "query": query})
    assert queries.get(made["id"])["display_name"] == "q"
