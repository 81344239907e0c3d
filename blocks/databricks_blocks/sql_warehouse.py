"""A Databricks SQL warehouse as a Prefect block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from prefect.blocks.core import Block
from prefect_databricks.credentials import DatabricksCredentials
from pydantic import Field, HttpUrl, field_validator, model_validator

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.private_prefect import async_dispatch
from databricks_blocks.sql.life import StatementLife
from databricks_blocks.sql.outcome import AfterCancel, cancelled, result_of, timed_out
from databricks_blocks.sql.parameters import InvalidStatement
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.statement import Statement
from databricks_blocks.sql.statement_call import SECONDS_OF_SKEW, StatementCall
from databricks_blocks.sql.warehouses import (
    SECONDS_TO_START,
    Goal,
    WarehouseSnapshot,
    bring_to,
    get_warehouse,
    warehouse_named,
)
from databricks_blocks.workspace.block import DatabricksWorkspace, workspace_client
from databricks_blocks.workspace.polling import outlive

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

WAREHOUSE_BLOCK = "warehouse"
"""Name of the block that the flows use by default."""


class SqlWarehouse(Block):
    """A Databricks SQL warehouse, and the catalog and schema in which its statements begin.

    Attributes:
        workspace: Where it is.
        warehouse_id: Its id; the HTTP path of its connection details can be pasted, too.
        warehouse_name: Its name, in place of the id.
        catalog: Catalog in which statements begin; empty for the default of the workspace.
        schema_name: Schema in which statements begin; empty for `default`.

    Examples:
        ```python
        from databricks_blocks import SqlWarehouse

        warehouse = SqlWarehouse.load("BLOCK_NAME")
        result = warehouse.execute("SELECT :n + 1 AS next", {"n": 41})
        print(result.row_count, result.schema.names)
        ```
    """

    _block_type_name = "Databricks SQL Warehouse"
    _block_type_slug = "databricks-sql-warehouse"
    _logo_url = HttpUrl(str(DatabricksCredentials._logo_url))
    _documentation_url = HttpUrl("https://docs.databricks.com/api/workspace/statementexecution")

    workspace: DatabricksWorkspace | DatabricksCredentials = Field(description="Where the warehouse is.")
    warehouse_id: str = Field(default="", description="Id of the warehouse, or its HTTP path.")
    warehouse_name: str = Field(default="", description="Name of the warehouse, in place of its id.")
    catalog: str = Field(default="", description="Catalog in which statements begin.")
    schema_name: str = Field(default="", description="Schema in which statements begin.")

    @field_validator("warehouse_id")
    @classmethod
    def _of_http_path(cls, value: str) -> str:
        return value.strip().rstrip("/").rpartition("/")[2]

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if bool(self.warehouse_id) == bool(self.warehouse_name):
            raise ValueError("give the id of the warehouse, or its name: one of them")
        return self

    def workspace_client(self) -> WorkspaceClient:
        """Make an official SDK client of its workspace."""
        return workspace_client(self.workspace)

    async def astate(self) -> WarehouseSnapshot:
        """Read how it stands; see `state`."""
        client = await asyncio.to_thread(self.workspace_client)
        return await outlive(partial(asyncio.to_thread, self.look, client))

    @async_dispatch(astate)
    def state(self) -> WarehouseSnapshot:
        """Read how it stands.

        Raises:
            DatabricksRunRefused: There is no such warehouse, or no permission.
            DatabricksUnreachable: The workspace did not answer for too long.
        """
        return asyncio.run(self.astate())

    def look(self, client: WorkspaceClient) -> WarehouseSnapshot:
        """Read how it stands, by a client that is there already. It blocks.

        Args:
            client: SDK client of its workspace.
        """
        if self.warehouse_id:
            return get_warehouse(client, self.warehouse_id)
        return warehouse_named(client, self.warehouse_name)

    async def astart(self, timeout_seconds: float = SECONDS_TO_START) -> WarehouseSnapshot:
        """Start it, unless it runs, and wait until it does; see `start`."""
        return await self.await_for("RUNNING", timeout_seconds)

    @async_dispatch(astart)
    def start(self, timeout_seconds: float = SECONDS_TO_START) -> WarehouseSnapshot:
        """Start it, unless it runs, and wait until it does.

        Args:
            timeout_seconds: How long to wait.

        Raises:
            WarehouseUnavailable: It was deleted, does not start, or takes longer.
            DatabricksRunRefused: There is no such warehouse, or no permission.
            DatabricksUnreachable: The workspace did not answer for too long.
        """
        return asyncio.run(self.astart(timeout_seconds))

    async def astop(self, timeout_seconds: float = SECONDS_TO_START) -> WarehouseSnapshot:
        """Stop it, unless it is stopped, and wait until it is; see `stop`."""
        return await self.await_for("STOPPED", timeout_seconds)

    @async_dispatch(astop)
    def stop(self, timeout_seconds: float = SECONDS_TO_START) -> WarehouseSnapshot:
        """Stop it, unless it is stopped, and wait until it is. What it executes fails.

        Args:
            timeout_seconds: How long to wait.

        Raises:
            WarehouseUnavailable: It was deleted, or takes longer.
            DatabricksRunRefused: There is no such warehouse, or no permission.
            DatabricksUnreachable: The workspace did not answer for too long.
        """
        return asyncio.run(self.astop(timeout_seconds))

    async def aexecute(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
    ) -> SqlResult:
        """Execute a statement; see `execute`."""
        if timeout_seconds is not None and timeout_seconds <= 0:
            raise InvalidStatement(f"timeout_seconds must be more than 0, but is {timeout_seconds}.")
        client = await asyncio.to_thread(self.workspace_client)
        life: StatementLife | None = None
        limit = asyncio.timeout(timeout_seconds)
        try:
            async with limit:
                found = await outlive(partial(asyncio.to_thread, self.look, client))
                asked = Statement(
                    statement, found.warehouse_id, self.catalog, self.schema_name, parameters or {}
                )
                since = int((time.time() - SECONDS_OF_SKEW) * 1000)
                life = StatementLife(client, StatementCall(asked, uuid4().hex, since))
                ended = await life.to_the_end()
        except DatabricksJobError:
            raise
        except BaseException as error:
            # What is interrupted must leave nothing behind that keeps the warehouse awake.
            became = await cancelled(life) if life is not None else AfterCancel(None)
            if not (limit.expired() and isinstance(error, TimeoutError)):
                raise
            if life is None or became.came_first is None:
                statement_id = life.statement_id if life is not None else None
                raise timed_out(client.config.host, statement_id, timeout_seconds or 0, became) from error
            ended = became.came_first
        return await asyncio.to_thread(result_of, client, ended, asked)

    @async_dispatch(aexecute)
    def execute(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
    ) -> SqlResult:
        """Execute a statement, and wait until it has succeeded.

        An answer that is lost executes nothing twice. A second call does: what has to survive a retry of the
        flow is the task `databricks_sql`.

        Args:
            statement: The statement.
            parameters: Values of its markers: `{"day": date(2024, 6, 21)}` for `:day`.
            timeout_seconds: How long it may take; then it is cancelled. `None`: as long as it takes.

        Raises:
            InvalidStatement: It cannot be sent as it is given.
            StatementTimedOut: It took longer than `timeout_seconds`.
            StatementError: It did not succeed.
            DatabricksRunRefused: The workspace does not accept the request.
            DatabricksUnreachable: The workspace did not answer for too long; it may be going on.
        """
        return asyncio.run(self.aexecute(statement, parameters, timeout_seconds))

    async def await_for(
        self,
        goal: Goal,
        timeout_seconds: float = SECONDS_TO_START,
        on_change: Callable[[WarehouseSnapshot], Awaitable[None]] | None = None,
    ) -> WarehouseSnapshot:
        """Bring it to a state, and wait until it is there.

        Args:
            goal: `RUNNING` or `STOPPED`.
            timeout_seconds: How long to wait.
            on_change: Awaited with every state on the way.
        """
        client = await asyncio.to_thread(self.workspace_client)
        found = await outlive(partial(asyncio.to_thread, self.look, client))
        return await bring_to(
            goal, client, found.warehouse_id, timeout_seconds=timeout_seconds, on_change=on_change
        )
