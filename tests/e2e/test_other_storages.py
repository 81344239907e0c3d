"""Other storages and databases than the stack's own give the same table, and are left clean."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import duckdb
import pytest
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.catalog import VolumeType
from prefect.filesystems import RemoteFileSystem
from prefect_sqlalchemy.database import SqlAlchemyConnector

from blocks.databricks.volume import UnityCatalogVolume
from blocks.databricks.workspace import load_workspace
from blocks.loading import BlockNotFound
from blocks.register import register_from
from blocks.staging import StagingArea, open_staging, staging_area
from flows.sources import InputError

from .conftest import Stack, analyse
from .test_renewable_analysis import HOSTILE, write_data

MEBIBYTE = 1024 * 1024
VOLUME = "/Volumes/main/default/staging"


@pytest.fixture(scope="module", autouse=True)
def blocks(stack: Stack) -> Iterator[None]:
    """Blocks `in-volume` and `by-fsspec`, a volume, and the login of fsspec, which is in no block."""
    stack.databricks().volumes.create("main", "default", "staging", VolumeType.MANAGED)
    s3 = stack.endpoints.s3
    remote: Any = RemoteFileSystem(
        basepath=f"s3://{s3.bucket}/by fsspec",
        settings={"client_kwargs": {"endpoint_url": s3.endpoint_url, "region_name": s3.region}},
    )
    remote.save("by-fsspec", overwrite=True, _sync=True)
    volume: Any = UnityCatalogVolume(workspace=load_workspace("workspace"), path=VOLUME)
    volume.save("in-volume", overwrite=True, _sync=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
        yield


def database(folder: Path, kind: str) -> Path:
    """Save the block of a database in a file, under the name of its kind."""
    path = folder / f"dwh.{kind}"
    block: Any = SqlAlchemyConnector(connection_info=f"{kind}:///{path}")
    block.save(kind, overwrite=True, _sync=True)
    return path


@pytest.fixture(params=["in-volume", "by-fsspec", "staging"])
def area(request: pytest.FixtureRequest, clean_stack: Stack) -> Iterator[StagingArea]:
    area = open_staging(request.param, "test area")
    yield area
    assert area.names() == []


def test_what_is_uploaded_in_parts_is_what_is_read(area: StagingArea) -> None:
    block = os.urandom(MEBIBYTE)

    def write(stream: IO[bytes]) -> int:
        return sum(stream.write(block) for _ in range(60))

    assert area.names("folder") == []
    assert area.upload("folder/big.bin", write) == 60 * MEBIBYTE
    area.upload("folder/sub/empty", lambda stream: 0)
    with area.open("folder/big.bin") as stream:
        assert all(stream.read(MEBIBYTE) == block for _ in range(60))
        assert stream.read(1) == b""
    assert area.names("folder") == ["folder/big.bin", "folder/sub/empty"]
    assert area.written_at("folder/big.bin").tzinfo is not None
    assert area.delete("folder") == 2
    assert area.delete() == 0


@pytest.mark.parametrize("mebibytes", [0, 60])
def test_an_upload_whose_source_fails_leaves_nothing(area: StagingArea, mebibytes: int) -> None:
    def write(stream: IO[bytes]) -> int:
        for _ in range(mebibytes):
            stream.write(bytes(MEBIBYTE))
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        area.upload("half.bin", write)
    assert area.names() == []


def test_an_upload_in_place_of_another_is_what_is_there(area: StagingArea) -> None:
    for content in (b"first", b"2"):
        area.upload("object", lambda stream, content=content: stream.write(content))  # type: ignore[misc]
    with area.open("object") as stream:
        assert stream.read() == b"2"
    assert area.delete() == 1


def test_a_storage_in_memory_streams_and_forgets_what_failed() -> None:
    area = staging_area(RemoteFileSystem(basepath="memory://shelf"), str(uuid4()))
    area.upload("a/b", lambda stream: stream.write(b"xy"))
    with pytest.raises(ZeroDivisionError):
        area.upload("a/c", lambda stream: stream.write(b"x") // 0)
    assert area.names() == ["a/b"]
    assert area.delete() == 1


def test_a_volume_that_is_not_there_is_told(stack: Stack) -> None:
    volume = UnityCatalogVolume(workspace=load_workspace("workspace"), path="/Volumes/main/default/none")
    with pytest.raises(DatabricksError, match=r"'main.default.none' does not exist"):
        staging_area(volume, "x").upload("object", lambda stream: stream.write(b"x"))


@pytest.fixture(scope="module")
def expected_table(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The table of all countries, by way of PostgreSQL and S3."""
    return analyse(tmp_path_factory.mktemp("usual"), all_countries=True).table.read_bytes()


