"""Other storages and databases than the stack's own give the same table, and are left clean."""

from __future__ import annotations

import csv
import os
import sqlite3
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote
from uuid import uuid4

import duckdb
import pytest
from azure.storage.blob import BlobServiceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.csv.faults import InputError
from databricks_blocks.errors import BlockNotFound, BlockTypeNotInstalled
from databricks_blocks.setup.register import register_from
from databricks_blocks.staging.area import StagingArea, open_staging, staging_area
from databricks_blocks.staging.local_file import LocalFile
from databricks_blocks.workspace.block import load_workspace
from databricks_blocks.workspace.volume import UnityCatalogVolume
from prefect.filesystems import RemoteFileSystem
from prefect_azure.blob_storage import AzureBlobStorageContainer
from prefect_azure.credentials import AzureBlobStorageCredentials
from prefect_gcp.cloud_storage import GcsBucket
from prefect_gcp.credentials import GcpCredentials
from prefect_sqlalchemy.database import SqlAlchemyConnector

from .cloud_storage import BUCKET, azure_storage, google_storage
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


@pytest.fixture(scope="module")
def in_gcs(blocks: None) -> Iterator[GcsBucket]:
    """A block of a bucket of Google, logged in with a key file."""
    with google_storage() as key_file:
        block: Any = GcsBucket(
            bucket=BUCKET,
            bucket_folder="some folder/",
            gcp_credentials=GcpCredentials(service_account_info=key_file),
        )
        block.save("in-gcs", overwrite=True, _sync=True)
        yield block


@pytest.fixture(scope="module")
def in_azure(blocks: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureBlobStorageContainer]:
    """Blocks of a container of Azure: its own, and one `in-azure-by-fsspec`."""
    with azure_storage(tmp_path_factory.mktemp("azurite")) as connection_string:
        login = AzureBlobStorageCredentials(connection_string=connection_string)
        with BlobServiceClient.from_connection_string(connection_string) as client:
            client.create_container(BUCKET)
        block: Any = AzureBlobStorageContainer(
            container_name=BUCKET, base_folder="some folder", credentials=login
        )
        block.save("in-azure", overwrite=True, _sync=True)
        remote: Any = RemoteFileSystem(
            basepath=f"abfss://{BUCKET}/by fsspec", settings={"connection_string": connection_string}
        )
        remote.save("in-azure-by-fsspec", overwrite=True, _sync=True)
        yield block


IN_AZURE = pytest.param("in-azure", marks=pytest.mark.azurite)
IN_AZURE_BY_FSSPEC = pytest.param("in-azure-by-fsspec", marks=pytest.mark.azurite)


@pytest.fixture(params=["in-volume", "by-fsspec", "staging", "in-gcs", IN_AZURE, IN_AZURE_BY_FSSPEC])
def area(request: pytest.FixtureRequest, clean_stack: Stack) -> Iterator[StagingArea]:
    if server := {"in-gcs": "in_gcs", "in-azure": "in_azure", "in-azure-by-fsspec": "in_azure"}.get(
        request.param
    ):
        request.getfixturevalue(server)
    # Some storages list a folder for a while after its files are gone.
    area = open_staging(request.param, f"test area {uuid4()}")
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


@pytest.mark.parametrize("mebibytes", [0, 1, 60])
def test_a_local_file_is_sent_whole_or_not_at_all(area: StagingArea, mebibytes: int, tmp_path: Path) -> None:
    path, content = tmp_path / "local.bin", os.urandom(mebibytes * MEBIBYTE)
    path.write_bytes(content)
    with LocalFile(path) as file:
        area.send("sent/local.bin", file.stream())
    assert file.digest == sha256(content).hexdigest()
    with area.open("sent/local.bin") as stream:
        assert sha256(stream.read()).hexdigest() == file.digest
    with LocalFile(path) as changing:
        path.write_bytes(content + b"more")
        with pytest.raises(InputError, match="was changed while it was read"):
            area.send("sent/torn.bin", changing.stream())
    assert area.names() == ["sent/local.bin"]
    area.delete()


@pytest.mark.parametrize("mebibytes", [0, 60])
def test_an_upload_whose_source_fails_leaves_nothing(area: StagingArea, mebibytes: int) -> None:
    def write(stream: IO[bytes]) -> int:
        for _ in range(mebibytes):
            stream.write(bytes(MEBIBYTE))
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        area.upload("half.bin", write)
    assert area.names() == []


def test_folders_are_listed_by_name_without_what_is_in_them(area: StagingArea, request: Any) -> None:
    assert area.folders() == []
    for name in ("b/c/file", "b/file", "a b/file", "file"):
        area.upload(name, lambda stream: stream.write(b"x"))
    assert area.folders() == ["a b", "b"]
    whole = open_staging(request.node.callspec.params["area"], "")
    assert unquote(PurePosixPath(area.uri()).name) in whole.folders()
    area.delete()


def test_an_upload_in_place_of_another_is_what_is_there(area: StagingArea) -> None:
    for content in (b"first", b"2"):
        area.upload("object", lambda stream, content=content: stream.write(content))  # type: ignore[misc]
    with area.open("object") as stream:
        assert stream.read() == b"2"
    assert area.delete() == 1


