"""The question for a partition, whatever its columns and values are."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.texts.partitions import partition_query


@pytest.mark.parametrize(
    ("partition", "condition", "parameters"),
    [
        ({"day": date(2024, 6, 21)}, "`day` = :p0", [date(2024, 6, 21)]),
        ({"kind": ["a"]}, "`kind` IN (:p0)", ["a"]),
        ({"kind": ("a", "b")}, "`kind` IN (:p0, :p1)", ["a", "b"]),
        ({"a": 1, "b": [2, 3], "c": 4}, "`a` = :p0 AND `b` IN (:p1, :p2) AND `c` = :p3", [1, 2, 3, 4]),
        ({"kind": None}, "`kind` IS NULL", []),
        ({"kind": ["a", None]}, "(`kind` IN (:p0) OR `kind` IS NULL)", ["a"]),
        ({"kind": [None]}, "`kind` IS NULL", []),
        ({"day": pd.NaT}, "`day` IS NULL", []),
        ({"day": [pd.NA, "a"]}, "(`day` IN (:p0) OR `day` IS NULL)", ["a"]),
        ({"n": pd.Series([1, 2])}, "`n` IN (:p0, :p1)", [1, 2]),
        ({"n": np.array([1, 2])}, "`n` IN (:p0, :p1)", [1, 2]),
        ({"n": range(2)}, "`n` IN (:p0, :p1)", [0, 1]),
        ({"my-kind`": "it's"}, "`my-kind``` = :p0", ["it's"]),
    ],
)
def test_names_are_quoted_and_values_bound(
    partition: dict[str, Any], condition: str, parameters: list[Any]
) -> None:
    query, bound = partition_query("my-schema.plants", partition)
    assert query == f"SELECT true FROM `my-schema`.`plants` WHERE {condition} LIMIT 1"
    assert bound == {f"p{place}": value for place, value in enumerate(parameters)}


@pytest.mark.parametrize(
    ("partition", "message"),
    [
        ({}, "name at least one column"),
        ({"a": b"ab"}, "the value of `a` is bytes: give a text"),
        ({"a": pd.Series([])}, "of `a` is empty"),
        ({"a": []}, "of `a` is empty"),
        ({"": 1}, "is empty"),
    ],
)
def test_a_question_without_an_answer_is_refused(partition: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        partition_query("plants", partition)
