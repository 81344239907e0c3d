"""Results of statements: values as text, chunks, limits."""

import csv
import io
import json
import math
import shutil
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from databricks_local.runtime.warehouse.chunks import Limits, ResultFiles
from databricks_local.runtime.warehouse.encoding import ARROW_STREAM, CSV, JSON_ARRAY, csv_of
from databricks_local.runtime.warehouse.failures import ResultTooLargeError
from databricks_local.runtime.warehouse.intervals import calendar_text, day_time_text, year_month_text
from databricks_local.runtime.warehouse.values import (
    UnservedTypeError,
    java_double,
    java_float,
    rows_of,
    texts_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    MapType,
    StringType,
    StructField,
    StructType,
    VariantType,
)

MICROS = pa.timestamp("us", "America/Los_Angeles")
YEAR_1, YEAR_MINUS_44, YEAR_10000 = -62_135_596_800, -63_549_360_000, 253_402_300_800
"""Their first seconds; of the second the ides of March."""


class Months(pa.ExtensionType):  # type: ignore[misc]
    """A type of which there are texts of no kind."""

    def __init__(self) -> None:
        super().__init__(pa.int32(), "months")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""


def moments(kind: pa.DataType, *seconds: float) -> pa.Array:
    return pa.array([int(each * 1_000_000) for each in seconds], pa.int64()).cast(kind)


def struct_of(**columns: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def variants(*values: tuple[bytes, bytes]) -> tuple[pa.Field, pa.Array]:
    array = struct_of(
        value=pa.array([value for value, _ in values]), metadata=pa.array([each for _, each in values])
    )
    return pa.field("v", array.type, metadata={"ARROW:extension:name": "arrow.parquet.variant"}), array


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array([True, None]), ["true", None]),
        (pa.array([12, None], pa.int8()), ["12", None]),
        (pa.array([1.0, 1e7, 123456789.5, 0.0001, -1e-5, 0.001]),
         ["1.0", "1.0E7", "1.234567895E8", "1.0E-4", "-1.0E-5", "0.001"]),
        (pa.array([math.nan, -math.inf]), ["NaN", "-Infinity"]),
        (pa.array([0.1, 3.4e38, 1e-4, 16777216.0, math.nan, None], pa.float32()),
         ["0.1", "3.4E38", "1.0E-4", "1.6777216E7", "NaN", None]),
        (pa.array([Decimal("0.0000001"), Decimal("1.50")]), ["0.0000001", "1.5000000"]),
        (pa.array([date(2024, 2, 29), date(1, 1, 1), None]), ["2024-02-29", "0001-01-01", None]),
        (pa.array([-1_000_000, 5_000_000], pa.int32()).cast(pa.date32()), ["-0768-02-04", "+15659-07-15"]),
        (pa.array([datetime(2024, 2, 29, 1, 2, 3, 4, UTC)]), ["2024-02-29T01:02:03.000004Z"]),
        (pa.array([datetime(2024, 2, 29), None]), ["2024-02-29T00:00:00.000", None]),
        (moments(MICROS, 1704096000, 1704096000.25),
         ["2024-01-01T08:00:00.000Z", "2024-01-01T08:00:00.250Z"]),
        (moments(MICROS, YEAR_1, YEAR_MINUS_44, YEAR_10000),
         ["0001-01-01T00:00:00.000Z", "-0044-03-15T00:00:00.000Z", "+10000-01-01T00:00:00.000Z"]),
        (pa.array([b"\x00\xff", None]), ["00ff", None]),
        (pa.array([time(10, 0), time(10, 0, 0, 500)]), ["10:00:00", "10:00:00.000500"]),
        (pa.array(["", 'ä"', None]), ["", 'ä"', None]),
        (pa.nulls(2), [None, None]),
        (pa.array([timedelta(days=1), None]), ["1 00:00:00.000000000", None]),
        (pa.array([(14, 3, 0)], pa.month_day_nano_interval()), ["1 years 2 months 3 days"]),
        (pa.array([["a"], [], None, [None, 'b"']]), ['["a"]', "[]", None, '[null,"b\\""]']),
        (pa.array([[1.0, math.inf], [0.1]], pa.list_(pa.float32())), ['[1.0,"Infinity"]', "[0.1]"]),
        (pa.array([[Decimal("12345678901234567890.10")], [Decimal("1.10")]]),
         ["[12345678901234567890.10]", "[1.10]"]),
        (pa.array([[timedelta(days=1)]]), ['["1 00:00:00.000000000"]']),
        (pa.array([[b"a"], [None]]), ['["61"]', "[null]"]),
        (pa.array([[True, None]]), ["[true,null]"]),
        (pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())), ['{"k":1}', None, "{}"]),
        (pa.array([[(1, "x")]], pa.map_(pa.int32(), pa.string())), ['{"1":"x"}']),
        (pa.array([{"q": 1, "R": {"d": date(2024, 1, 1)}}, None, {"q": None}]),
         ['{"q":1,"R":{"d":"2024-01-01"}}', None, '{"q":null,"R":null}']),
        (struct_of(t=moments(MICROS, YEAR_1)), ['{"t":"0001-01-01T00:00:00.000Z"}']),
    ],
)  # fmt: skip
def test_values_as_text(array: pa.Array, texts: list[str | None]) -> None:
    assert texts_of(pa.field("c", array.type), array) == texts
    # A part of a larger array is the same.
    sliced = pa.concat_arrays([array, array, array]).slice(len(array), len(array))
    assert texts_of(pa.field("c", array.type), sliced) == texts


