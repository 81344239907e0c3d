"""Notes on a flow run about the warehouses that it uses, so that another process can cancel its statements.

They are labels of the flow run, made before the first statement. The statements themselves are found in the
query history, by a tag with the id of their flow run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from databricks_blocks.errors import DatabricksJobError, WorkspaceNotConfigured
from databricks_blocks.loading import load_block
from databricks_blocks.sql.statement_call import SECONDS_OF_SKEW
from databricks_blocks.sql.statements_api import active_statements, cancel_statement
from databricks_blocks.sql_warehouse import SqlWarehouse
from databricks_blocks.workspace.polling import outlive
from prefect import get_client
from prefect.client.schemas.objects import FlowRun

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

FLOW_RUN_TAG = "prefect_flow_run"
"""Query tag with the id of the flow run that executes a statement."""
_LABEL = "databricks.warehouse."
_PAUSES_BEFORE_LOOKS = (0.0, 1.0, 3.0, 6.0)
"""Seconds. The query history may show a statement late, such as that of a process that was just killed."""


async def note_warehouse(flow_run_id: UUID, warehouse_id: str, block: SqlWarehouse) -> None:
    """Note on a flow run that it uses a warehouse.

    Args:
        flow_run_id: The flow run.
        warehouse_id: Id of the warehouse.
        block: Its block. Prefect stores no credentials of one that is not saved.
    """
    async with get_client() as client:
        await client.update_flow_run_labels(
            flow_run_id, {f"{_LABEL}{warehouse_id}": block._block_document_name or ""}
        )


def noted_warehouses(labels: Mapping[str, Any]) -> dict[str, str]:
    """Read which warehouses a flow run uses: the names of their blocks, by their ids.

    Args:
        labels: Labels of the flow run.
    """
    return {
        label.removeprefix(_LABEL): str(name) for label, name in labels.items() if label.startswith(_LABEL)
    }


async def cancel_statements(
    flow_run: FlowRun, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Cancel the statements of a flow run that are going on, and look whether they end.

    Args:
        flow_run: The flow run; its subflows are left alone.
        sleep: Waits for a number of seconds.

    Raises:
        DatabricksJobError: Some may still be going on; the message says why. All others are cancelled.
    """
    began = flow_run.start_time or flow_run.created
    since = int((began.timestamp() - SECONDS_OF_SKEW) * 1000) if began else 0
    faults: list[str] = []
    for warehouse_id, name in noted_warehouses(flow_run.labels).items():
        try:
            client = await _client_of(name)
            find = partial(active_statements, client, warehouse_id, since, (FLOW_RUN_TAG, str(flow_run.id)))
            faults += await _cancelled(client, find, sleep)
        except (DatabricksJobError, ValueError) as error:
            faults.append(str(error))
    if faults:
        raise DatabricksJobError("; ".join(faults))


async def _client_of(name: str) -> WorkspaceClient:
    if not name:
        raise WorkspaceNotConfigured(
            "its warehouse is a block that is not saved, of which Prefect keeps no credentials: save it"
        )
    block = await asyncio.to_thread(load_block, SqlWarehouse, name)
    return await asyncio.to_thread(block.workspace_client)


async def _cancelled(
    client: WorkspaceClient, find: Callable[[], list[str]], sleep: Callable[[float], Awaitable[None]]
) -> list[str]:
    """Cancel statements, those that the history shows late as well.

    Returns:
        What is wrong with those that are still going on at the last look.
    """
    asked: dict[str, str] = {}
    active: list[str] = []
    for pause in _PAUSES_BEFORE_LOOKS:
        await sleep(pause)
        active = await outlive(partial(asyncio.to_thread, find))
        for statement_id in set(active).difference(asked):
            asked[statement_id] = "it takes its time to end"
            try:
                await outlive(partial(asyncio.to_thread, cancel_statement, client, statement_id))
            except DatabricksJobError as error:
                asked[statement_id] = str(error)
    return [f"statement {statement_id}: {asked[statement_id]}" for statement_id in active]
