"""Any table can be an asset of Prefect, and no two tables are the same one."""

from __future__ import annotations

from databricks_flows.green_energy.assets import asset_key
from prefect.assets import Asset

NAMES = [chr(code) for code in range(1, 128)] + ["é", "表", "a b", "a!20b", "a/b", "😀"]


def test_every_name_has_a_key_of_its_own_that_prefect_takes() -> None:
    keys = [asset_key("main", "elt", name) for name in NAMES]
    assert len(set(keys)) == len(NAMES)
    assert [Asset(key=key).key for key in keys] == keys
    assert asset_key("a/b", "c", "d") != asset_key("a", "b/c", "d")
