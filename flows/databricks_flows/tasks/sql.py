"""Tasks for SQL: run statements on a SQL warehouse, start it, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.loading import load_block
from databricks_blocks.sql.errors import StatementError
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.statement import title_of
from databricks_blocks.sql.warehouses import SECONDS_TO_START, Goal, WarehouseSnapshot
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK, SqlWarehouse
from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import task_run
from prefect.states import Cancelled
from prefect.tasks import Task, exponential_backoff

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.job.sync_callable import SyncCallableTask
from databricks_flows.sql.report import WarehouseReport
from databricks_flows.sql.report import show_rows as show_as_artifact
from databricks_flows.sql.request import SqlRequest, read_statements
from databricks_flows.sql.running import run_sql


async def _may_retry(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, StatementError) and error.may_retry


def _title() -> str:
    given = task_run.parameters.get("statement")
    first = given if isinstance(given, str | Path) else next(iter(given or ()), "")
    return f"sql {title_of(str(first))}"


async def _databricks_sql(
    statement: str | Path | Sequence[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    warehouse: SqlWarehouse | str = WAREHOUSE_BLOCK,
    catalog: str = "",
    schema: str = "",
    key: str = "",
    timeout_seconds: float | None = None,
    show_rows: int = 0,
) -> SqlResult:
    """Run SQL on a warehouse, and wait until it has succeeded.

    A statement is not executed twice by one call. A retry of the task or flow, or a second worker after a
    crash, finds it in the query history: if it is going on, the task waits for it; if it was done, the task
    uses it; if it failed, it is run again, unless it may have been done. Cancelling the flow cancels the
    statement. A warehouse that is stopped is started, and waited for.

    Args:
        statement: One statement or several, in a text, in a list of texts, or in a file: a `Path`, or the
            name of a file that ends with `.sql`. They are executed one after the other, each in a session of
            its own: `USE` and `SET` do not reach the next one.
        parameters: Values of the markers, such as `{"day": date(2024, 6, 21)}` for `:day`. They are bound,
            and never become part of the text. Another value makes another statement: one that a retry does
            not compute again, such as the time of now, executes it twice.
        warehouse: The warehouse, or the name of its block.
        catalog: Catalog in which each statement begins; empty for that of the block.
        schema: Schema in which each statement begins; empty for that of the block.
        key: Tells calls apart that are equal in all else, and must not exchange their statements in a retry.
            Another key also runs a statement again that a retry does not, since it may have been done.
        timeout_seconds: How long all of it may take, the start of the warehouse included; then it is
            cancelled. `None`: as long as it takes.
        show_rows: How many rows of the result to show as a table in the Prefect UI.

    Returns:
        The result of the last statement. Its rows stay in the workspace until they are read.

    Raises:
        InvalidStatement: It cannot be sent as it is given; nothing was sent.
        StatementFailed: A statement failed; those after it were not executed.
        StatementCancelled: Somebody cancelled it in the workspace.
        StatementTimedOut: It took longer than `timeout_seconds`.
        ResultUnavailable: The result is cut off at a limit of the workspace.
        WarehouseUnavailable: The warehouse was deleted, or does not start.
        DatabricksRunRefused: The workspace does not accept the request.
        DatabricksUnreachable: The workspace did not answer for too long; the statement may be going on.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import databricks_sql
        >>> result = asyncio.run(databricks_sql("SELECT :n + 1 AS next", {"n": 41}, warehouse="warehouse"))
        >>> result.rows()
        [{'next': 42}]
    """
    texts = await asyncio.to_thread(read_statements, statement)
    request = SqlRequest(texts, parameters or {}, warehouse, catalog, schema, key, timeout_seconds)
    try:
        result = (await run_sql(request))[-1]
    except CancelledInPrefect:
        return cast("SqlResult", Cancelled(message="Cancelled, and its SQL statement as well"))
    if show_rows and result.has_rows:
        try:
            await show_as_artifact(result, texts[-1], await asyncio.to_thread(result.rows, show_rows))
        except DatabricksJobError as error:
            # The SQL has succeeded all the same.
            get_run_logger().warning("Its rows are not shown: %s", error)
    return result


databricks_sql = SyncCallableTask(
    _databricks_sql,
    name="databricks-sql",
    task_run_name=_title,
    # A statement that is run again is found by its tag, not by its inputs.
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_condition_fn=_may_retry,
)


async def _start_warehouse(
    warehouse: SqlWarehouse | str = WAREHOUSE_BLOCK, timeout_seconds: float = SECONDS_TO_START
) -> WarehouseSnapshot:
    """Start a SQL warehouse if it is not running, and wait until it is.

    Args:
        warehouse: The warehouse, or the name of its block.
        timeout_seconds: How long to wait.

    Raises:
        WarehouseUnavailable: It was deleted, does not start, or takes longer.
        DatabricksRunRefused: There is no such warehouse, or no permission.
        DatabricksUnreachable: The workspace did not answer for too long.
    """
    return await _bring("RUNNING", warehouse, timeout_seconds)


async def _stop_warehouse(
    warehouse: SqlWarehouse | str = WAREHOUSE_BLOCK, timeout_seconds: float = SECONDS_TO_START
) -> WarehouseSnapshot:
    """Stop a SQL warehouse if it is not stopped, and wait until it is. What it executes fails.

    Args:
        warehouse: The warehouse, or the name of its block.
        timeout_seconds: How long to wait.

    Raises:
        WarehouseUnavailable: It was deleted, or takes longer.
        DatabricksRunRefused: There is no such warehouse, or no permission.
        DatabricksUnreachable: The workspace did not answer for too long.
    """
    return await _bring("STOPPED", warehouse, timeout_seconds)


async def _bring(goal: Goal, warehouse: SqlWarehouse | str, timeout_seconds: float) -> WarehouseSnapshot:
    block = warehouse
    if isinstance(block, str):
        block = await asyncio.to_thread(load_block, SqlWarehouse, block)
    return await block.await_for(goal, timeout_seconds, WarehouseReport(goal).changed)


start_warehouse = SyncCallableTask(_start_warehouse, name="start-warehouse", cache_policy=NO_CACHE)
stop_warehouse = SyncCallableTask(_stop_warehouse, name="stop-warehouse", cache_policy=NO_CACHE)
