"""The files of tables: moved, copied, renamed, removed, and those that belong to somebody else."""

import asyncio
import errno
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.records import EXTERNAL, MANAGED, TableRequest
from databricks_local.catalog.shown import table_info
from databricks_local.catalog.table_files import TableFiles
from databricks_local.storage.documents import Documents
from deltalake import DeltaTable, write_deltalake

from tests.unit.databricks_local.catalog.tables_lab import COLUMNS, PLACES, Rig, made


def moved(rig: Rig, target: Path) -> Rig:
    rig.documents.close()
    rig.root.rename(target)
    return reopened(target)


def reopened(root: Path) -> Rig:
    rig = Rig.__new__(Rig)
    rig.root, rig.documents = root, Documents(root / "objects.sqlite")
    return rig


@pytest.mark.parametrize("names", PLACES)
def test_a_workspace_that_is_moved_keeps_its_tables(tmp_path: Path, names: tuple[str, ...]) -> None:
    before = Rig(tmp_path / "before")
    made(before, names)
    after = moved(before, tmp_path / "after")
    [log] = after.logs()
    table = asyncio.run(after.opened().get(names))
    assert DeltaTable(log.parent).to_pyarrow_table().num_rows == 2
    assert [column["name"] for column in table.columns] == ["id"]
    assert "before" not in table_info(table)["storage_location"]
    assert after.logs() == [log]
    after.documents.close()


def test_a_copy_of_a_workspace_has_its_own_tables(tmp_path: Path) -> None:
    original = Rig(tmp_path / "original")
    place = made(original)
    killed_in_the_middle = made(original, ("main", "default", "half"))
    original.documents.put("table_in_work", f"tables:{killed_in_the_middle.name}", {})
    original.documents.delete("table", "main.default.half")
    original.documents.close()
    shutil.copytree(original.root, tmp_path / "copy")
    copy = reopened(tmp_path / "copy")
    tables = copy.opened()
    assert killed_in_the_middle.exists()
    assert len(copy.logs()) == 1
    asyncio.run(tables.delete(("main", "default", "t")))
    assert not copy.logs()
    assert DeltaTable(place).to_pyarrow_table().num_rows == 2
    copy.documents.close()


def test_what_others_put_among_the_tables_stays(rig: Rig) -> None:
    theirs = rig.root / "tables" / "notes"
    theirs.mkdir()
    rig.opened()
    assert theirs.exists()


def test_the_files_of_a_managed_table_are_those_of_no_other(rig: Rig) -> None:
    place = made(rig)
    tables = rig.opened()
    location = f"file://{place}"
    for names, kind, taken in (
        (("main", "default", "b"), MANAGED, location),
        (("main", "default", "b"), EXTERNAL, location),
        (("main", "default", "b"), EXTERNAL, f"{location}/inner"),
        (("main", "default", "b"), EXTERNAL, f"file://{rig.root}/tables"),
    ):
        with pytest.raises(ApiError, match="LOCATION_OVERLAP"):
            asyncio.run(
                tables.create(
                    TableRequest(names, kind, "CSV" if kind == EXTERNAL else "DELTA", location=taken)
                )
            )
    names = ("main", "default", "b")
    unknown = TableRequest(names, MANAGED, columns=COLUMNS, location=f"file://{rig.root}/tables/b")
    with pytest.raises(ApiError, match="no location of its own"):
        asyncio.run(tables.create(unknown))
    asyncio.run(tables.rename(("main", "default", "t"), "renamed"))
    with pytest.raises(ApiError, match="LOCATION_OVERLAP"):
        asyncio.run(tables.create(TableRequest(("main", "default", "t"), MANAGED, location=location)))
    assert DeltaTable(place).to_pyarrow_table().num_rows == 2


def test_an_external_table_is_not_in_a_storage_root_over_a_managed_one(rig: Rig) -> None:
    rig.documents.put("catalog", "main", {"storage_root": "dbfs:/placed"})
    place = made(rig)
    for location in (f"dbfs:/placed/__unitystorage/{place.name}", "dbfs:/placed"):
        with pytest.raises(ApiError, match="LOCATION_OVERLAP"):
            asyncio.run(
                rig.opened().create(
                    TableRequest(("main", "default", "b"), EXTERNAL, "CSV", location=location)
                )
            )


def other_file_system(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """What is below the root is on another file system than the rest."""
    rename = Path.rename

    def renamed(self: Path, target: Path) -> Path:
        if self.is_relative_to(root) != target.is_relative_to(root):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)


