"""Any table can be an asset of Prefect, and no two tables are the same one."""

from __future__ import annotations

from databricks_flows.green_energy.assets import LoadedTable, asset_key, event_of
from prefect.assets import Asset

NAMES = [chr(code) for code in range(1, 128)] + ["é", "表", "a b", "a!20b", "a/b", "😀"]


def test_every_name_has_a_key_of_its_own_that_prefect_takes() -> None:
    keys = [asset_key("main", "elt", name) for name in NAMES]
    assert len(set(keys)) == len(NAMES)
    assert [Asset(key=key).key for key in keys] == keys
    assert asset_key("a/b", "c", "d") != asset_key("a", "b/c", "d")


def loaded(rows: int | None = 960, ids: tuple[str, ...] = ("s1",), table: str = "t") -> LoadedTable:
    return LoadedTable(f"main.elt.{table}", asset_key("main", "elt", table), 2, rows, ids)


def test_the_event_of_a_load_has_the_same_id_in_each_attempt() -> None:
    assert event_of(loaded()) == event_of(loaded())
    others = [loaded(ids=("s1", "s2")), loaded(ids=("s2",)), loaded(table="u")]
    assert len({event_of(each)["id"] for each in (loaded(), *others)}) == 4


def test_the_event_is_that_of_an_asset_with_rows_and_files() -> None:
    event = event_of(loaded())
    assert event["event"] == "prefect.asset.materialization.succeeded"
    assert event["resource"]["prefect.resource.id"] == Asset(key="databricks://main/elt/t").key
    assert event["payload"] == {"rows": 960, "files": 2}
    assert event_of(loaded(rows=None))["payload"] == {"rows": None, "files": 2}
