"""Results of statements: values as text, chunks, limits."""

import csv
import io
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from databricks_local.runtime.warehouse.chunks import (
    ARROW_STREAM,
    CSV,
    JSON_ARRAY,
    Limits,
    ResultFiles,
    ResultTooLargeError,
)
from databricks_local.runtime.warehouse.values import (
    csv_of,
    day_time_text,
    java_double,
    rows_of,
    text_of,
    year_month_text,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (12, "12"),
        (1.0, "1.0"),
        (1e7, "1.0E7"),
        (123456789.5, "1.234567895E8"),
        (0.0001, "1.0E-4"),
        (-1e-5, "-1.0E-5"),
        (0.001, "0.001"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (Decimal("0.0000001"), "0.0000001"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1, 2, 3, 4, UTC), "2024-02-29T01:02:03.000004Z"),
        (datetime(2024, 2, 29), "2024-02-29T00:00:00.000"),
        (b"\x00\xff", "00ff"),
        ([1, None, "a"], '[1,null,"a"]'),
        ({"a": [("k", 1)], "b": date(2024, 1, 1)}, '{"a":{"k":1},"b":"2024-01-01"}'),
        ([float("inf")], '["Infinity"]'),
        ("", ""),
        (None, None),
    ],
)
def test_values_as_text(value: Any, text: str | None) -> None:
    assert text_of(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_when_it_is_read_again(value: float) -> None:
    assert math.isclose(float(java_double(value)), value, rel_tol=0)


def test_intervals() -> None:
    assert day_time_text(timedelta(days=1, hours=2, microseconds=5)) == "1 02:00:00.000005000"
    assert day_time_text(-timedelta(seconds=1)) == "-0 00:00:01.000000000"
    assert (year_month_text(14), year_month_text(-1)) == ("1-2", "-0-1")


@given(st.lists(st.tuples(st.text(), st.none() | st.text()), min_size=1))
def test_csv_can_be_read_by_others(rows: list[tuple[str, str | None]]) -> None:
    given_rows = [[value.replace("\r", " ") if value else value for value in row] for row in rows]
    text = csv_of(given_rows, ["a", "b"]).decode("utf-8", "replace")
    read = list(csv.reader(io.StringIO(text, newline="")))
    wanted = [["null" if value is None else value for value in row] for row in given_rows]
    assert read[1:] == [[value.encode("utf-8", "replace").decode() for value in row] for row in wanted]


def files(path: Path, kind: str = JSON_ARRAY, **limits: Any) -> ResultFiles:
    return ResultFiles(path / "result", kind, Limits(**{"chunk_bytes": 800, **limits}))


def numbers(count: int, start: int = 0) -> pa.Table:
    return pa.table({"n": pa.array(range(start, start + count), pa.int64())})


def written(result: ResultFiles) -> list[list[list[str]]]:
    result.finish()
    return [json.loads((result.directory / str(chunk["chunk_index"])).read_text()) for chunk in result.chunks]


def test_chunks_follow_each_other_without_gaps(tmp_path: Path) -> None:
    result = files(tmp_path)
    for start in range(0, 1000, 250):
        assert result.add(numbers(250, start))
    contents = written(result)
    assert len(contents) > 5
    assert [int(row[0]) for content in contents for row in content] == list(range(1000))
    offset = 0
    for chunk, content in zip(result.chunks, contents, strict=True):
        assert (chunk["row_offset"], chunk["row_count"]) == (offset, len(content))
        assert chunk["byte_count"] == (result.directory / str(chunk["chunk_index"])).stat().st_size
        offset += len(content)
    assert not result.truncated


@pytest.mark.parametrize(("limit", "kept", "truncated"), [(5, 5, True), (10, 10, False), (20, 10, False)])
def test_the_limit_of_rows(tmp_path: Path, limit: int, kept: int, truncated: bool) -> None:
    result = files(tmp_path, rows=limit)
    assert result.add(numbers(10)) is not truncated
    assert sum(map(len, written(result))) == kept
    assert result.truncated is truncated


def test_the_limit_of_rows_is_noticed_when_more_comes(tmp_path: Path) -> None:
    result = files(tmp_path, rows=10)
    assert result.add(numbers(10))
    assert not result.add(numbers(1))
    assert result.truncated


def test_the_limit_of_bytes_keeps_at_least_a_row(tmp_path: Path) -> None:
    result = files(tmp_path, bytes=1)
    assert not result.add(numbers(10))
    assert written(result) == [[["0"]]]


def test_a_result_that_is_too_large_is_refused(tmp_path: Path) -> None:
    result = files(tmp_path, refuse_bytes=100)
    with pytest.raises(ResultTooLargeError):
        result.add(numbers(100))


def test_no_rows_are_no_chunk(tmp_path: Path) -> None:
    result = files(tmp_path)
    assert result.add(numbers(0))
    assert written(result) == []


def test_formats(tmp_path: Path) -> None:
    result = files(tmp_path, CSV)
    result.add(numbers(300))
    result.finish()
    texts = [(result.directory / str(index)).read_text() for index in range(len(result.chunks))]
    assert [text.startswith("n") for text in texts] == [True, *[False] * (len(texts) - 1)]
    arrow = files(tmp_path / "arrow", ARROW_STREAM)
    arrow.add(numbers(3))
    arrow.finish()
    assert pa.ipc.open_stream((arrow.directory / "0").read_bytes()).read_all() == numbers(3)


def test_rows_of_every_type_of_column() -> None:
    table = pa.table(
        {
            "i": pa.array([1, None], pa.int8()),
            "b": [True, None],
            "d": pa.array([date(2024, 1, 1), None]),
            "s": ["a", None],
            "f": [0.5, None],
        }
    )
    assert rows_of(table) == [["1", "true", "2024-01-01", "a", "0.5"], [None] * 5]