@pytest.mark.parametrize("catalog", ["main", "hive_metastore"])
def test_tables_on_another_file_system(
    rig: Rig, catalog: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    other_file_system(monkeypatch, elsewhere)
    rig.documents.put("schema", f"{catalog}.default", {"storage_root": f"file://{elsewhere}"})
    tables = rig.opened()
    names = (catalog, "default", "t")
    _, location = tables.staging_of_whole(names)
    write_deltalake(location.removeprefix("file://"), pa.table({"id": [1, 2]}))
    asyncio.run(tables.create(TableRequest(names, MANAGED, location=location)))
    asyncio.run(tables.rename(names, "u"))
    [log] = elsewhere.rglob("_delta_log")
    assert DeltaTable(log.parent).to_pyarrow_table().num_rows == 2
    asyncio.run(tables.delete((catalog, "default", "u")))
    assert not list(elsewhere.rglob("*.json"))
    assert not rig.opened().has((catalog, "default", "u"))


def test_files_that_cannot_be_removed_stop_neither_a_drop_nor_a_start(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = made(rig)
    rename = Path.rename

    def read_only(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "rename", read_only)
    asyncio.run(rig.opened().delete(("main", "default", "t")))
    assert not rig.opened().has(("main", "default", "t"))
    assert f"the files of a dropped table at file://{place} cannot be removed" in caplog.text
    assert place.exists()
    monkeypatch.setattr(Path, "rename", rename)
    rig.opened()
    assert not place.exists()


def test_a_rename_takes_nobody_elses_files(rig: Rig) -> None:
    theirs = rig.root / "dbfs" / "user" / "hive" / "warehouse" / "mine" / "precious.csv"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    tables = rig.opened()
    names = ("hive_metastore", "default", "empty")
    # Without rows, it has no directory.
    asyncio.run(tables.create(TableRequest(names, MANAGED, "CSV", COLUMNS)))
    with pytest.raises(ApiError, match="LOCATION_ALREADY_EXISTS"):
        asyncio.run(tables.rename(names, "mine"))
    asyncio.run(tables.delete(names))
    assert theirs.exists()


def test_a_rename_that_fails_moves_nothing_later(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("hive_metastore", "default", "old")
    place = made(rig, names)
    tables = rig.opened()

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(TableFiles, "move", refused)
        with pytest.raises(ApiError, match=r"cannot be moved to .*: Permission denied"):
            asyncio.run(tables.rename(names, "new"))
    shutil.rmtree(place)
    other = made(rig, ("hive_metastore", "default", "new"))
    rig.opened()
    assert other.exists()
    assert not place.exists()


def test_what_is_granted_while_a_table_is_renamed_stays(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("hive_metastore", "default", "old")
    made(rig, names)
    tables = rig.opened()
    move = TableFiles.move

    def granted(self: TableFiles, before: str, after: str) -> None:
        move(self, before, after)
        loop.call_soon_threadsafe(tables.keep, names, {"grants": {"me": ["SELECT"]}})

    async def renamed() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        await tables.rename(names, "new")

    loop = asyncio.new_event_loop()
    loop.close()
    monkeypatch.setattr(TableFiles, "move", granted)
    asyncio.run(renamed())
    assert tables.record(("hive_metastore", "default", "new"))["grants"] == {"me": ["SELECT"]}


def test_a_damaged_table_is_listed_told_of_and_dropped(rig: Rig) -> None:
    for name in ("broken", "fine", "gone"):
        made(rig, ("main", "default", name))
    tables = rig.opened()

    def place(name: str) -> Path:
        return Path(tables.record(("main", "default", name))["storage_location"].removeprefix("file://"))

    for log in (place("broken") / "_delta_log").glob("*.json"):
        log.write_text("{")
    shutil.rmtree(place("gone"))
    names = tables.names_below("main")
    asyncio.run(tables.delete(names[1]))
    rows = {table.names[-1]: table for table in asyncio.run(tables.those_of(names))}
    assert set(rows) == {"broken", "gone"}
    assert "cannot be read" in table_info(rows["broken"])["comment"]
    assert (
        "[DELTA_TABLE_NOT_FOUND] Delta table `main`.`default`.`gone`" in table_info(rows["gone"])["comment"]
    )
    for name, table in rows.items():
        assert table_info(table)["columns"] == []
        with pytest.raises(ApiError) as refusal:
            table.require_log()
        assert (refusal.value.status, refusal.value.error_code) == (400, "INVALID_STATE")
        with pytest.raises(ApiError):
            asyncio.run(tables.update(("main", "default", name), {"comment": "x"}))
        asyncio.run(tables.delete(("main", "default", name)))
    assert not tables.names_below("main")
