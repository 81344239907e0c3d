"""The parts of an upload are joined while the event loop does other things."""

import asyncio
import shutil
import threading
from pathlib import Path

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.files.uploads import Uploads
from databricks_local.files.volumes import Volumes

PATH = "/Volumes/main/default/v/file"


def uploads_with_parts(root: Path, *parts: bytes) -> tuple[Uploads, str, list[dict[str, object]]]:
    volumes = Volumes(root / "volumes")
    volumes.make("main", "default", "v")
    uploads = Uploads(volumes, "http://x", lambda: 0)
    token = asyncio.run(uploads.start(PATH, overwrite=True))
    upload = uploads.find(PATH, token)
    for number, content in enumerate(parts, 1):
        uploads.new_part(upload, number).write_bytes(content)
        upload.tags[number] = str(number)
    return uploads, token, [{"part_number": number, "etag": str(number)} for number in upload.tags]


def test_the_event_loop_goes_on_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads, token, parts = uploads_with_parts(tmp_path, b"first ", b"second")
    joining, let = threading.Event(), threading.Event()
    copy = shutil.copyfileobj

    def slow(*arguments: object) -> None:
        joining.set()
        assert let.wait(10), "the event loop waits for the copy"
        copy(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(shutil, "copyfileobj", slow)

    async def play() -> None:
        completing = asyncio.create_task(uploads.complete(PATH, token, parts))
        await asyncio.to_thread(joining.wait, 10)
        # A second request for the same does not join it again.
        with pytest.raises(ApiError, match="There is no upload"):
            await uploads.complete(PATH, token, parts)
        let.set()
        await completing

    asyncio.run(play())
    assert (tmp_path / "volumes/main/default/v/file").read_bytes() == b"first second"
    assert list((tmp_path / "parts").iterdir()) == []


def test_an_upload_that_could_not_be_joined_can_be_completed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, token, parts = uploads_with_parts(tmp_path, b"content")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(uploads.complete(PATH, token, parts))
    assert not (tmp_path / "volumes/main/default/v/file").exists()
    asyncio.run(uploads.complete(PATH, token, parts))
    assert (tmp_path / "volumes/main/default/v/file").read_bytes() == b"content"
