"""Events about tables. Automations can start other flows when a table has changed."""

from __future__ import annotations

from functools import partial

from prefect.events import emit_event

from databricks_flows.shared.telling import tell

TABLE_UPDATED = "databricks-flows.table.updated"


def emit_table_updated(table: str, database: str, rows: int) -> None:
    """Emit an event: rows were merged into a table.

    Prefect adds the flow run, the flow and the deployment as related resources.

    Args:
        table: Name of the table.
        database: Name of the database block.
        rows: Number of rows that were merged.
    """
    emit = partial(
        emit_event,
        event=TABLE_UPDATED,
        resource={
            "prefect.resource.id": f"databricks-flows.table.{table}",
            "prefect.resource.name": table,
            "databricks-flows.database": database,
        },
        payload={"rows": rows},
    )
    tell(f"the event {TABLE_UPDATED}", emit)
