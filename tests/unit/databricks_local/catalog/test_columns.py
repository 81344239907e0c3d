"""Columns between the API and a Delta schema."""

import json
import time
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.columns import column_infos, fields_of, partitions_of

STRUCT = {
    "type": "struct",
    "fields": [{"name": "Aa", "type": "integer", "nullable": True, "metadata": {}}],
}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"type_text": "int"}, "integer"),
        ({"type_text": "BIGINT"}, "long"),
        ({"type_name": "STRING"}, "string"),
        ({"type_text": "decimal(10, 2)"}, "decimal(10,2)"),
        ({"type_text": "decimal"}, "decimal(10,0)"),
        ({"type_name": "DECIMAL", "type_precision": 18, "type_scale": 4}, "decimal(18,4)"),
        ({"type_name": "DECIMAL", "type_precision": 18}, "decimal(18,0)"),
        ({"type_name": "DECIMAL", "type_text": "decimal(5,1)", "type_precision": 18}, "decimal(5,1)"),
        ({"type_json": '"timestamp_ntz"'}, "timestamp_ntz"),
        ({"type_json": "double"}, "double"),
        ({"type_text": "array<int>"}, {"type": "array", "elementType": "integer", "containsNull": True}),
        (
            {"type_text": "map<string,array<int>>"},
            {
                "type": "map",
                "keyType": "string",
                "valueType": {"type": "array", "elementType": "integer", "containsNull": True},
                "valueContainsNull": True,
            },
        ),
        ({"type_text": "STRUCT<Aa:int>"}, STRUCT),
        ({"type_json": json.dumps(STRUCT)}, STRUCT),
        ({"type_json": json.dumps({"name": "x", "type": STRUCT, "nullable": True})}, STRUCT),
        ({"type_text": "varchar(5)"}, "string"),
    ],
)
def test_types(given: dict[str, Any], kind: Any) -> None:
    [field] = fields_of([{"name": "x", **given}])
    assert field["type"] == kind


def test_the_same_columns_come_back() -> None:
    columns = [
        {"name": "A", "type_text": "varchar(5)", "nullable": False, "comment": "first"},
        {"name": "b", "type_text": "decimal(5,1)", "partition_index": 0},
        {"name": "c", "type_text": "struct<Dd:array<bigint>>"},
    ]
    columns = [{**column, "position": position} for position, column in enumerate(columns)]
    shown = column_infos(fields_of(columns), partitions_of(columns))
    assert [
        {key: each[key] for key in column} for each, column in zip(shown, columns, strict=True)
    ] == columns
    assert [each["type_name"] for each in shown] == ["STRING", "DECIMAL", "STRUCT"]
    assert (shown[1]["type_precision"], shown[1]["type_scale"]) == (5, 1)
    assert fields_of(shown) == fields_of(columns)


@pytest.mark.parametrize(
    "given",
    [
        {"type_text": "void"},
        {"type_text": "decimal(39,1)"},
        {"type_name": "DECIMAL", "type_precision": 39},
        {"type_name": "DECIMAL", "type_precision": -1},
        {"type_name": "DECIMAL", "type_precision": 2, "type_scale": 3},
        {"type_text": "map<int>"},
        {"type_text": "array<>"},
        {"type_text": ""},
        {"type_json": "[]"},
        {"type_json": '{"type": "struct"}'},
        {"type_text": "array<" * 60 + "int" + ">" * 60},
    ],
)
def test_types_that_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="Column `x` has a type that tables cannot have"):
        fields_of([{"name": "x", **given}])


def test_a_column_twice_is_refused_in_any_case() -> None:
    with pytest.raises(ApiError, match="COLUMN_ALREADY_EXISTS"):
        fields_of([{"name": "a", "type_text": "int"}, {"name": "A", "type_text": "int"}])


def test_many_columns_are_no_work() -> None:
    columns = [{"name": f"column_{each}", "type_text": "int", "position": each} for each in range(64_000)]
    begin = time.process_time()
    assert len(fields_of(columns)) == 64_000
    # Of the processor, so that other processes do not count: each name compared with each takes minutes.
    assert time.process_time() - begin < 10
