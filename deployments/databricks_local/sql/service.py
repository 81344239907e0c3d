"""What a workspace has of SQL: warehouses, sessions, statements, saved queries."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from databricks_local.sql.queries import Queries
from databricks_local.sql.results import Links
from databricks_local.sql.sessions import SqlSessions
from databricks_local.sql.statements import SqlStatements
from databricks_local.sql.warehouses import Warehouses, WarehouseStarter
from databricks_local.storage.database import Database
from databricks_local.storage.documents import Documents

RESULTS = "results"
"""The directory under the root with the results of statements."""


@dataclass(frozen=True)
class Sql:
    """The parts.

    Attributes:
        origin: Where the workspace is.
        clock: Milliseconds since 1970.
    """

    warehouses: Warehouses
    sessions: SqlSessions
    statements: SqlStatements
    queries: Queries
    links: Links
    origin: str
    clock: Callable[[], int]

    def end_idle(self) -> None:
        """Stop idle warehouses, and remove what is too old."""
        self.warehouses.stop_idle()
        self.statements.forget_old()

    async def close(self) -> None:
        """End all statements and warehouses."""
        await self.statements.end_all()
        await self.warehouses.close()


def open_sql(
    root: Path,
    origin: str,
    user: str,
    clock: Callable[[], int],
    starter: WarehouseStarter,
    documents: Documents,
    database: Database,
) -> Sql:
    """Open what is under the root. Call it in the event loop.

    Args:
        root: The workspace's directory.
        origin: Where the workspace is reached.
        user: The one user.
        clock: Milliseconds since 1970.
        starter: Starts warehouses.
        documents: Where warehouses and queries are kept.
        database: Where statements are kept.
    """
    warehouses = Warehouses(starter, documents, clock, user)
    sessions = SqlSessions(warehouses)
    statements = SqlStatements(warehouses, sessions, database, root / RESULTS, clock, user)
    queries = Queries(documents, clock, user)
    return Sql(warehouses, sessions, statements, queries, Links(origin), origin, clock)
