"""What COPY INTO is told by us, and what the workspace makes of it, through the official SDK."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.sql import StatementParameterListItem
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.parameters import bound_parameters
from databricks_blocks.sql.texts.copy_into import CopyInto, loads_query
from databricks_blocks.sql.texts.partitions import partition_query
from databricks_blocks.sql.texts.quoting import quoted_name, quoted_table
from databricks_blocks.sql.texts.schema import casts_text, create_table_text, csv_table

from .sql_lab import SqlLab, starter_of
from .workspace_lab import Lab

HEADER = {"header": True}
KEYS = {"AWS_ACCESS_KEY": "a", "AWS_SECRET_KEY": "it's", "AWS_SESSION_TOKEN": "c"}
Put = Callable[[str, str], None]


@pytest.fixture(scope="module")
def sql(lab: Lab) -> SqlLab:
    return starter_of(lab)


@pytest.fixture
def folder(lab: Lab) -> str:
    """A folder of its own in a volume."""
    if not any(volume.name == "copy" for volume in lab.sdk.volumes.list("main", "default")):
        lab.sdk.volumes.create("main", "default", "copy", VolumeType.MANAGED)
    return f"/Volumes/main/default/copy/{uuid4().hex}"


@pytest.fixture
def put(lab: Lab, folder: str) -> Put:
    def put(name: str, text: str) -> None:
        lab.sdk.files.create_directory(folder)
        lab.sdk.files.upload(f"{folder}/{name}", io.BytesIO(text.encode()))

    return put


@pytest.fixture
def table(sql: SqlLab) -> str:
    """The name of a table that needs quotes."""
    return f"main.default.`my-table;``{uuid4().hex}'é`"


def copied(sql: SqlLab, copy: CopyInto) -> list[list[str]]:
    return [sql.rows(text)[0] for text in copy.statements()]


def test_names_of_all_kinds_are_quoted(
    sql: SqlLab, folder: str, put: Put, table: str, tmp_path: Path
) -> None:
    text = "out put,it's,b`c\n1.5,a,2024-06-21\n2,b,\n"
    put("it's (1).csv", text)
    (tmp_path / "local.csv").write_text(text)
    found = csv_table([tmp_path / "local.csv"])
    assert dict(found.columns) == {"out put": "DOUBLE", "it's": "STRING", "b`c": "DATE"}
    sql.rows(create_table_text(table, found.columns))
    copy = CopyInto(table, folder, files=["it's (1).csv"], format_options=found.format_options)
    assert copied(sql, copy) == [["2", "2", "0"]]
    assert sql.rows(f"SELECT * FROM {quoted_table(table)} ORDER BY 1") == [
        ["1.5", "a", "2024-06-21"],
        ["2.0", "b", None],
    ]


def test_texts_are_cast_to_the_types_of_the_columns(sql: SqlLab, folder: str, put: Put, table: str) -> None:
    columns = {
        "b`c": "DATE",
        "yes": "BOOLEAN",
        "n": "BIGINT",
        "out put": "DOUBLE",
        "exact": "DECIMAL(10, 2)",
        "at": "TIMESTAMP_NTZ",
        "code": "STRING",
    }
    row = "2024-06-21,True,1,1.5,2.25,2024-06-21 10:00:00,007"
    put("a.csv", f"{','.join(columns)}\n{row}\n,,,,,,\n")
    put("bad.csv", f"{','.join(columns)}\n{row.replace('1.5', 'much')}\n")
    sql.rows(create_table_text(table, columns))
    copy = CopyInto(table, folder, files=["a.csv"], format_options=HEADER, select=casts_text(columns))
    assert copied(sql, copy) == [["2", "2", "0"]]
    loaded, empty = sql.rows(f"SELECT * FROM {quoted_table(table)} ORDER BY n DESC")
    assert loaded[:5] == ["2024-06-21", "true", "1", "1.5", "2.25"]
    assert loaded[6] == "007"
    assert empty == [None] * 7
    [statement] = replace(copy, files=["bad.csv"]).statements()
    assert sql.failure(statement)[1] == "CAST_INVALID_INPUT"


def test_a_name_is_never_a_statement(sql: SqlLab, table: str) -> None:
    sql.rows(create_table_text(table, {"n": "INT"}))
    other = f"main.default.x; DROP TABLE {quoted_table(table)}"
    with pytest.raises(InputError, match="is not the name of a table"):
        create_table_text(other, {"n": "INT"})
    plain = f"main.default.p{uuid4().hex}"
    sql.rows(create_table_text(plain, {"n": "INT"}))
    # Quoted, it is a name with blanks, which Unity Catalog does not take.
    assert sql.failure(f"SELECT * FROM {quoted_name('main', 'default', f'x; DROP TABLE {plain}')}")
    assert sql.rows(f"SELECT * FROM {plain}") == sql.rows(f"SELECT * FROM {quoted_table(table)}") == []


def test_a_file_is_loaded_once_and_again_by_force(sql: SqlLab, folder: str, put: Put, table: str) -> None:
    put("a.csv", "n\n1\n2\n")
    put("b.csv", "n\n3\n")
    sql.rows(create_table_text(table, {"n": "INT"}))
    assert copied(sql, CopyInto(table, folder, files=["a.csv"], format_options=HEADER)) == [["2", "2", "0"]]
    assert copied(sql, CopyInto(table, folder, format_options=HEADER)) == [["1", "1", "0"]]
    assert copied(sql, CopyInto(table, folder, pattern="*.csv", format_options=HEADER)) == [["0", "0", "0"]]
    assert copied(sql, CopyInto(table, folder, format_options=HEADER, force=True)) == [["3", "3", "0"]]
    assert sql.rows(f"SELECT count(*), sum(n) FROM {quoted_table(table)}") == [["6", "12"]]


def test_the_history_of_a_table_tells_the_rows_of_a_load(
    lab: Lab, sql: SqlLab, folder: str, put: Put, table: str
) -> None:
    put("a.csv", "n\n1\n2\n")
    sql.rows(create_table_text(table, {"n": "INT"}))
    sql.rows(f"INSERT INTO {quoted_table(table)} VALUES (7)")
    copied(sql, CopyInto(table, folder, format_options=HEADER))
    history = lab.sdk.query_history.list().res or []
    copy = next(one for one in history if (one.query_text or "").startswith("COPY INTO"))
    assert copy.query_start_time_ms
    assert copy.query_end_time_ms

    def loads(began: int, ended: int) -> list[list[str]]:
        moments = {"began": began, "ended": ended}
        values = {name: datetime.fromtimestamp(time / 1000, UTC) for name, time in moments.items()}
        bound = [StatementParameterListItem.from_dict(each) for each in bound_parameters(values)]
        return sql.rows(loads_query(table), parameters=bound)

    assert loads(copy.query_start_time_ms, copy.query_end_time_ms) == [["2"]]
    assert loads(0, copy.query_start_time_ms - 1) == []


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"select": "CAST(n AS INT) + 1 AS n"}, [["2", "2", "0"]]),
        ({"validate": "all"}, [["1"]]),
        ({"validate": 1}, [["1"]]),
        ({"copy_options": {"mergeSchema": True}}, [["2", "2", "0"]]),
        (
            {"credential": {"AWS_ACCESS_KEY": "a", "AWS_SECRET_KEY": "it's", "AWS_SESSION_TOKEN": "c"}},
            [["2", "2", "0"]],
        ),
        (
            {"credential": "my-keys", "encryption": {"TYPE": "AWS_SSE_C", "MASTER_KEY": "m"}},
            [["2", "2", "0"]],
        ),
    ],
)
def test_each_option_is_taken(
    sql: SqlLab, folder: str, put: Put, table: str, given: dict[str, Any], rows: list[list[str]]
) -> None:
    put("a.csv", "n\n1\n2\n")
    sql.rows(create_table_text(table, {"n": "INT"}))
    assert copied(sql, CopyInto(table, folder, format_options=HEADER, **given)) == rows


@pytest.mark.parametrize(
    ("partition", "rows"),
    [
        ({"kind": "a"}, [["true"]]),
        ({"kind": ["a"]}, [["true"]]),
        ({"kind": ["b", "c"]}, []),
        ({"n": 1, "kind": ["a", None]}, [["true"]]),
        ({"kind": None}, [["true"]]),
        ({"n": 2, "kind": "a"}, []),
    ],
)
def test_a_partition_is_there_or_not(
    sql: SqlLab, table: str, partition: dict[str, Any], rows: list[list[str]]
) -> None:
    sql.rows(create_table_text(table, {"n": "INT", "kind": "STRING"}))
    sql.rows(f"INSERT INTO {quoted_table(table)} VALUES (1, 'a'), (2, NULL)")
    query, values = partition_query(table, partition)
    bound = [StatementParameterListItem.from_dict(each) for each in bound_parameters(values)]
    assert sql.rows(query, parameters=bound) == rows
