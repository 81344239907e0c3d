"""Types by content: each field fits the narrowest type that keeps it as it is."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from databricks_blocks.csv.types import join, kind_of, widened
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("bigint", ["0", "-0", "42", " 42\t", "-999999999999999999"]),
        ("decimal", ["1.5", "-.5", "5.", "1234567890123456789", "0.1234567890123456", "1E-300", "1e249"]),
        ("double", ["1e5", "1.25E-10", "-2e+22", "123456789.012345e1"]),
        ("boolean", ["true", "False", "TRUE"]),
        ("date", ["2026-11-21", "2024-02-29", "2000-02-29", "0001-01-01"]),
        ("timestamp", ["2026-11-21 23:59", "2026-11-21T00:00:00", "2026-11-21 10:00:00.123456"]),
        ("timestamptz", ["2026-11-21T10:00:00Z", "2026-11-21 10:00+05:30", "2026-11-21 10:00:00.5-08"]),
        # Codes would lose something; the others are read differently by different readers.
        ("text", ["007", "-01.5", "+41", "1_000", "0x10", "1,5", "1 000", "NaN", "inf", "1e999", "9" * 51]),
        ("text", ["t", "yes", "on", "today", "now", "infinity", "21.11.2026", "11/21/2026", "2026/11/21"]),
        ("text", ["2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "0000-01-01", "2026-1-1"]),
        ("text", ["2026-11-21 24:00", "2026-11-21 10:60", "2026-11-21 10:00:00.1234567", "10:00", "\udc80"]),
    ],
)
def test_a_field_has_the_type_that_keeps_it(kind: str, fields: list[str]) -> None:
    assert {field: kind_of([field]) for field in fields} == dict.fromkeys(fields, kind)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (None, ["", ""]),
        ("bigint", ["", "1", ""]),
        ("decimal", ["1", "1.5"]),
        ("double", ["1", "1.5", "1e3"]),
        ("decimal", ["1e3", "1234567890123456"]),
        ("timestamp", ["2026-11-21", "2026-11-21 10:00"]),
        ("text", ["2026-11-21", "2026-11-21 10:00Z"]),
        ("text", ["true", "1"]),
        ("text", ["1.5", "n/a"]),
    ],
)
def test_a_column_has_the_type_that_keeps_all_of_it(kind: str | None, fields: list[str]) -> None:
    assert kind_of(fields) == kind


@pytest.mark.parametrize(
    ("before", "field", "after"),
    [
        (None, "", None),
        (None, "1", "bigint"),
        ("bigint", "", "bigint"),
        ("bigint", "1.5", "decimal"),
        ("bigint", "1e3", "decimal"),
        ("bigint", "007", "text"),
        ("decimal", "1e3", "decimal"),
        ("double", "0.12345678901234567", "decimal"),
        ("date", "2026-11-21 10:00", "timestamp"),
        ("date", "01/02/03", "text"),
        ("boolean", "1", "text"),
        ("text", "1", "text"),
    ],
)
def test_a_late_surprise_widens_the_column(before: object, field: str, after: str | None) -> None:
    assert widened(before, field) == after  # type: ignore[arg-type]


FIELDS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.dates().map(str),
    st.datetimes().map(str),
    st.text(max_size=12),
)


@given(FIELDS)
def test_no_value_changes(field: str) -> None:
    match kind_of([field]):
        case "bigint":
            assert -(2**63) <= int(field) < 2**63
        case "double":
            assert Decimal(repr(float(field))) == Decimal(field)
        case "decimal":
            assert abs(Decimal(field)) < 10**300
        case "date":
            assert str(date.fromisoformat(field)) == field
        case "timestamp":
            assert datetime.fromisoformat(field).tzinfo is None


@given(st.lists(FIELDS, max_size=5))
def test_no_order_makes_a_column_narrower_than_its_fields(fields: list[str]) -> None:
    kind = None
    for field in fields:
        kind = widened(kind, field)
    for field in fields:
        assert widened(kind, field) == kind
    if kind is not None:
        assert join(kind, "text") == "text"