@pytest.mark.parametrize(
    ("kind", "storage", "runs"), [("sqlite", "in-volume", 2), ("duckdb", "by-fsspec", 1)]
)
def test_the_table_is_the_same_to_the_last_byte(
    clean_stack: Stack, tmp_path: Path, expected_table: bytes, kind: str, storage: str, runs: int
) -> None:
    path = database(tmp_path, kind)
    for _ in range(runs):
        result = analyse(tmp_path / "out", all_countries=True, database=kind, bucket=storage)
        assert result.table.read_bytes() == expected_table
    lines = {line.split(",")[0] + line.split(",")[2]: line for line in expected_table.decode().splitlines()}
    golden = {"Switzerland1985": 56.892, "Switzerland2021": 65.703, "United States2021": 19.210}
    assert {key: round(float(lines[key].rsplit(",", 1)[1]), 3) for key in golden} == golden
    connection: Any = duckdb.connect(str(path)) if kind == "duckdb" else sqlite3.connect(path)
    query = "SELECT entity, round(shw, 3) FROM renewable_share WHERE entity = 'Switzerland' AND year = 2021"
    assert connection.execute(query).fetchall() == [("Switzerland", 65.703)]
    assert connection.execute("SELECT count(*) FROM renewable_share").fetchall() == [(6380,)]
    tables = (
        "SELECT table_name FROM information_schema.tables"
        if kind == "duckdb"
        else ("SELECT name FROM sqlite_master WHERE type = 'table'")
    )
    assert connection.execute(tables).fetchall() == [("renewable_share",)]
    connection.close()
    for name in ("in-volume", "by-fsspec"):
        assert open_staging(name, "").names() == []


def registered(stack: Stack, name: str, **variables: str) -> tuple[str, bool, str]:
    workspace = {
        variable: value
        for variable, value in stack.endpoints.variables().items()
        if variable.startswith("DATABRICKS_")
    }
    [outcome] = register_from({**workspace, **variables}, [name])
    return outcome.kind, outcome.saved, outcome.detail


@pytest.fixture
def as_before(stack: Stack) -> Iterator[None]:
    yield
    assert all(outcome.saved for outcome in register_from(stack.endpoints.variables()))


@pytest.mark.usefixtures("as_before")
def test_the_staging_block_changes_its_type_with_what_is_set(clean_stack: Stack) -> None:
    assert registered(clean_stack, "staging", STAGING_VOLUME=f"{VOLUME}/folder") == (
        "Unity Catalog Volume",
        True,
        f"{VOLUME}/folder takes, gives and deletes objects",
    )
    assert open_staging("staging", "x").uri("y") == f"{VOLUME}/folder/x/y"
    assert registered(clean_stack, "staging", STAGING_URL="memory://shelf") == (
        "Remote File System",
        True,
        "memory://shelf takes, gives and deletes objects",
    )
    assert open_staging("staging", "x").uri("y") == "memory://shelf/x/y"


@pytest.mark.usefixtures("as_before")
def test_the_warehouse_may_be_any_database(clean_stack: Stack, tmp_path: Path) -> None:
    for kind in ("sqlite", "duckdb"):
        assert registered(clean_stack, "warehouse", DATABASE_URL=f"{kind}:///{tmp_path}/dwh.{kind}") == (
            "SQLAlchemy Connector",
            True,
            f"{kind} takes and drops tables",
        )
    connection = sqlite3.connect(tmp_path / "dwh.sqlite")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


@pytest.mark.parametrize(
    ("name", "variables", "detail"),
    [
        ("staging", {"STAGING_VOLUME": "/Volumes/main/default/none"}, "Volume 'main.default.none' does not"),
        ("staging", {"STAGING_URL": "nowhere://x/y"}, "Protocol not known: nowhere"),
        ("warehouse", {"DATABASE_URL": "sqlite:////nowhere/dwh"}, "unable to open database file"),
        ("warehouse", {"DATABASE_URL": "nodb://h/dwh"}, "Can't load plugin: sqlalchemy.dialects:nodb"),
    ],
)
def test_what_does_not_work_is_told_and_not_saved(
    clean_stack: Stack, name: str, variables: dict[str, str], detail: str
) -> None:
    _, saved, told = registered(clean_stack, name, **variables)
    assert not saved
    assert detail in told


def test_two_blocks_of_a_name_are_told_apart_by_their_type(clean_stack: Stack) -> None:
    remote_kind: Any = RemoteFileSystem
    remote = remote_kind(basepath="memory://shelf")
    remote.save("staging", overwrite=True, _sync=True)
    try:
        with pytest.raises(BlockNotFound, match="as `remote-file-system/staging` or `s3-bucket/staging`"):
            open_staging("staging", "x")
        assert open_staging("remote-file-system/staging", "x").uri() == "memory://shelf/x"
        assert open_staging("s3-bucket/staging", "x").uri().startswith("s3://")
    finally:
        remote_kind.delete("staging", _sync=True)
    with pytest.raises(BlockNotFound, match="no block `nowhere` of a type among s3-bucket, unity"):
        open_staging("nowhere", "x")


def test_a_file_is_refused_with_its_line_and_any_name_comes_through(
    clean_stack: Stack, tmp_path: Path
) -> None:
    database(tmp_path, "sqlite")
    data = tmp_path / "data"
    write_data(data, [[name, "", "2000"] for name in HOSTILE])
    result = analyse(tmp_path, all_countries=True, data_directory=str(data), database="sqlite")
    with result.table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    assert rows == [[name, "", "2000", "0.25", "1.25", "2.25", "3.75"] for name in sorted(HOSTILE)]
    file = data / "data 0;'x.csv"
    with file.open("a", encoding="utf-8") as stream:
        stream.write("1,year,Peru,\n")
    with pytest.raises(InputError, match="column `Year`: `year` is not a whole number"):
        analyse(tmp_path, all_countries=True, data_directory=str(data), database="sqlite")
