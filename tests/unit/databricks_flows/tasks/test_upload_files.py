"""Which local files are uploaded under which names, and which of them are uploaded again."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.staging.area import StagingArea, staging_area
from databricks_blocks.staging.uploaded_note import UploadedNote
from databricks_flows.shared.batches import Batch
from databricks_flows.shared.patience import current_patience
from databricks_flows.tasks import upload_files as uploading
from databricks_flows.tasks.uploads import FilesNotUploaded, UploadedFile, find_uploads
from prefect.filesystems import RemoteFileSystem
from prefect.logging import disable_run_logger


@pytest.fixture
def area(tmp_path: Path) -> StagingArea:
    return staging_area(RemoteFileSystem(basepath=f"memory://{tmp_path.name}"), "in")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "plants.csv"
    path.write_text("plant\nNorth\n")
    return path


@pytest.fixture
def upload(area: StagingArea, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Uploads files as the task does, with what the uploads before have noted; what became of each."""
    known = {"note": UploadedNote(), "there": frozenset[str]()}
    monkeypatch.setattr(uploading, "open_staging", lambda *_: area)

    def send(*paths: Path) -> list[UploadedFile]:
        place = uploading._Folder("staging", "in", frozenset(area.names()), known["note"])
        sent = uploading._upload_batch.fn(Batch("all", paths), place, Event())
        known["note"] = known["note"].with_files({each.file.name: each.noted for each in sent})
        return [each.file for each in sent]

    with disable_run_logger():
        yield send


def test_a_file_is_uploaded_once_and_again_when_its_content_changed(
    upload: Callable[..., Any], area: StagingArea, source: Path
) -> None:
    assert upload(source) == [UploadedFile(str(source), "plants.csv", area.uri("plants.csv"), 12, "new")]
    os.utime(source, ns=(0, 0))  # as a fresh checkout has it
    assert [file.state for file in upload(source)] == ["unchanged"]
    source.write_text("plant\nSouth\n")  # of the same length
    assert [file.state for file in upload(source)] == ["replaced"]
    assert area.open("plants.csv").read() == b"plant\nSouth\n"


@pytest.mark.parametrize("what", ["removed", "replaced by others"])
def test_a_file_that_is_not_as_it_was_uploaded_is_uploaded_again(
    upload: Callable[..., Any], area: StagingArea, source: Path, what: str
) -> None:
    upload(source)
    if what == "removed":
        area.delete()
    else:
        area.upload("plants.csv", lambda stream: stream.write(b"plant\nNowhr\n"))
    [sent] = upload(source)
    assert sent.state == ("new" if what == "removed" else "replaced")
    assert area.open("plants.csv").read() == source.read_bytes()


def test_a_file_that_cannot_be_read_leaves_the_others(
    upload: Callable[..., Any], area: StagingArea, source: Path
) -> None:
    with pytest.raises(
        FilesNotUploaded, match=r"^1 of 2 files are not uploaded: \S+gone.csv: No such file"
    ) as caught:
        upload(source.with_name("gone.csv"), source)
    assert [file.name for file in caught.value.uploaded] == ["plants.csv"] == area.names()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("data", ["a.csv", "b.json"]),
        (["data/b.json", "data", "data/b.json"], ["b.json", "a.csv"]),
        ("data/**/*.csv", ["a.csv", "deep.csv"]),
    ],
)
def test_files_folders_and_patterns_are_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Any, found: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/more").mkdir(parents=True)
    for name in ("a.csv", "b.json", "_hidden", ".hidden", "more/deep.csv"):
        (tmp_path / "data" / name).write_text("x")
    assert list(find_uploads(names)) == found


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("none", "none: no such file or folder"),
        ("empty", "empty: holds no file"),
        (["one/a.csv", "two/a.csv"], "both would be `a.csv`; rename one"),
        ("one/_uploaded.json", "_uploaded.json: Spark passes over names that begin with `.` or `_`"),
        ("one/.a.csv", ".a.csv: Spark passes over names that begin with"),
        ("pipe", "pipe: a named pipe, not a regular file"),
        (os.fsdecode(b"one/\xff.csv"), "is not UTF-8; rename it"),
    ],
)
def test_what_cannot_be_uploaded_is_refused_before_anything_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two", "empty"):
        (tmp_path / folder).mkdir()
    for name in ("one/a.csv", "two/a.csv", "one/_uploaded.json", "one/.a.csv", os.fsdecode(b"one/\xff.csv")):
        (tmp_path / name).write_text("x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=re.escape(message)):
        find_uploads(names)


def test_an_upload_under_way_is_given_up_when_the_flow_run_ends(
    area: StagingArea, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "open_staging", lambda *_: area)
    ending = Event()
    send = type(area).send

    def end(self: Any, name: str, stream: Any) -> None:
        ending.set()
        send(self, name, stream)

    monkeypatch.setattr(type(area), "send", end)
    place = uploading._Folder("staging", "in")
    with disable_run_logger(), pytest.raises(RuntimeError, match="given up, since the flow run is ending"):
        uploading._upload_batch.fn(Batch("all", [source]), place, ending)
    assert area.names() == []


def test_a_cancel_ends_the_uploads_of_an_async_flow(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = Event(), list[bool]()

    def upload_all(*given: Any) -> None:
        began.set()
        current_patience().pause(60)
        ended.append(given[-1].is_set())
        raise RuntimeError("given up")

    monkeypatch.setattr(uploading, "_upload_all", upload_all)

    async def cancelled() -> None:
        task = asyncio.create_task(uploading.aupload_files(source, "in"))
        await asyncio.to_thread(began.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # It has waited: nothing is uploaded after the end.
        assert ended == [True]

    with disable_run_logger():
        asyncio.run(cancelled())


@pytest.mark.parametrize("folder", ["", "/", "../x", "a/../b"])
def test_a_folder_outside_of_the_block_is_refused(source: Path, folder: str) -> None:
    with pytest.raises(InputError, match="name a folder below the place of the block"):
        uploading.upload_files(source, folder)
