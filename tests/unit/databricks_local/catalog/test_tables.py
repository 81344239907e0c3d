"""Tables that are made and removed while the server is killed, and while others do the same."""

import asyncio
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.delta_log import DeltaLogs, NewTable
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.records import EXTERNAL, MANAGED, UNREADABLE, TableRequest
from databricks_local.catalog.shown import table_info
from databricks_local.catalog.table_files import TableFiles
from databricks_local.catalog.tables import Tables
from databricks_local.storage.documents import Documents
from deltalake import DeltaTable, write_deltalake

from tests.unit.databricks_local.catalog.log_lab import write_log

COLUMNS = ({"name": "id", "type_text": "int"},)
PLACES = [("main", "default", "t"), ("hive_metastore", "default", "t"), ("hive_metastore", "sales", "t")]


class Killed(BaseException):
    """The server is killed at this moment."""


class KilledLogs(DeltaLogs):
    """The server is killed after the first commit is written."""

    def create(self, place: Path | str, table: NewTable) -> None:
        super().create(place, table)
        raise Killed


class Rig:
    """A workspace's tables; `opened` is a server that starts on what is there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("dbfs", "volumes", "files", "tables"):
            (root / name).mkdir(parents=True)
        self.documents = Documents(root / "objects.sqlite")

    def opened(self, logs: DeltaLogs | None = None) -> Tables:
        tables = Tables(self.documents, Locations(self.root), logs or DeltaLogs({}), lambda: 1, "me")
        tables.remove_leftovers()
        return tables

    def logs(self) -> list[Path]:
        return sorted(self.root.rglob("_delta_log"))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.documents.close()


@pytest.mark.parametrize("names", PLACES)
def test_a_table_in_the_making_is_not_there_after_a_kill(rig: Rig, names: tuple[str, ...]) -> None:
    with pytest.raises(Killed):
        asyncio.run(rig.opened(KilledLogs({})).create(TableRequest(names, MANAGED, columns=COLUMNS)))
    assert rig.logs()
    tables = rig.opened()
    assert not rig.logs()
    assert not tables.has(names)
    asyncio.run(tables.create(TableRequest(names, MANAGED, columns=COLUMNS)))
    assert len(rig.logs()) == 1
    assert rig.opened().has(names)
    assert len(rig.logs()) == 1


@pytest.mark.parametrize("names", PLACES)
def test_a_table_that_was_being_dropped_is_gone_after_a_kill(
    rig: Rig, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = rig.opened()
    asyncio.run(tables.create(TableRequest(names, MANAGED, columns=COLUMNS)))

    def killed(_: TableFiles, __: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TableFiles, "remove", killed)
        with pytest.raises(Killed):
            asyncio.run(tables.delete(names))
    assert rig.logs()
    assert not rig.opened().has(names)
    assert not rig.logs()


def test_an_external_table_keeps_its_files(rig: Rig) -> None:
    tables = rig.opened()
    names = ("main", "default", "t")
    asyncio.run(tables.create(TableRequest(names, EXTERNAL, columns=COLUMNS, location="dbfs:/data/t")))
    asyncio.run(tables.delete(names))
    assert rig.opened().names_below("main") == []
    assert DeltaTable(rig.root / "dbfs" / "data" / "t").version() == 0


def test_of_many_that_make_one_table_one_does(rig: Rig) -> None:
    tables = rig.opened()
    request = TableRequest(("hive_metastore", "default", "t"), MANAGED, columns=COLUMNS)

    async def all_at_once() -> list[object]:
        return await asyncio.gather(*(tables.create(request) for _ in range(10)), return_exceptions=True)

    results = asyncio.run(all_at_once())
    refused = [each for each in results if isinstance(each, ApiError)]
    assert {each.error_code for each in refused} == {"TABLE_ALREADY_EXISTS"}
    assert len(refused) == 9


def test_a_table_gets_another_name_with_its_files(rig: Rig) -> None:
    tables = rig.opened()

    async def renamed() -> None:
        for catalog in ("main", "hive_metastore"):
            names = (catalog, "default", "old")
            await tables.create(TableRequest(names, MANAGED, columns=COLUMNS))
            assert await tables.rename(names, "New") == (catalog, "default", "new")
            assert (await tables.get((catalog, "default", "new"))).columns[0]["name"] == "id"
            await tables.create(TableRequest(names, MANAGED, columns=COLUMNS))
            with pytest.raises(ApiError, match="already exists"):
                await tables.rename(names, f"{catalog}.default.new")
            with pytest.raises(ApiError, match="into another schema"):
                await tables.rename(names, "other.new")

    asyncio.run(renamed())
    assert len(rig.logs()) == 4


def test_a_table_is_refused_without_a_trace(rig: Rig) -> None:
    tables = rig.opened()
    names = ("main", "default", "t")
    for request in (
        TableRequest(names, MANAGED),
        TableRequest(names, MANAGED, columns=COLUMNS, location="dbfs:/data/t"),
        TableRequest(names, MANAGED, "PARQUET", COLUMNS),
    ):
        with pytest.raises(ApiError):
            asyncio.run(tables.create(request))
    assert not rig.logs()
    assert not rig.documents.ids("table_in_work", "")


def test_what_is_told_is_in_the_log(rig: Rig) -> None:
    tables = rig.opened()
    names = ("main", "default", "t")

    async def told() -> None:
        request = TableRequest(names, MANAGED, columns=COLUMNS, comment="one", properties={"a": "b"})
        made = await tables.create(request)
        assert made.state is not None
        assert (made.state.description, dict(made.state.properties)) == ("one", {"a": "b"})
        changed = await tables.update(names, {"comment": "two", "properties": {"c": "d"}, "owner": "you"})
        assert changed.state is not None
        assert (changed.state.version, changed.state.description) == (2, "two")
        assert dict(changed.state.properties) == {"a": "b", "c": "d"}
        assert changed.record["owner"] == "you"

    asyncio.run(told())


@pytest.mark.parametrize("names", PLACES)
def test_a_table_is_registered_once_it_is_whole(rig: Rig, names: tuple[str, ...]) -> None:
    tables = rig.opened()
    _, location = tables.staging_of_whole(names)
    write_deltalake(location.removeprefix("file://"), pa.table({"id": [1, 2]}))
    made = asyncio.run(tables.create(TableRequest(names, MANAGED, location=location)))
    assert made.record["storage_location"].startswith("dbfs:" if names[0] == "hive_metastore" else "file:")
    assert made.state is not None
    [log] = rig.logs()
    assert DeltaTable(log.parent).to_pyarrow_table().num_rows == 2
    assert rig.opened().has(names)
    assert rig.logs() == [log]
    asyncio.run(tables.delete(names))
    assert not rig.logs()


def test_a_staged_table_that_nobody_registered_is_removed(rig: Rig) -> None:
    _, location = rig.opened().staging_of_whole(("hive_metastore", "default", "t"))
    write_deltalake(location.removeprefix("file://"), pa.table({"id": [1, 2]}))
    rig.opened()
    assert not rig.logs()


def test_what_is_in_the_place_of_a_managed_table_stays(rig: Rig) -> None:
    names = ("hive_metastore", "default", "t")
    place = rig.root / "dbfs" / "user" / "hive" / "warehouse" / "t"
    write_deltalake(place, pa.table({"theirs": [1]}))
    tables = rig.opened()
    _, location = tables.staging_of_whole(names)
    write_deltalake(location.removeprefix("file://"), pa.table({"id": [1, 2]}))
    for request in (
        TableRequest(names, MANAGED, location=location),
        TableRequest(names, MANAGED, columns=COLUMNS),
    ):
        with pytest.raises(ApiError, match="LOCATION_ALREADY_EXISTS"):
            asyncio.run(tables.create(request))
    old = ("hive_metastore", "default", "old")
    asyncio.run(tables.create(TableRequest(old, MANAGED, columns=COLUMNS)))
    with pytest.raises(ApiError, match="LOCATION_ALREADY_EXISTS"):
        asyncio.run(tables.rename(old, "t"))
    assert rig.opened().has(old)
    assert DeltaTable(place).to_pyarrow_table().column_names == ["theirs"]


def test_a_log_that_deltalake_cannot_write_keeps_what_is_told_beside_it(rig: Rig) -> None:
    identity = {
        "delta.identity.start": 1,
        "delta.identity.step": 1,
        "delta.identity.allowExplicitInsert": False,
    }
    write_log(
        rig.root / "dbfs" / "t", {"minReaderVersion": 1, "minWriterVersion": 6}, {"metadata": identity}, {}
    )
    tables = rig.opened()
    names = ("main", "default", "t")
    asyncio.run(tables.create(TableRequest(names, EXTERNAL, location="dbfs:/t")))
    changed = asyncio.run(tables.update(names, {"comment": "told", "properties": {"a": "b"}}))
    shown = table_info(changed)
    assert (shown["comment"], shown["properties"]) == ("told", {"a": "b"})


@pytest.mark.parametrize("data_format", ["DELTA", "PARQUET"])
def test_files_of_others_are_not_taken_for_a_table(rig: Rig, data_format: str) -> None:
    theirs = rig.root / "dbfs" / "user" / "hive" / "warehouse" / "t" / "theirs.txt"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    names = ("hive_metastore", "default", "t")
    for request in (
        TableRequest(names, MANAGED, data_format, COLUMNS),
        TableRequest(names, MANAGED, data_format, COLUMNS, location="dbfs:/user/hive/warehouse/t"),
    ):
        with pytest.raises(ApiError, match="LOCATION_ALREADY_EXISTS"):
            asyncio.run(rig.opened().create(request))
    rig.opened()
    assert theirs.exists()


def test_a_managed_table_is_not_in_the_place_of_another(rig: Rig) -> None:
    tables = rig.opened()
    other = TableRequest(("hive_metastore", "default", "tables"), MANAGED, columns=COLUMNS)
    location = asyncio.run(tables.create(other)).record["storage_location"]
    with pytest.raises(ApiError, match="no location of its own"):
        asyncio.run(
            tables.create(TableRequest(("hive_metastore", "default", "t"), MANAGED, location=location))
        )


def test_a_table_that_was_being_renamed_has_its_files_after_a_kill(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("hive_metastore", "default", "old")
    tables = rig.opened()
    asyncio.run(tables.create(TableRequest(names, MANAGED, columns=COLUMNS)))

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Documents, "replace", killed)
        with pytest.raises(Killed):
            asyncio.run(tables.rename(names, "new"))
    opened = rig.opened()
    assert asyncio.run(opened.get(names)).columns[0]["name"] == "id"
    asyncio.run(opened.rename(names, "new"))
    assert rig.opened().names_below("hive_metastore") == [("hive_metastore", "default", "new")]
    assert len(rig.logs()) == 1


def test_a_damaged_record_costs_no_file(rig: Rig) -> None:
    names = ("main", "default", "t")
    asyncio.run(rig.opened().create(TableRequest(names, MANAGED, columns=COLUMNS)))
    rig.documents.put("table", "main.default.t", {})
    tables = rig.opened()
    shown = table_info(asyncio.run(tables.get(names)))
    assert (shown["columns"], shown["comment"]) == ([], UNREADABLE["comment"])
    asyncio.run(tables.delete(names))
    assert len(rig.logs()) == 1


def made(rig: Rig, names: tuple[str, ...] = ("main", "default", "t")) -> Path:
    """A managed table with two rows; where it is."""
    table = asyncio.run(rig.opened().create(TableRequest(names, MANAGED, columns=COLUMNS)))
    place = Path(
        table.record["storage_location"].replace("dbfs:", f"{rig.root}/dbfs").removeprefix("file://")
    )
    write_deltalake(place, pa.table({"id": pa.array([1, 2], pa.int32())}), mode="append")
    return place


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
