"""Files go through the storage into Databricks tables: uploaded once, loaded once, named if they are bad."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks import StatementFailed
from databricks_blocks.csv.faults import InputError
from databricks_blocks.staging.area import open_staging
from databricks_flows import copy_into, databricks_sql, upload_files, wait_for_partition, wait_for_query
from databricks_flows.sql.waiting import NotTrueInTime
from databricks_flows.tasks.copy_result import CopyResult
from databricks_flows.tasks.uploads import UploadedFile
from databricks_local import Faults
from prefect import flow, unmapped
from prefect.futures import wait

from .conftest import Stack
from .flow_processes import logs_of

COLUMNS = {"id": "INT", "output": "DOUBLE"}
FILES = 5
SECRET = "it's a secret"
KEYS = {"AWS_ACCESS_KEY": "AKIAEXAMPLE", "AWS_SECRET_KEY": SECRET, "AWS_SESSION_TOKEN": "a-token"}


@pytest.fixture
def folder(stack: Stack) -> Iterator[str]:
    """A folder of its own in the storage."""
    name = f"test-copy-{uuid4().hex}"
    yield name
    open_staging("staging", name).delete()


@pytest.fixture
def tables(stack: Stack) -> list[str]:
    """Names of two tables that are not there yet; one needs quotes."""
    return [f"main.default.plants_{uuid4().hex}", f"main.default.meters-{uuid4().hex}"]


def query(text: str) -> list[dict[str, Any]]:
    @flow
    def ask() -> Any:
        return databricks_sql(text).rows()

    return ask()


def count(table: str) -> int:
    quoted = ".".join(f"`{part}`" for part in table.split("."))
    return int(query(f"SELECT count(*) AS n FROM {quoted}")[0]["n"])


def copies_of(stack: Stack, table: str) -> list[str]:
    """The statements that copied into a table."""
    name = table.rpartition(".")[2]
    found = stack.databricks().query_history.list(max_results=500).res or []
    texts = [one.query_text or "" for one in found]
    return [text for text in texts if text.startswith("COPY INTO") and name in text.partition("\n")[0]]


@pytest.fixture
def ten_files(tmp_path: Path) -> Path:
    for kind in ("plants", "meters"):
        for number in range(FILES):
            (tmp_path / f"{kind}-{number}.csv").write_text(f"id,output\n{number},1.5\n{number},\n")
    return tmp_path


@flow
def load(
    files: Path, folder: str, tables: Sequence[str], force: bool = False
) -> list[CopyResult | BaseException]:
    """Upload files, and load them into their tables, mapped; what became of each table."""
    uploaded = upload_files(files, folder)
    of_tables = [[file for file in uploaded if file.name.startswith(kind)] for kind in ("plants", "meters")]
    futures = copy_into.map(
        tables,
        of_tables,
        create_table=unmapped(COLUMNS),
        format_options=unmapped({"header": True}),
        force=force,
    )
    wait(futures)
    return [future.result(raise_on_failure=False) for future in futures]


def test_a_bad_file_is_named_with_its_place_and_the_other_table_is_loaded(
    stack: Stack, folder: str, tables: list[str], ten_files: Path
) -> None:
    bad = ten_files / "meters-3.csv"
    bad.write_text("id,output\n3,1.5\n3,much\n")
    plants, meters = load(ten_files, folder, tables)
    assert plants == CopyResult(tables[0], FILES, 2 * FILES, 0)
    assert isinstance(meters, StatementFailed)
    assert str(meters).startswith(f"{bad}, line 3, column `output`: ")
    assert "much" in str(meters)
    assert [len(copies_of(stack, table)) for table in tables] == [1, 1]
    assert [count(table) for table in tables] == [2 * FILES, 0]


def test_a_second_load_adds_no_row_and_force_adds_them_again(
    stack: Stack, folder: str, tables: list[str], ten_files: Path
) -> None:
    assert [each.rows for each in load(ten_files, folder, tables)] == [2 * FILES] * 2  # type: ignore[union-attr]
    assert [each.rows for each in load(ten_files, folder, tables)] == [0, 0]  # type: ignore[union-attr]
    forced = load(ten_files, folder, tables, force=True)
    assert [each.rows for each in forced] == [2 * FILES] * 2  # type: ignore[union-attr]
    assert [count(table) for table in tables] == [4 * FILES] * 2


def test_a_lost_answer_loads_nothing_twice(
    stack: Stack, faults: Faults, folder: str, tables: list[str], ten_files: Path
) -> None:
    load(ten_files, folder, tables)
    faults.add(method="POST", path="/api/2.0/sql/statements", when="after", effect="reset", count=4)
    forced = load(ten_files, folder, tables, force=True)
    assert faults.show()[0]["applied"] == 4  # a look at the table and a COPY INTO for each
    assert [each.rows for each in forced] == [2 * FILES] * 2  # type: ignore[union-attr]
    assert [count(table) for table in tables] == [4 * FILES] * 2
    assert [len(copies_of(stack, table)) for table in tables] == [2, 2]


def test_a_table_is_made_for_its_files(stack: Stack, folder: str, tmp_path: Path, tables: list[str]) -> None:
    path = tmp_path / "late.csv"
    path.write_text('day;n;code;said\n2024-06-21;1;007;"a ""b"" c"\n2024-06-22;2.5;08;\n')

    @flow
    async def load_one() -> Any:
        uploaded = await asyncio.to_thread(upload_files, path, folder)
        return await copy_into(tables[0], uploaded, create_table=True)

    assert asyncio.run(load_one()) == CopyResult(tables[0], 1, 2, 0)
    assert query(f"SELECT * FROM {tables[0]} ORDER BY n") == [
        {"day": date(2024, 6, 21), "n": 1.0, "code": "007", "said": 'a "b" c'},
        {"day": date(2024, 6, 22), "n": 2.5, "code": "08", "said": None},
    ]


def test_a_volume_and_a_folder_as_a_whole_are_sources_too(stack: Stack, tables: list[str]) -> None:
    client = stack.databricks()
    folder = f"/Volumes/main/default/copied/{uuid4().hex}"
    if not any(volume.name == "copied" for volume in client.volumes.list("main", "default")):
        client.volumes.create("main", "default", "copied", VolumeType.MANAGED)
    client.files.create_directory(folder)
    client.files.upload(f"{folder}/a.csv", io.BytesIO(b"id,output\n1,1\n"))

    @flow
    def load_folder() -> Any:
        options = {"create_table": COLUMNS, "format_options": {"header": True}}
        return copy_into(tables[0], folder, **options), copy_into(tables[0], folder, files=[], **options)

    first, nothing = load_folder()
    assert first == CopyResult(tables[0], None, 1, 0)
    assert nothing == CopyResult(tables[0], 0, 0, 0)
    assert len(copies_of(stack, tables[0])) == 1


def test_keys_are_in_no_log_and_no_error(
    stack: Stack, tables: list[str], folder: str, ten_files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    @flow
    def load_with_keys(select: str) -> Any:
        uploaded = upload_files(ten_files / "plants-0.csv", folder)
        options = {"create_table": COLUMNS, "format_options": {"header": True}}
        return copy_into(tables[0], uploaded, credential=KEYS, select=select, force=True, **options)

    @flow
    def load_short() -> Any:
        return copy_into("k", "/k", credential=KEYS)

    state = load_with_keys("id, CAST(output AS DOUBLE) AS output", return_state=True)
    assert state.result().rows == 2
    failed = load_with_keys("id, nonsense(output) AS output", return_state=True)
    with pytest.raises(StatementFailed) as caught:
        failed.result()
    # So short that the first bytes of the request, which the SDK logs for debugging, would have them.
    with pytest.raises(StatementFailed) as of_short_text:
        load_short()
    logs = [line for each in (state, failed) for line in logs_of(each.state_details.flow_run_id)]
    told = "\n".join([*logs, caplog.text, repr(caught.value), str(of_short_text.value)])
    assert any("COPY INTO" in line for line in logs)
    assert not any(part in told for part in (SECRET, SECRET.replace("'", "\\'"), *KEYS.values()))


def test_what_was_replaced_is_told(
    stack: Stack, tables: list[str], folder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "plants-1.csv"
    for text, rows in (("id,output\n1,1\n", 1), ("id,output\n1,1\n2,2\n", 0)):
        path.write_text(text)
        [plants, _] = load(path, folder, tables)
        assert isinstance(plants, CopyResult)
        assert plants.rows == rows
    assert "was replaced. If it was loaded before, its new rows are not" in caplog.text


def test_what_cannot_be_copied_is_refused_before_anything_is_sent(stack: Stack, tables: list[str]) -> None:
    files = [UploadedFile("a", "a.csv", uri, 1, "new") for uri in ("s3://b/one/a.csv", "s3://b/two/a.csv")]

    @flow
    def load_from(source: Any, **named: Any) -> Any:
        return copy_into(tables[0], source, **named)

    for source, named, message in (
        ("s3://b", {"create_table": True}, "create_table needs the local files"),
        (files, {}, "the files are in several folders: s3://b/one, s3://b/two"),
        (files[:1], {"files": ["a.csv"]}, "one of them"),
    ):
        with pytest.raises(InputError, match=message):
            load_from(source, **named)
    assert copies_of(stack, tables[0]) == []


def test_a_query_and_a_partition_are_waited_for(stack: Stack, tables: list[str]) -> None:
    table = tables[0]
    query(f"CREATE TABLE {table} (n INT, kind STRING)")

    @flow
    def waits() -> str:
        waiting = wait_for_partition.submit(table, {"kind": ["a"]}, seconds_between=0.2, timeout_seconds=50)
        databricks_sql(f"INSERT INTO {table} VALUES (1, 'a')")
        waiting.result()
        wait_for_query(f"SELECT count(*) > :n FROM {table}", {"n": 0}, timeout_seconds=0)
        return "there"

    assert waits() == "there"


@pytest.mark.parametrize("text", ["SELECT count(*) FROM {}", "SELECT n FROM {}", "SELECT ''", "SELECT NULL"])
def test_a_time_limit_of_0_asks_once(stack: Stack, tables: list[str], text: str) -> None:
    query(f"CREATE TABLE {tables[0]} (n INT)")

    @flow
    async def waits() -> None:
        await wait_for_query(text.format(tables[0]), timeout_seconds=0)

    with pytest.raises(NotTrueInTime, match=r"is not there: asked once"):
        asyncio.run(waits())
