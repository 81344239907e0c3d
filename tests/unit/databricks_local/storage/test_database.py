import asyncio
import stat
from pathlib import Path

import pytest
from databricks_local.storage.database import Database, RootInUseError


def test_records_are_kept_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    async def write() -> None:
        database = Database(tmp_path / "db")
        for name in ("c", "a", "b"):
            database.put("letter", name, lambda name=name: {"name": name, "version": 1})
        await database.flush()
        database.put("letter", "a", lambda: {"name": "a", "version": 2})
        database.put("letter", "b", lambda: {"name": "b", "version": 2})
        database.delete("letter", "b")
        database.put("number", 5, lambda: {"name": 5})
        assert await database.read("letter", "a") == {"name": "a", "version": 2}
        assert await database.read("letter", "b") is None
        database.put("number", 6, lambda: {"name": 6})
        database.close()

    asyncio.run(write())
    assert stat.S_IMODE((tmp_path / "db").stat().st_mode) == 0o600
    again = Database(tmp_path / "db")
    assert [item["name"] for item in again.load("letter")] == ["c", "a"]
    assert [item["name"] for item in again.load("number")] == [5, 6]
    again.close()


def test_a_record_that_changes_often_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    async def write() -> None:
        database = Database(tmp_path / "db")
        for number in range(1_000):
            database.put("x", 1, lambda number=number: made.append(number) or {"n": number})
        await database.flush()
        database.close()

    asyncio.run(write())
    assert made == [999]


def test_what_is_put_is_written_without_being_asked(tmp_path: Path) -> None:
    async def write() -> None:
        database = Database(tmp_path / "db")
        written = asyncio.Event()
        database.put("x", 1, lambda: written.set() or {"n": 1})
        await asyncio.wait_for(written.wait(), 5)
        database.close()

    asyncio.run(write())


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = Database(tmp_path / "db")
    with pytest.raises(RootInUseError):
        Database(tmp_path / "db")
    first.close()
    Database(tmp_path / "db").close()


def test_files_beside_the_database_are_private_too(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    database.close()
