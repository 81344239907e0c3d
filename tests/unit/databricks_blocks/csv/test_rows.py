"""Records of CSV files as values: none changes, and what does not fit is refused with its line."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from databricks_blocks.csv.rows import read_rows, write_rows
from databricks_blocks.database.tables import Column, RecordRefused, Table
from hypothesis import given
from hypothesis import strategies as st

TABLE = Table(
    "t",
    {
        "Entity": Column("text", required=True),
        "Year": Column("integer"),
        "Exact": Column("decimal"),
        "Share": Column("double"),
    },
)


def read(body: str | bytes) -> list[tuple[Any, ...]]:
    content = body.encode() if isinstance(body, str) else body
    stream = io.BytesIO(b"a,b,c,d\n" + content)
    return [tuple(row.values()) for rows in read_rows(TABLE, stream, 2) for row in rows]


def test_values_have_the_type_of_their_column_and_empty_ones_are_absent() -> None:
    body = (
        'Peru,2000,0.1234567890123456789012345678901234567890,1e-3\n"two\nlines",,"",""\r\nx, +7 , +1.50 ,1\n'
    )
    assert read(body) == [
        ("Peru", 2000, "0.1234567890123456789012345678901234567890", 0.001),
        ("two\nlines", None, None, None),
        ("x", 7, "1.50", 1.0),
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("Peru,2000,1", "line 2: 3 fields for 4 columns"),
        ("", "line 2: 1 fields for 4 columns"),
        (",2000,1,1", "line 2, column `Entity`: empty"),
        ("Peru,2000.5,1,1", "line 2, column `Year`: `2000.5` is not of type integer"),
        ("Peru,2147483648,1,1", "line 2, column `Year`"),
        (f"Peru,{'9' * 5000},1,1", "line 2, column `Year`"),
        ("Peru,1_0,1,1", "line 2, column `Year`"),
        ("Peru,٣,1,1", "line 2, column `Year`"),
        ("Peru,1,NaN,1", "line 2, column `Exact`"),
        ("Peru,1,1e400,1", "line 2, column `Exact`"),
        ("Peru,1,1,inf", "line 2, column `Share`"),
        ("Pe\x00ru,1,1,1", "line 2, column `Entity`"),
        (b"Per\xfa,1,1,1", "line 2, column `Entity`: bytes that are not UTF-8"),
        ('"Peru,1,1,1', "line 2: the record does not end; is a quote missing?"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_record_that_does_not_fit_is_refused(record: str | bytes, reason: str) -> None:
    with pytest.raises(RecordRefused, match=reason):
        read((record.encode() if isinstance(record, str) else record) + b"\n")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**300), max_value=10**300))
def test_a_decimal_keeps_all_of_its_digits(value: Decimal) -> None:
    [(_, _, text, _)] = read(f"x,,{value},\n")
    assert Decimal(text).as_tuple() == value.as_tuple() or value == Decimal(text) == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_comes_back_as_it_was(value: float) -> None:
    stream = io.BytesIO()
    assert write_rows(["a", "b", "c", "d"], [("x", None, None, value)], stream) == 1
    [row] = read(stream.getvalue().partition(b"\n")[2])
    assert repr(row[3]) == repr(value)


def test_what_is_written_is_csv_as_others_read_it() -> None:
    stream = io.BytesIO()
    rows = [('say "é", twice', None, 2.0), ("two\nlines", "", 0.1)]
    assert write_rows(["Entity", "%", "d"], rows, stream) == 2
    assert stream.getvalue().decode() == 'Entity,%,d\n"say ""é"", twice",,2\n"two\nlines",,0.1\n'
