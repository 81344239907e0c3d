"""Tables as assets: their events say that rows were loaded, and start the flows that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefect.assets import add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE

# What Prefect has in no key of an asset; and `!`, which begins what stands for it.
_KEPT_OUT = set("\n\r\t\0 #?&%\"'<>[]{}|\\^`!/")


@dataclass(frozen=True)
class LoadedTable:
    """How much was loaded into a table.

    Attributes:
        table: Its name, with catalog and schema.
        asset: Key of the asset in Prefect.
        files: Number of its files.
        rows: Number of new rows; `None`: not known, since an earlier attempt loaded them, and the workspace
            does not keep its result any more.
    """

    table: str
    asset: str
    files: int
    rows: int | None


def asset_key(catalog: str, schema: str, table: str) -> str:
    """Key of a table as an asset of Prefect. Other names never have the same one.

    Args:
        catalog: Its catalog.
        schema: Its schema.
        table: Its name.

    Examples:
        >>> from databricks_flows.green_energy.assets import asset_key
        >>> asset_key("main", "elt", "facilityefficiency")
        'databricks://main/elt/facilityefficiency'
        >>> asset_key("main", "elt", "r&d")
        'databricks://main/elt/r!26d'
    """
    return "databricks://" + "/".join(map(_spelled, (catalog, schema, table)))


def _spelled(name: str) -> str:
    return "".join(f"!{ord(one):02x}" if one in _KEPT_OUT else one for one in name)


def publish(loaded: Sequence[LoadedTable]) -> None:
    """Emit the event of each table that got rows, with the number of rows and of files.

    Args:
        loaded: The tables. Those that got no row have no event; where the number is not known, it is 0.
    """
    new = [table for table in loaded if table.rows != 0]
    if not new:
        return

    # One task after all files: an event a file would start a run a file.
    @materialize(
        *[table.asset for table in new], by="databricks", name="publish_tables", cache_policy=NO_CACHE
    )
    def publish_tables() -> None:
        for table in new:
            add_asset_metadata(table.asset, {"rows": table.rows or 0, "files": table.files})

    publish_tables()