@pytest.mark.parametrize("name", ["per cent %41+1", "one#x&y=1", "Zürich 東京", 'it\'s "so"; -- ok'])
def test_a_name_is_taken_as_it_is(area: StagingArea, name: str) -> None:
    check_name(area, name)


@pytest.mark.parametrize("area", ["in-volume", "staging", "in-gcs", IN_AZURE], indirect=True)
@pytest.mark.parametrize("name", ["[a-z]*", "what?x=1"])
def test_a_name_that_looks_like_a_pattern_is_taken_as_it_is(area: StagingArea, name: str) -> None:
    check_name(area, name)


def check_name(area: StagingArea, name: str) -> None:
    for place in (f"{name}/{name}.csv", f"{name}2/other"):
        area.upload(place, lambda stream: stream.write(name.encode()))
    assert area.names(name) == [f"{name}/{name}.csv"]
    with area.open(f"{name}/{name}.csv") as stream:
        assert stream.read() == name.encode()
    assert area.delete(name) == 1
    assert area.names() == [f"{name}2/other"]
    assert area.delete() == 1


def test_fsspec_would_delete_other_folders_below_a_pattern_so_there_is_none() -> None:
    with pytest.raises(ValueError, match=r"memory://shelf/\[ab\] has one of the characters"):
        staging_area(RemoteFileSystem(basepath="memory://shelf/[ab]"), "x")


def test_what_stands_for_a_folder_of_google_goes_with_it(in_gcs: GcsBucket) -> None:
    area = staging_area(in_gcs, "x")
    area.upload("table/part-0", lambda stream: stream.write(b"1"))
    bucket = in_gcs.gcp_credentials.get_cloud_storage_client().bucket(BUCKET)
    for folder in ("table/", "table/empty/"):
        bucket.blob(f"some folder/x/{folder}").upload_from_string(b"")
    assert area.names() == ["table/part-0"]
    assert area.delete("table") == 1
    assert list(bucket.list_blobs()) == []


@pytest.mark.azurite
def test_what_stands_for_a_folder_of_azure_goes_with_it(in_azure: AzureBlobStorageContainer) -> None:
    area = staging_area(in_azure, "x")
    for name in ("table/part-0", "table"):
        area.upload(name, lambda stream: stream.write(b"1"))
    login = in_azure.credentials.connection_string
    assert login
    with BlobServiceClient.from_connection_string(login.get_secret_value()) as client:
        container = client.get_container_client(BUCKET)
        for folder in ("table/empty", "other"):
            container.upload_blob(f"some folder/x/{folder}", b"", metadata={"hdi_isfolder": "true"})
        assert area.names() == ["table", "table/part-0"]
        assert area.delete("table") == 1
        assert area.names() == ["table"]
        assert area.delete("other") == 0
        assert [blob.name for blob in container.list_blobs()] == ["some folder/x/table"]
        assert area.delete() == 1


def test_what_spark_is_told_of_google(in_gcs: GcsBucket) -> None:
    assert staging_area(in_gcs, "x").uri("y") == f"gs://{BUCKET}/some folder/x/y"


@pytest.mark.parametrize(
    ("login", "host"),
    [
        ({"account_url": "https://acme.blob.core.windows.net"}, "acme.dfs.core.windows.net"),
        (
            {
                "account_url": "https://acme.blob.core.chinacloudapi.cn/",
                "tenant_id": "00000000-0000-0000-0000-000000000000",
                "client_id": "me",
                "client_secret": "secret",
            },
            "acme.dfs.core.chinacloudapi.cn",
        ),
        (
            {"connection_string": "AccountName=acme;AccountKey=a2V5;EndpointSuffix=core.windows.net"},
            "acme.dfs.core.windows.net",
        ),
    ],
)
def test_what_spark_is_told_of_azure(login: dict[str, Any], host: str) -> None:
    block = AzureBlobStorageContainer(
        container_name="shelf", credentials=AzureBlobStorageCredentials(**login)
    )
    assert staging_area(block, "x").uri("y") == f"abfss://shelf@{host}/x/y"
    assert staging_area(block, "x").uri() == f"abfss://shelf@{host}/x"


@pytest.mark.parametrize(
    ("fixture", "module", "extra"),
    [
        ("in-gcs", "prefect_gcp.cloud_storage", "gcp"),
        pytest.param("in-azure", "prefect_azure.blob_storage", "azure", marks=pytest.mark.azurite),
    ],
)
def test_the_extra_that_is_missing_is_named(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, fixture: str, module: str, extra: str
) -> None:
    request.getfixturevalue(fixture.replace("-", "_"))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BlockTypeNotInstalled, match=rf"pip install 'databricks-flows\[{extra}\]'"):
        open_staging(fixture, "x")


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
def test_the_database_may_be_any_database(clean_stack: Stack, tmp_path: Path) -> None:
    for kind in ("sqlite", "duckdb"):
        assert registered(clean_stack, "database", DATABASE_URL=f"{kind}:///{tmp_path}/dwh.{kind}") == (
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
        ("database", {"DATABASE_URL": "sqlite:////nowhere/dwh"}, "unable to open database file"),
        ("database", {"DATABASE_URL": "nodb://h/dwh"}, "Can't load plugin: sqlalchemy.dialects:nodb"),
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