def test_a_variant_is_json() -> None:
    field, array = variants((bytes.fromhex("02010000020c01"), bytes.fromhex("1101000161")))
    assert texts_of(field, array) == ['{"a":1}']


def test_a_variant_inside_of_others_is_known_from_the_schema_of_spark(tmp_path: Path) -> None:
    _, array = variants((bytes.fromhex("02010000020c01"), bytes.fromhex("1101000161")))
    plain = struct_of(value=pa.array([b"x"]), metadata=pa.array([b"y"]))
    result = files(tmp_path)
    result.schema = StructType(
        [
            StructField("l", ArrayType(MapType(StringType(), VariantType()))),
            StructField(
                "plain", StructType([StructField("value", BinaryType()), StructField("m", BinaryType())])
            ),
        ]
    )
    maps = pa.MapArray.from_arrays([0, 1], pa.array(["k"]), array)
    result.add(pa.table({"l": pa.ListArray.from_arrays([0, 1], maps), "plain": plain}))
    assert written(result) == [[['[{"k":{"a":1}}]', '{"value":"78","metadata":"79"}']]]


def test_a_type_that_cannot_be_written_is_named() -> None:
    array = pa.ExtensionArray.from_storage(Months(), pa.array([1], pa.int32()))
    with pytest.raises(UnservedTypeError, match=r"The column m .*cast it to STRING"):
        rows_of(pa.table({"m": array}))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_when_it_is_read_again(value: float) -> None:
    assert math.isclose(float(java_double(value)), value, rel_tol=0)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_small_number_is_the_same_when_it_is_read_again(value: float) -> None:
    text = java_float(value)
    assert np.float32(text) == np.float32(value)
    assert len(text) <= len(java_double(value))


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_are_those_of_python(moment: datetime) -> None:
    array = pa.array([moment]).cast(pa.timestamp("us", "Asia/Tokyo"))
    (text,) = texts_of(pa.field("t", array.type), array)
    assert text
    assert datetime.fromisoformat(text) == moment


def test_intervals() -> None:
    day = 86_400_000_000
    assert day_time_text(day + 2 * 3_600_000_000 + 5) == "1 02:00:00.000005000"
    assert day_time_text(-1_000_000) == "-0 00:00:01.000000000"
    assert day_time_text(106751991 * day) == "106751991 00:00:00.000000000"
    assert (year_month_text(14), year_month_text(-1)) == ("1-2", "-0-1")
    assert calendar_text((-14, 0, 3_661_000_000_000)) == "-1 years -2 months 1 hours 1 minutes 1 seconds"


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(), st.none() | st.text()), min_size=1))
def test_csv_can_be_read_by_others(rows: list[tuple[str, str | None]]) -> None:
    given_rows = [[value.replace("\r", " ") if value else value for value in row] for row in rows]
    text = csv_of(given_rows).decode("utf-8", "replace")
    read = list(csv.reader(io.StringIO(text, newline="")))
    wanted = [["null" if value is None else value for value in row] for row in given_rows]
    assert read == [[value.encode("utf-8", "replace").decode() for value in row] for row in wanted]


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


@pytest.mark.parametrize("kind", [JSON_ARRAY, CSV, ARROW_STREAM])
def test_bytes_are_those_that_are_written(tmp_path: Path, kind: str) -> None:
    """Booleans are bits in Arrow, nulls are nothing, and both are words in text."""
    table = pa.table({"yes": pa.array([True] * 50_000), "none": pa.nulls(50_000)})
    result = files(tmp_path, kind, chunk_bytes=10_000, bytes=100_000)
    for _ in range(4):
        if not result.add(table):
            break
    result.finish()
    sizes = [(result.directory / str(index)).stat().st_size for index in range(len(result.chunks))]
    assert sizes == [chunk["byte_count"] for chunk in result.chunks]
    assert sum(sizes) < 110_000
    assert result.truncated is (kind != ARROW_STREAM)


def test_many_booleans_are_too_large_to_be_inline(tmp_path: Path) -> None:
    result = files(tmp_path, chunk_bytes=4_000_000, refuse_bytes=5_000_000)
    table = pa.table({"yes": pa.array([True] * 300_000)})
    result.add(table)
    with pytest.raises(ResultTooLargeError):
        result.add(table)


def test_memory_holds_a_small_piece_of_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoding = sys.modules["databricks_local.runtime.warehouse.encoding"]
    pieces: list[int] = []

    def counted(table: pa.Table, schema: pa.Schema) -> list[list[str | None]]:
        pieces.append(table.num_rows * table.num_columns)
        return rows_of(table, schema)

    monkeypatch.setattr(encoding, "rows_of", counted)
    result = files(tmp_path, chunk_bytes=16 * 1024 * 1024)
    result.add(pa.table({str(n): pa.array([True] * 200_000) for n in range(3)}))
    result.finish()
    assert sum(pieces) == 600_000
    assert max(pieces) <= 100_000


def test_a_directory_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    result = files(tmp_path)
    result.add(numbers(1000))
    shutil.rmtree(result.directory)
    with pytest.raises(FileNotFoundError):
        result.add(numbers(1000))
    assert not result.directory.exists()


def test_columns_of_one_name_do_not_mix(tmp_path: Path) -> None:
    array = pa.array([timedelta(days=1)])
    table = pa.Table.from_arrays([array, pa.array([5])], names=["a", "a"])
    result = files(tmp_path, ARROW_STREAM)
    result.add(table)
    result.finish()
    read = pa.ipc.open_stream((result.directory / "0").read_bytes()).read_all()
    assert [column.to_pylist() for column in read.columns] == [["1 00:00:00.000000000"], [5]]
