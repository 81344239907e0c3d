"""Serves tables in a session: sees what goes to the server, and does what the server cannot."""

from typing import Any

from databricks_local.runtime.tables.catalog.client import CatalogClient
from databricks_local.runtime.tables.catalog.session import Place, Reach, SessionCatalog
from databricks_local.runtime.tables.commands import serve_command
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.plans import PlanHook

INITIAL_CATALOG = "spark.databricks.sql.initial.catalog.name"
DEFAULT_CATALOG = "main"


def serve_tables(
    session: Any,
    client: CatalogClient,
    reach: Reach,
    hooks: list[Any],
    initial_catalog: str = DEFAULT_CATALOG,
) -> SessionCatalog:
    """Let a session find the tables of the workspace, and run the statements on them.

    Args:
        session: The session.
        client: The catalog of the workspace.
        reach: How places are found.
        hooks: What sees the requests of the session before they are sent; one more is added.
        initial_catalog: The catalog that the session begins in.

    Returns:
        What the session knows of the catalog.
    """
    catalog = SessionCatalog(client, reach, Place(initial_catalog.lower() or DEFAULT_CATALOG))
    execute = session.client.execute_command
    engine = Engine(session, execute)

    def execute_command(command: Any, *arguments: Any, **named: Any) -> Any:
        served = serve_command(command, engine, catalog)
        if served is None:
            return execute(command, *arguments, **named)
        return None, {"sql_command_result": served}, None

    session.client.execute_command = execute_command
    hooks.append(PlanHook(engine, catalog))
    return catalog
