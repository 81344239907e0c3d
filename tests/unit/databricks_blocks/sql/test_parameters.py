"""Values of parameters: each has the text and the SQL type that give it back; what has none is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from databricks_blocks.sql.parameters import InvalidStatement, bound_parameters


class Department(Enum):
    MANUFACTURING = "Manufacturing"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (True, "BOOLEAN", "true"),
        (5, "INT", "5"),
        (-(2**31), "INT", "-2147483648"),
        (2**31, "BIGINT", "2147483648"),
        (2**63, "DECIMAL(38,0)", "9223372036854775808"),
        (0.1, "DOUBLE", "0.1"),
        (float("nan"), "DOUBLE", "NaN"),
        (float("-inf"), "DOUBLE", "-Infinity"),
        (Decimal("1.50"), "DECIMAL(3,2)", "1.50"),
        (Decimal("0.001"), "DECIMAL(3,3)", "0.001"),
        (Decimal("1E+3"), "DECIMAL(4,0)", "1000"),
        ("it's; DROP TABLE t", "STRING", "it's; DROP TABLE t"),
        ("", "STRING", ""),
        (UUID(int=1), "STRING", "00000000-0000-0000-0000-000000000001"),
        (date(2024, 6, 21), "DATE", "2024-06-21"),
        (datetime(2024, 6, 21, 1, 2, 3, 4), "TIMESTAMP_NTZ", "2024-06-21 01:02:03.000004"),
        (datetime(2024, 6, 21, tzinfo=UTC), "TIMESTAMP", "2024-06-21 00:00:00+00:00"),
        (
            datetime(2024, 6, 21, tzinfo=timezone(timedelta(hours=2))),
            "TIMESTAMP",
            "2024-06-21 00:00:00+02:00",
        ),
        (
            timedelta(days=1, seconds=3661, microseconds=5),
            "INTERVAL DAY TO SECOND",
            "INTERVAL '1 01:01:01.000005' DAY TO SECOND",
        ),
        (-timedelta(seconds=5), "INTERVAL DAY TO SECOND", "INTERVAL '-0 00:00:05.000000' DAY TO SECOND"),
        (None, "VOID", None),
        (pd.NaT, "VOID", None),
        (pd.NA, "VOID", None),
        (np.int64(7), "INT", "7"),
        (np.float64(0.5), "DOUBLE", "0.5"),
        (np.bool_(True), "BOOLEAN", "true"),
        (np.datetime64("2024-06-21T01:02:03", "ns"), "TIMESTAMP_NTZ", "2024-06-21 01:02:03"),
        (np.datetime64("2024-06-21T01:02:03", "us"), "TIMESTAMP_NTZ", "2024-06-21 01:02:03"),
        (np.datetime64("2024-06-21", "D"), "DATE", "2024-06-21"),
        (np.datetime64("NaT", "ns"), "VOID", None),
        (
            np.timedelta64(5_000_000_000, "ns"),
            "INTERVAL DAY TO SECOND",
            "INTERVAL '0 00:00:05.000000' DAY TO SECOND",
        ),
        (np.str_("a"), "STRING", "a"),
        (pd.Timestamp("2024-06-21"), "TIMESTAMP_NTZ", "2024-06-21 00:00:00"),
        (Department.MANUFACTURING, "STRING", "Manufacturing"),
    ],
)
def test_a_value_has_its_sql_type(value: Any, kind: str, text: str | None) -> None:
    assert bound_parameters({"v": value}) == [{"name": "v", "value": text, "type": kind}]


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        {"a": 1},
        b"bytes",
        object(),
        time(1, 2),
        np.array([1]),
        pd.Series([1, 2]),
        10**38,
        Decimal("1E+40"),
    ],
)
def test_a_value_without_sql_type_is_refused_by_name(value: Any) -> None:
    with pytest.raises(
        InvalidStatement, match=r"the parameter `days` is a .*, which has no SQL type: give a"
    ):
        bound_parameters({"days": value})


@pytest.mark.parametrize("name", ["", ":day", "a b", "1st", "day;", "täg"])
def test_a_name_that_cannot_be_one_of_a_marker_is_refused(name: str) -> None:
    with pytest.raises(InvalidStatement, match="cannot be the name of a parameter"):
        bound_parameters({name: 1})
