"""Tables as assets: their events say that rows were loaded, and start the flows that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.events.filters import EventFilter, EventIDFilter

from databricks_flows.shared.telling import NOT_TOLD, tell

MATERIALIZED = "prefect.asset.materialization.succeeded"
"""The event of an asset that was made, as Prefect's `@materialize` emits it."""
# What Prefect has in no key of an asset; and `!`, which begins what stands for it.
_KEPT_OUT = set("\n\r\t\0 #?&%\"'<>[]{}|\\^`!/")


@dataclass(frozen=True)
class LoadedTable:
    """How much was loaded into a table.

    Attributes:
        table: Its name, with catalog and schema.
        asset: Key of the asset in Prefect.
        files: Number of its files.
        rows: Number of new rows; `None`: there may be some, but their number is not known (`CopyResult`).
        statement_ids: Ids of the statements that loaded them.
    """

    table: str
    asset: str
    files: int
    rows: int | None
    statement_ids: tuple[str, ...] = ()


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


def event_of(loaded: LoadedTable) -> dict[str, Any]:
    """The event that says that a table has new rows, as arguments of `emit_event`.

    The same load has the same id in each attempt of a flow run: so its event is told once.

    Args:
        loaded: The table.
    """
    load = "+".join((loaded.asset, *loaded.statement_ids))
    return {
        "event": MATERIALIZED,
        "resource": {"prefect.resource.id": loaded.asset, "prefect.resource.name": loaded.table},
        "related": [{"prefect.resource.id": "databricks", "prefect.resource.role": "asset-materialized-by"}],
        "payload": {"rows": loaded.rows, "files": loaded.files},
        "id": uuid5(NAMESPACE_URL, f"databricks-flows.load:{load}"),
    }


# One task after all files: an event a file would start a run a file. Not `@materialize`, whose events have
# another id in each attempt.
@task(name="publish_tables", task_run_name="publish_tables", cache_policy=NO_CACHE)
async def publish_tables(loaded: Sequence[LoadedTable]) -> None:
    """Emit the event of each table that got rows, with the number of rows and of files.

    Args:
        loaded: The tables. Those that got no row have no event; where the number is not known, it is null.
    """
    events = [(table.table, event_of(table)) for table in loaded if table.rows != 0]
    told = await _told_before([event["id"] for _, event in events])
    for table, event in events:
        if event["id"] in told:
            get_run_logger().info("%s: an earlier attempt has told Prefect of its new rows", table)
        else:
            tell(f"the new rows of {table}", partial(emit_event, **event))


async def _told_before(ids: list[UUID]) -> set[UUID]:
    """Which events the server has. It drops one that comes twice only for some minutes."""
    if not ids:
        return set()
    try:
        async with get_client() as client:
            page = await client.read_events(EventFilter(id=EventIDFilter(id=ids)), limit=len(ids))
    except NOT_TOLD as error:
        get_run_logger().warning("Prefect does not say which tables it was told of: %s", error)
        return set()
    return {event.id for event in page.events}
