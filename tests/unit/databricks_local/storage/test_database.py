import asyncio
import stat
from pathlib import Path

import pytest
from databricks_local.storage.database import Database, NotWrittenError, RootInUseError
from databricks_local.storage.documents import Documents


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
        await database.flush()
        assert await database.read("letter", "a") == {"name": "a", "version": 2}
        assert await database.read("letter", "b") is None
        database.put("number", 6, lambda: {"name": 6})
        await database.close()

    asyncio.run(write())
    assert stat.S_IMODE((tmp_path / "db").stat().st_mode) == 0o600
    again = Database(tmp_path / "db")
    assert [(name, item["name"]) for name, item in again.load("letter")] == [("c", "c"), ("a", "a")]
    assert [(name, item["name"]) for name, item in again.load("number")] == [("5", 5), ("6", 6)]
    asyncio.run(again.close())


def test_a_record_that_changes_often_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    async def write() -> None:
        database = Database(tmp_path / "db")
        for number in range(1_000):
            database.put("x", 1, lambda number=number: made.append(number) or {"n": number})
        await database.flush()
        await database.close()

    asyncio.run(write())
    assert made == [999]


def test_what_is_put_is_written_without_being_asked(tmp_path: Path) -> None:
    async def write() -> None:
        database = Database(tmp_path / "db")
        written = asyncio.Event()
        database.put("x", 1, lambda: written.set() or {"n": 1})
        await asyncio.wait_for(written.wait(), 5)
        await database.close()

    asyncio.run(write())


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = Database(tmp_path / "db")
    with pytest.raises(RootInUseError):
        Database(tmp_path / "db")
    asyncio.run(first.close())
    asyncio.run(Database(tmp_path / "db").close())


def test_files_beside_the_database_are_private_too(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    asyncio.run(database.close())


def test_documents_are_private_even_if_they_were_not_before(tmp_path: Path) -> None:
    path = tmp_path / "objects.sqlite"
    path.touch(0o644)
    documents = Documents(path)
    documents.put("cluster", "1", {"settings": {"spark_env_vars": {"PASSWORD": "x"}}})
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    documents.close()


def full(database: Database, *, is_full: bool) -> None:
    """Make SQLite find the disk full, or not."""
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0] if is_full else 1_000_000
    database._connection.execute(f"PRAGMA max_page_count={pages}")


def test_nothing_is_forgotten_while_the_disk_is_full(tmp_path: Path) -> None:
    long = "x" * 100_000

    async def write() -> None:
        database = Database(tmp_path / "db")
        written: list[str] = []
        database.put("x", "before", lambda: {"text": "small"})
        await database.flush()
        full(database, is_full=True)
        database.put("x", "during", lambda: {"text": long}, lambda: written.append("during"))
        with pytest.raises(NotWrittenError, match="the database cannot be written: database or disk is full"):
            await database.flush()
        database.put("x", "later", lambda: {"text": long}, lambda: written.append("later"))
        with pytest.raises(NotWrittenError):
            await database.flush()
        assert written == []
        assert await database.read("x", "during") is None
        full(database, is_full=False)
        await database.flush()
        assert written == ["during", "later"]
        await database.close()

    asyncio.run(write())
    again = Database(tmp_path / "db")
    assert [name for name, _ in again.load("x")] == ["before", "during", "later"]
    asyncio.run(again.close())


def test_what_could_not_be_written_is_tried_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databricks_local.storage.database.TRY_AGAIN_SECONDS", 0.01)

    async def write() -> None:
        database = Database(tmp_path / "db")
        full(database, is_full=True)
        written = asyncio.Event()
        database.put("x", 1, lambda: {"text": "x" * 100_000}, written.set)
        with pytest.raises(NotWrittenError):
            await database.flush()
        full(database, is_full=False)
        await asyncio.wait_for(written.wait(), 5)
        await database.close()

    asyncio.run(write())


def test_a_change_during_the_write_is_not_taken_for_written(tmp_path: Path) -> None:
    async def write() -> None:
        database = Database(tmp_path / "db")
        written: list[int] = []
        database.put("x", 1, lambda: {"n": 1}, lambda: written.append(1))
        flushing = asyncio.create_task(database.flush())
        await asyncio.sleep(0)
        database.put("x", 1, lambda: {"n": 2}, lambda: written.append(2))
        await flushing
        assert written == []
        await database.flush()
        assert written == [2]
        assert await database.read("x", 1) == {"n": 2}
        await database.close()

    asyncio.run(write())


def test_a_write_that_is_cancelled_is_made_again(tmp_path: Path) -> None:
    async def write() -> None:
        database = Database(tmp_path / "db")
        database.put("x", 1, lambda: {"n": 1})
        flushing = asyncio.create_task(database.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await database.flush()
        assert await database.read("x", 1) == {"n": 1}
        await database.close()

    asyncio.run(write())


@pytest.mark.parametrize("content", ["{", "", "[]", "null", "7"])
def test_an_unreadable_record_is_empty(tmp_path: Path, content: str) -> None:
    async def write() -> None:
        database = Database(tmp_path / "db")
        database.put("x", 1, lambda: {"n": 1})
        database.put("x", 2, lambda: {"n": 2})
        await database.flush()
        database._connection.execute("UPDATE records SET data = ? WHERE id = '1'", (content,))
        assert database.load("x") == [("1", {}), ("2", {"n": 2})]
        await database.close()

    asyncio.run(write())
