"""Tables that are made and removed while the server is killed, and while others do the same."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.delta_log import DeltaLogs, NewTable
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.records import EXTERNAL, MANAGED, TableRequest
from databricks_local.catalog.tables import Tables
from databricks_local.storage.documents import Documents
from deltalake import DeltaTable

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
            (root / name).mkdir()
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

    def killed(_: Tables, __: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Tables, "_remove_files", killed)
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
