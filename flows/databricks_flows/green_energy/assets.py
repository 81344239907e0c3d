"""Tables as assets: their events say that rows were loaded, and start the flows that wait for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.workspace.polling import PollingPolicy, outlive
from httpx import HTTPError
from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.events import Event
from prefect.events.filters import EventFilter, EventIDFilter
from prefect.events.related import related_resources_from_run_context

from databricks_flows.ending.cancel_watch import PrefectUnreachable
from databricks_flows.shared.patience import MAX_UNREACHABLE, is_unreachable

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
        files: Number of its files, those that were loaded before included.
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
    """The event that says that a table has new rows, as arguments of `Event`.

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


# Not `@materialize`, whose events have another id in each attempt. Not `emit_event`, which only puts an event
# into a queue: it is lost, without a word, if Prefect is away for some seconds.
@task(name="publish_table", task_run_name="publish_table-{loaded.table}", cache_policy=NO_CACHE)
async def publish_table(loaded: LoadedTable, max_unreachable: float = MAX_UNREACHABLE) -> None:
    """Tell Prefect that a table got rows, with their number and that of its files.

    Args:
        loaded: The table. Where the number of rows is not known, it is null in the event.
        max_unreachable: Seconds for which Prefect may fail to answer.

    Raises:
        PrefectUnreachable: Prefect did not answer for longer. A retry of the flow run tells it.
    """
    event = Event(**event_of(loaded))
    policy = PollingPolicy(max_unreachable=max_unreachable)
    try:
        is_new = await outlive(partial(_tell, event), policy)
    except _NoAnswer as error:
        raise PrefectUnreachable(
            f"Prefect was not told of the new rows of {loaded.table}; retry this flow run: it tells Prefect, "
            f"and loads nothing twice. {error.message}"
        ) from error
    if not is_new:
        get_run_logger().info("%s: an earlier attempt has told Prefect of its new rows", loaded.table)


class _NoAnswer(DatabricksUnreachable):
    """Raised when Prefect does not answer."""


async def _tell(event: Event) -> bool:
    """Send an event, unless the server has it: it drops one that comes twice only for some minutes.

    Returns:
        Whether it was sent now.
    """
    try:
        async with get_client() as client:
            found = await client.read_events(EventFilter(id=EventIDFilter(id=[event.id])), limit=1)
            if found.events:
                return False
            known = {resource.id for resource in event.involved_resources}
            around = await related_resources_from_run_context(client, exclude=known)
            sent = event.model_copy(update={"related": [*event.related, *around]})
            await client.request("POST", "/events", json=[sent.model_dump(mode="json")])
    except (HTTPError, OSError) as error:
        if not is_unreachable(error):
            raise
        raise _NoAnswer(f"The Prefect server does not answer: {error}") from error
    return True
