"""Tables that are made and removed while the server is killed, and while others do the same."""

import asyncio

import pyarrow as pa
import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.records import EXTERNAL, MANAGED, UNREADABLE, TableRequest
from databricks_local.catalog.shown import table_info
from databricks_local.catalog.table_files import TableFiles
from databricks_local.storage.documents import Documents
from deltalake import DeltaTable, write_deltalake

from tests.unit.databricks_local.catalog.log_lab import write_log
from tests.unit.databricks_local.catalog.tables_lab import COLUMNS, PLACES, Killed, KilledLogs, Rig


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
