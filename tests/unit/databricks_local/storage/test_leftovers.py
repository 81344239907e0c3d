import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databricks_local.storage.leftovers import PAUSES, remove_directories, remove_stubborn


def filled(directory: Path) -> Path:
    (directory / "deep").mkdir(parents=True)
    (directory / "deep" / "file").touch()
    return directory


def test_a_directory_in_which_a_dying_process_writes_is_removed(tmp_path: Path) -> None:
    # A file stands for a directory that cannot be removed yet: it is no directory.
    place = tmp_path / "one"
    place.touch()
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            place.unlink()
            filled(place)

    remove_stubborn(place, sleep)
    assert not place.exists()
    assert waited == list(PAUSES[:2])


def test_a_directory_that_stays_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "stays").touch()
    with caplog.at_level(logging.WARNING):
        remove_stubborn(tmp_path / "stays", lambda _: None)
    assert "stays cannot be removed" in caplog.text


def test_a_cancel_does_not_keep_a_removal_from_its_turn(tmp_path: Path) -> None:
    directories = filled(tmp_path / "one"), tmp_path / "missing", filled(tmp_path / "two")
    release = threading.Event()

    async def cancel_while_all_threads_are_busy() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, release.wait)
        removing = asyncio.create_task(remove_directories(*directories))
        await asyncio.sleep(0)
        removing.cancel()
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(busy, removing, return_exceptions=True)
        assert removing.cancelled()

    asyncio.run(cancel_while_all_threads_are_busy())
    assert list(tmp_path.iterdir()) == []
