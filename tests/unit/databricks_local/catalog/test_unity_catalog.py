"""Catalogs, schemas and volumes while others change what is in them."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.delta_log import DeltaLogs
from databricks_local.catalog.grants import Grants
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.records import MANAGED, TableRequest
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import CATALOG, SCHEMA, VOLUME, Catalog
from databricks_local.files.volumes import Volumes
from databricks_local.storage.documents import Documents

COLUMNS = ({"name": "id", "type_text": "int"},)


class CountedVolumes(Volumes):
    """Counts how often a directory is listed."""

    listed = 0

    def names(self, *above: str) -> list[str]:
        self.listed += 1
        return super().names(*above)


class Rig:
    """A catalog, and its tables."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("dbfs", "tables"):
            (root / name).mkdir()
        self.documents = Documents(root / "objects.sqlite")
        self.volumes = CountedVolumes(root / "volumes")
        self.tables = Tables(self.documents, Locations(root), DeltaLogs({}), lambda: 1, "me")
        self.catalog = Catalog(self.volumes, self.tables, self.documents, lambda: 1, "me")

    async def make(self, schema: str, name: str) -> str:
        """Make a table; gives the code of the refusal."""
        try:
            await self.catalog.create_table(TableRequest(("main", schema, name), MANAGED, columns=COLUMNS))
        except ApiError as error:
            return error.error_code
        return ""

    async def drop(self, schema: str, *, force: bool = True) -> str:
        """Drop a schema; gives the code of the refusal."""
        try:
            await self.catalog.delete(SCHEMA, ("main", schema), force=force)
        except ApiError as error:
            return error.error_code
        return ""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.documents.close()


def test_nothing_is_made_in_a_schema_that_is_dropped(rig: Rig) -> None:
    rig.catalog.create(SCHEMA, ("main", "s"), {})

    async def all_at_once() -> list[str]:
        for number in range(5):
            await rig.make("s", f"before{number}")
        dropped, *made = await asyncio.gather(
            rig.drop("s"), *(rig.make("s", f"t{number}") for number in range(10))
        )
        assert dropped == ""
        return [*made, await rig.make("s", "after")]

    codes = asyncio.run(all_at_once())
    assert set(codes) <= {"", "SCHEMA_DOES_NOT_EXIST"}
    assert codes[-1] == "SCHEMA_DOES_NOT_EXIST"
    assert rig.tables.names_below("main", "s") == []
    assert list((rig.root / "tables").iterdir()) == []
    with pytest.raises(ApiError, match=r"Schema 'main\.s' does not exist"):
        rig.catalog.get(SCHEMA, ("main", "s"))


def test_a_table_that_waited_for_its_turn_is_not_made_in_a_schema_that_is_gone(rig: Rig) -> None:
    rig.catalog.create(SCHEMA, ("main", "s"), {})

    async def all_at_once() -> list[str]:
        return await asyncio.gather(
            *(rig.make("s", "same") for _ in range(5)),
            rig.drop("s"),
            *(rig.make("s", "same") for _ in range(5)),
        )

    codes = asyncio.run(all_at_once())
    assert set(codes) <= {"", "TABLE_ALREADY_EXISTS", "SCHEMA_DOES_NOT_EXIST"}
    assert rig.tables.names_below("main") == []


def test_of_many_that_drop_a_schema_one_does(rig: Rig) -> None:
    rig.catalog.create(SCHEMA, ("main", "s"), {})

    async def all_at_once() -> list[str]:
        for number in range(5):
            await rig.make("s", f"t{number}")
        one = rig.tables.delete(("main", "s", "t3"))
        *codes, _ = await asyncio.gather(*(rig.drop("s") for _ in range(4)), one, return_exceptions=True)
        return [str(code) for code in codes]

    assert sorted(asyncio.run(all_at_once())) == ["", *["SCHEMA_DOES_NOT_EXIST"] * 3]


def test_a_schema_is_not_dropped_with_what_is_made_meanwhile_unless_forced(rig: Rig) -> None:
    rig.catalog.create(SCHEMA, ("main", "s"), {})

    async def both() -> list[str]:
        return await asyncio.gather(rig.make("s", "t"), rig.drop("s", force=False))

    assert asyncio.run(both()) == ["", "INVALID_STATE"]
    assert rig.tables.names_below("main", "s") == [("main", "s", "t")]
    assert asyncio.run(rig.make("s", "u")) == ""


def test_long_lists_are_read_once(rig: Rig) -> None:
    for number in range(200):
        (rig.root / "volumes" / "main" / f"s{number:03}").mkdir()

    async def names() -> list[tuple[str, ...]]:
        return await rig.catalog.names_within(SCHEMA, ("main",))

    found = asyncio.run(names())
    shown = [rig.catalog.shown(SCHEMA, each)["name"] for each in found]
    assert shown == ["default", "information_schema", *(f"s{number:03}" for number in range(200))]
    assert rig.volumes.listed < 5


CHANGES: dict[str, Callable[[Rig], object]] = {
    "volume": lambda rig: rig.catalog.create(VOLUME, ("main", "information_schema", "v"), {}),
    "comment": lambda rig: rig.catalog.update(SCHEMA, ("main", "information_schema"), {"comment": "x"}),
    "table": lambda rig: asyncio.run(
        rig.catalog.create_table(TableRequest(("main", "information_schema", "t"), MANAGED, columns=COLUMNS))
    ),
    "drop": lambda rig: asyncio.run(rig.catalog.delete(SCHEMA, ("main", "information_schema"), force=True)),
    "grant": lambda rig: Grants(rig.catalog, rig.tables, rig.documents, "m").change(
        "schema", "main.information_schema", {"changes": [{"principal": "me", "add": ["SELECT"]}]}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_information_schema_is_not_changed(rig: Rig, change: str) -> None:
    with pytest.raises(
        ApiError, match=r"Schema 'main\.information_schema' cannot be changed or deleted"
    ) as refusal:
        CHANGES[change](rig)
    assert refusal.value.status == 400
    assert rig.catalog.get(SCHEMA, ("main", "information_schema"))["name"] == "information_schema"


def test_what_is_told_of_a_catalog_goes_with_it(rig: Rig) -> None:
    rig.catalog.create(CATALOG, ("c",), {})
    rig.catalog.create(SCHEMA, ("c", "s"), {"comment": "x"})
    rig.catalog.create(CATALOG, ("c2",), {"comment": "stays"})
    asyncio.run(rig.catalog.delete(CATALOG, ("c",), force=True))
    rig.catalog.create(CATALOG, ("c",), {})
    assert "comment" not in rig.catalog.create(SCHEMA, ("c", "s"), {})
    assert rig.catalog.get(CATALOG, ("c2",))["comment"] == "stays"


@pytest.mark.parametrize("name", ["表" * 86, "ü" * 128])
def test_a_name_that_is_too_long_for_a_directory_is_told_so(rig: Rig, name: str) -> None:
    with pytest.raises(ApiError, match=r"too long for a directory of this machine, .* 255 bytes in UTF-8"):
        rig.catalog.create(CATALOG, (name,), {})
    rig.catalog.create(CATALOG, (name[:80],), {})
