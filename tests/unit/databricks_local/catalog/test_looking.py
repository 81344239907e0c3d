"""The first rows and the history of a table, as text."""

import datetime
import decimal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from databricks_local.catalog.looking import CELL_LENGTH, COMMITS, ROWS, look_at
from databricks_local.catalog.records import Table
from deltalake import write_deltalake

from tests.unit.databricks_local.catalog.log_lab import write_log

VALUES = {
    "n": 1,
    "s": "<b>",
    "t": datetime.datetime(2026, 1, 2, 3, 4),
    "d": decimal.Decimal("1.50"),
    "b": b"\x00\xff",
    "l": [1, None],
    "m": {"k": datetime.date(2026, 1, 2)},
    "z": None,
}
TEXTS = ("1", "<b>", "2026-01-02 03:04:00", "1.50", "00FF", "[1, null]", '{"k": "2026-01-02"}', None)


def table(data_format: str = "DELTA") -> Table:
    return Table(("main", "s", "t"), {"data_source_format": data_format}, None)


def rows_of(values: dict[str, object], number: int) -> pa.Table:
    columns = {name: [value] * number for name, value in values.items()}
    return pa.table(columns).set_column(len(values) - 1, "z", pa.nulls(number, pa.string()))


def test_the_first_rows_and_the_last_commits(tmp_path: Path) -> None:
    for _ in range(COMMITS + 5):
        write_deltalake(tmp_path, rows_of(VALUES, 2), mode="append")
    look = look_at(table(), tmp_path, {})
    assert look.columns == tuple(VALUES)
    assert look.rows == (TEXTS,) * ROWS
    assert [commit["version"] for commit in look.history] == list(range(COMMITS + 4, 4, -1))
    assert not look.problem


def test_parquet_has_rows_and_no_history(tmp_path: Path) -> None:
    pq.write_table(rows_of(VALUES, 100), tmp_path / "part.parquet")
    look = look_at(table("PARQUET"), tmp_path, {})
    assert (look.columns, look.rows, look.history) == (tuple(VALUES), (TEXTS,) * ROWS, ())


def test_long_values_are_cut(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"s": ["x" * 10_000]}))
    [[cell]] = look_at(table(), tmp_path, {}).rows
    assert cell == "x" * CELL_LENGTH + "…"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert "Delta and Parquet" in look_at(table("CSV"), tmp_path, {}).problem
    assert "cannot be read" in look_at(table(), tmp_path / "gone", {}).problem
    assert "on this machine" in look_at(table("PARQUET"), "s3://bucket/t", {}).problem
    write_deltalake(tmp_path / "t", pa.table({"n": [1]}))
    for file in (tmp_path / "t").glob("*.parquet"):
        file.unlink()
    look = look_at(table(), tmp_path / "t", {})
    assert "The rows cannot be read" in look.problem
    assert len(look.history) == 1


def test_columns_with_other_names_in_the_files_are_not_shown_as_null(tmp_path: Path) -> None:
    mapped = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}
    properties = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"}
    write_log(tmp_path, {"minReaderVersion": 2, "minWriterVersion": 5}, {"metadata": mapped}, properties)
    look = look_at(table(), tmp_path, {})
    assert (look.problem, len(look.history)) == ("Rows are not shown of tables with column mapping.", 1)


DAYS = pa.array([5_000_000, -719_528, 0], pa.int32()).cast(pa.date32())
DAY_TEXTS = ["15659-07-15", "0000-01-01", "1970-01-01"]


def test_dates_and_times_that_python_does_not_have(tmp_path: Path) -> None:
    old = pa.array([-70_000_000_000_000_000] * 3, pa.int64())
    columns = {
        "day": DAYS,
        "utc": old.cast(pa.timestamp("us", tz="UTC")),
        "ntz": old.cast(pa.timestamp("us")),
        "struct": pa.StructArray.from_arrays([DAYS], ["a"]),
        "list": pa.ListArray.from_arrays([0, 1, 2, 3], DAYS),
        "map": pa.MapArray.from_arrays([0, 1, 2, 3], ["k", "k", "k"], DAYS),
    }
    pq.write_table(pa.table(columns), tmp_path / "part.parquet")
    look = look_at(table("PARQUET"), tmp_path, {})
    assert not look.problem
    cells = dict(zip(look.columns, zip(*look.rows, strict=True), strict=True))
    assert list(cells["day"]) == DAY_TEXTS
    assert {cells["utc"][0], cells["ntz"][0]} == {
        "-0249-10-15 19:33:20.000000Z",
        "-0249-10-15 19:33:20.000000",
    }
    assert cells["struct"][0] == '{"a": "15659-07-15"}'
    assert cells["list"][1] == '["0000-01-01"]'
    assert "15659-07-15" in (cells["map"][0] or "")
    write_deltalake(tmp_path / "delta", pa.table({name: columns[name] for name in ("utc", "struct")}))
    assert look_at(table(), tmp_path / "delta", {}).rows[2][1] == '{"a": "1970-01-01"}'
    # `deltalake` itself cannot read the statistics.
    write_deltalake(tmp_path / "days", pa.table({"day": DAYS}))
    look = look_at(table(), tmp_path / "days", {})
    assert look.problem.startswith("The rows cannot be read: ")
    assert len(look.history) == 1


def test_columns_that_are_not_in_the_files(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"p": ["a", "b"], "n": [1, 2]}), partition_by=["p"])
    write_deltalake(
        tmp_path, pa.table({"p": ["a"], "n": [3], "new": ["x"]}), mode="append", schema_mode="merge"
    )
    look = look_at(table(), tmp_path, {})
    assert set(look.columns) == {"p", "n", "new"}
    cells = [
        tuple(dict(zip(look.columns, row, strict=True))[name] for name in ("p", "n", "new"))
        for row in look.rows
    ]
    assert sorted(cells, key=str) == [("a", "1", None), ("a", "3", "x"), ("b", "2", None)]


# In a process of its own: what it has read with may be freed later, by threads of Arrow.
_LOOK = """
import sys
from pathlib import Path
import pyarrow as pa
from databricks_local.catalog.looking import look_at
from databricks_local.catalog.records import Table

look = look_at(Table(("main", "s", "t"), {"data_source_format": "PARQUET"}, None), Path(sys.argv[1]), {})
print(len(look.rows), pa.default_memory_pool().max_memory())
"""


def test_little_of_a_large_file_is_read(tmp_path: Path) -> None:
    rows = pa.table({"n": range(200_000), "s": [f"{number:0100}" for number in range(200_000)]})
    pq.write_table(rows, tmp_path / "large.parquet", row_group_size=len(rows), use_dictionary=False)
    assert rows.nbytes > 20 * 1024 * 1024
    looked = subprocess.run([sys.executable, "-c", _LOOK, str(tmp_path)], capture_output=True, check=True)
    number, memory = map(int, looked.stdout.split())
    assert number == ROWS
    assert 0 < memory < 5 * 1024 * 1024
