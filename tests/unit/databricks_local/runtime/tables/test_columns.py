"""Values are cast to the types of their columns so that none is lost unseen."""

from typing import Any

import pytest
from databricks_local.runtime.tables.delta.schema import field_in, type_ddl, unknown
from databricks_local.runtime.tables.doing.columns import checked_cast


def column(kind: Any) -> dict[str, Any]:
    return {"name": "c", "type": kind, "nullable": True, "metadata": {}}


@pytest.mark.parametrize(
    ("given", "wanted", "expression"),
    [
        ("integer", "integer", "x"),
        ("integer", "long", "CAST(x AS bigint)"),
        ("date", "timestamp", "CAST(x AS timestamp)"),
        ("decimal(5,2)", "string", "CAST(x AS string)"),
        ("void", "date", "CAST(x AS date)"),
    ],
)
def test_what_always_fits_is_only_cast(given: str, wanted: str, expression: str) -> None:
    assert checked_cast("x", given, column(wanted)) == expression


@pytest.mark.parametrize(
    ("given", "wanted", "condition"),
    [
        ("string", "integer", "CAST_INVALID_INPUT"),
        ("string", "date", "CAST_INVALID_INPUT"),
        ("long", "integer", "CAST_OVERFLOW_IN_TABLE_INSERT"),
        ("double", "decimal(4,1)", "CAST_OVERFLOW_IN_TABLE_INSERT"),
    ],
)
def test_what_may_not_fit_is_an_error(given: str, wanted: str, condition: str) -> None:
    expression = checked_cast("x", given, column(wanted))
    # Each value is cast once: what is behind is for rows whose cast failed.
    ddl = type_ddl(wanted)
    tried, behind = expression.split(f"TRY_CAST(x AS {ddl}), IF(x IS NULL, CAST(NULL AS {ddl}), ")
    assert tried.startswith("coalesce(")
    assert f"TRY_CAST(x AS {ddl})" not in tried + behind
    assert f"raise_error({'concat(' if given == 'string' else ''}'[{condition}]" in expression


def test_a_plain_date_is_read_the_fast_way_first() -> None:
    plain = "CASE WHEN octet_length(x) = 10 AND instr(x, '-') = 5 THEN x END"
    expression = checked_cast("x", "string", column("date"))
    assert expression.startswith(f"coalesce(CAST(TRY_CAST({plain} AS TIMESTAMP_NTZ) AS DATE), TRY_CAST(x AS ")


NULL = "IF(x IS NULL, CAST(NULL AS struct<`a`:int,`b`:bigint>), "


@pytest.mark.parametrize(
    ("given", "wanted", "named", "expression"),
    [
        ("STRUCT<b: BIGINT, a: INT>", "STRUCT<a: INT, b: BIGINT>", True,
         f"{NULL}named_struct('a', x.`a`, 'b', x.`b`))"),
        ("STRUCT<A: INT>", "STRUCT<a: INT, b: BIGINT>", True,
         f"{NULL}named_struct('a', x.`A`, 'b', CAST(NULL AS bigint)))"),
        ("STRUCT<b: INT, a: INT>", "STRUCT<a: INT, b: BIGINT>", False,
         f"{NULL}named_struct('a', x.`b`, 'b', CAST(x.`a` AS bigint)))"),
        ("ARRAY<INT>", "ARRAY<BIGINT>", True, "transform(x, _2 -> CAST(_2 AS bigint))"),
        ("MAP<STRING, INT>", "MAP<STRING, BIGINT>", True,
         "map_from_arrays(map_keys(x), transform(map_values(x), _2 -> CAST(_2 AS bigint)))"),
        ("ARRAY<ARRAY<INT>>", "ARRAY<ARRAY<BIGINT>>", True,
         "transform(x, _2 -> transform(_2, _3 -> CAST(_3 AS bigint)))"),
        ("ARRAY<STRUCT<a: INT>>", "ARRAY<STRUCT<a: INT>>", True, "x"),
    ],
)  # fmt: skip
def test_what_is_inside_is_cast_field_by_field(given: str, wanted: str, named: bool, expression: str) -> None:
    kinds = [field_in("c", text)["type"] for text in (given, wanted)]
    assert checked_cast("x", kinds[0], column(kinds[1]), named=named) == expression


def test_a_wrong_value_inside_is_named_by_its_path() -> None:
    kinds = [field_in("c", text)["type"] for text in ("STRUCT<a: STRING>", "STRUCT<a: INT>")]
    assert "for the column `c`.`a`." in checked_cast("x", kinds[0], column(kinds[1]))


def test_fields_that_a_table_does_not_have() -> None:
    there = [field_in("a", "INT"), field_in("s", "ARRAY<STRUCT<x: INT, m: MAP<STRING, STRUCT<y: INT>>>>")]
    rows = [
        field_in("S", "ARRAY<STRUCT<z: INT, m: MAP<STRING, STRUCT<y: INT, w: INT>>>>"),
        field_in("b", "INT"),
    ]
    assert unknown(there, rows) == ["s.z", "s.m.w", "b"]
