"""Local files are in the storage as they are, each uploaded once, in flat memory: `LARGE_GIGABYTES=1`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks import DatabricksWorkspace, UnityCatalogVolume
from databricks_blocks.staging.area import open_staging
from databricks_blocks.staging.s3 import S3Staging
from databricks_flows import FilesNotUploaded, upload_files
from databricks_flows.shared.progress import Progress, listening
from databricks_flows.tasks.uploads import UploadedFile
from prefect import flow

from .conftest import Stack
from .flow_processes import ROOT, prefect_environment
from .test_large_file import BYTES, MOST_MEBIBYTES, digest

FILES = 60


@pytest.fixture
def folder(stack: Stack) -> Iterator[str]:
    """A folder of its own in the storage."""
    name = f"test-upload-{uuid4().hex}"
    yield name
    open_staging("staging", name).delete()


@flow
def upload(files: Any, folder: str, **options: Any) -> list[UploadedFile]:
    """Upload files."""
    return upload_files(files, folder, **options)


def states(uploaded: list[UploadedFile]) -> set[str]:
    return {file.state for file in uploaded}


def test_many_files_are_uploaded_once(stack: Stack, folder: str, tmp_path: Path) -> None:
    for number in range(FILES):
        (tmp_path / f"Größe {number:02}.csv").write_text(f"n\n{number}\n")
    seen: list[Progress] = []
    with listening(seen.append):
        first = upload(tmp_path, folder)
    assert [file.name for file in first] == [f"Größe {number:02}.csv" for number in range(FILES)]
    assert states(first) == {"new"}
    assert (seen[-1].done, seen[-1].total) == (FILES, FILES)
    area = open_staging("staging", folder)
    assert area.open("Größe 07.csv").read() == b"n\n7\n"
    assert first[7].uri == area.uri("Größe 07.csv")
    written = {file.name: area.written_at(file.name) for file in first[:3]}
    (tmp_path / "Größe 59.csv").write_text("n\n60\n")
    second = upload(tmp_path, folder)
    assert [file.name for file in second if file.state == "replaced"] == ["Größe 59.csv"]
    assert states(second) == {"unchanged", "replaced"}
    assert {name: area.written_at(name) for name in written} == written
    assert area.open("Größe 59.csv").read() == b"n\n60\n"


def test_a_storage_that_fails_for_a_while_is_waited_for(
    stack: Stack, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n")
    send, failed = S3Staging.send, list[str]()

    def fail_once(self: S3Staging, name: str, stream: Any) -> None:
        if not failed:
            failed.append(name)
            stream.read(2)
            raise ConnectionResetError("the storage is away")
        send(self, name, stream)

    monkeypatch.setattr(S3Staging, "send", fail_once)
    assert states(upload(tmp_path, folder)) == {"new"}
    assert failed == ["a.csv"]
    assert open_staging("staging", folder).open("a.csv").read() == b"n\n1\n"


def test_a_file_that_cannot_be_read_leaves_the_others_and_a_retry_uploads_it_alone(
    stack: Stack, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "growing.csv"):
        (tmp_path / name).write_text("n\n1\n")
    send = S3Staging.send

    def grow(self: S3Staging, name: str, stream: Any) -> None:
        if name == "growing.csv":
            (tmp_path / name).write_text("n\n1\n2\n")
        send(self, name, stream)

    monkeypatch.setattr(S3Staging, "send", grow)
    with pytest.raises(FilesNotUploaded, match=r"growing\.csv: was changed while it was read"):
        upload(tmp_path, folder)
    monkeypatch.undo()
    assert "growing.csv" not in open_staging("staging", folder).names()
    assert [file.state for file in upload(tmp_path, folder)] == ["unchanged", "new"]


def test_an_async_flow_uploads_into_a_volume(stack: Stack, tmp_path: Path) -> None:
    client = stack.databricks()
    volume = f"up_{uuid4().hex}"
    client.volumes.create("main", "default", volume, VolumeType.MANAGED)
    block = UnityCatalogVolume(
        workspace=DatabricksWorkspace.load("workspace"), path=f"/Volumes/main/default/{volume}"
    )
    block.save("upload-volume", overwrite=True)
    (tmp_path / "a.csv").write_bytes(b"n\n1\n")

    @flow
    async def upload_there() -> list[UploadedFile]:
        return await asyncio.to_thread(upload_files, tmp_path, "in/here", staging="upload-volume")

    assert [file.state for file in asyncio.run(upload_there())] == ["new"]
    [again] = asyncio.run(upload_there())
    assert (again.state, again.uri) == ("unchanged", f"/Volumes/main/default/{volume}/in/here/a.csv")
    assert client.files.download(again.uri).contents.read() == b"n\n1\n"  # type: ignore[union-attr]


def peak(path: Path, folder: str) -> int:
    command = [sys.executable, "-m", "tests.e2e.upload_large", str(path), folder]
    output = subprocess.run(
        command, cwd=ROOT, env=prefect_environment(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return int(output.splitlines()[-1])


def test_a_large_file_arrives_unchanged_in_flat_memory(stack: Stack, folder: str, tmp_path: Path) -> None:
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(b"x" * 1000)
    with large.open("wb") as stream:
        for _ in range(BYTES // 1_000_000):
            stream.write(os.urandom(1_000_000))
    added = peak(large, folder) - peak(small, folder)
    with large.open("rb") as before, open_staging("staging", folder).open("large.bin") as after:
        assert digest(after) == digest(before)
    assert added <= MOST_MEBIBYTES
