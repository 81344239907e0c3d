"""Tasks that wait for data: for a partition of a table, for a query to be true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from databricks_blocks.sql.errors import StatementError, StatementTimedOut
from databricks_blocks.sql.statement import title_of
from databricks_blocks.sql.texts.partitions import PartitionValue, partition_query
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK, SqlWarehouse
from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.job.sync_callable import SyncCallableTask
from databricks_flows.sql.request import SqlRequest
from databricks_flows.sql.running import run_sql
from databricks_flows.sql.waiting import NotTrueInTime, until_true

SECONDS_BETWEEN = 60.0
SECONDS_IN_ALL = 3600.0
_LEAST_SECONDS = 10.0
_NO = ("", "0", "false")


async def _wait_for_query(
    query: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    seconds_between: float = SECONDS_BETWEEN,
    timeout_seconds: float | None = SECONDS_IN_ALL,
    warehouse: SqlWarehouse | str = WAREHOUSE_BLOCK,
    catalog: str = "",
    schema: str = "",
) -> None:
    """Wait until a query is true: until the first value of its first row is, such as a count above 0.

    No row, null, 0, false and an empty text are not true, nor are the texts `0` and `false`.

    Args:
        query: The query, such as `SELECT count(*) > 0 FROM orders WHERE day = :day`.
        parameters: Values of its markers; they are bound.
        seconds_between: Seconds between an answer and the next question.
        timeout_seconds: Seconds after which it is asked for the last time. A question that is not answered by
            then is cancelled; each has ten seconds at least. 0: it is asked once, and may take its time, as a
            warehouse that has to start does. `None`: no limit.
        warehouse: The SQL warehouse, or the name of its block. It runs as long as somebody waits: with a
            longer `seconds_between` than its auto-stop time it stops between two questions.
        catalog: Catalog in which the query begins; empty for that of the block.
        schema: Schema in which the query begins; empty for that of the block.

    Raises:
        NotTrueInTime: It was not true in time.
        StatementFailed: The query failed.
        DatabricksUnreachable: The workspace did not answer for too long.

    Examples:
        >>> from databricks_flows import wait_for_query
        >>> from prefect import flow
        >>> @flow
        ... def when_there_are_orders() -> None:
        ...     wait_for_query("SELECT count(*) > :least FROM orders", {"least": 100}, timeout_seconds=600)
    """
    logger, began = get_run_logger(), time.monotonic()
    what = f"What `{title_of(query)}` asks for"

    async def ask() -> bool:
        left = _left(timeout_seconds, time.monotonic() - began)
        # A key of its own: a retry needs a new answer, not the one that an earlier attempt got.
        request = SqlRequest([query], parameters or {}, warehouse, catalog, schema, uuid4().hex, left)
        try:
            [result] = await run_sql(request)
        except StatementTimedOut as error:
            raise NotTrueInTime(f"{what} is not there: no answer in {left:.0f} s") from error
        except StatementError as error:
            if not error.may_retry:
                raise
            logger.warning("No answer; asking again later: %s", error)
            return False
        rows = await asyncio.to_thread(result.rows, 1)
        return any(rows) and _is_true(next(iter(rows[0].values())))

    try:
        asked = await until_true(ask, what, seconds_between=seconds_between, timeout_seconds=timeout_seconds)
    except CancelledInPrefect:
        return cast("None", Cancelled(message="Cancelled while it waited"))
    logger.info("%s is there: asked %d times", what, asked)
    return None


def _left(timeout_seconds: float | None, passed: float) -> float | None:
    """The seconds that a question may take; `None`: as long as it takes."""
    return max(timeout_seconds - passed, _LEAST_SECONDS) if timeout_seconds else None


def _is_true(value: Any) -> bool:
    """Whether a value says yes. Databases without truth values say no by texts, too."""
    return value.strip().lower() not in _NO if isinstance(value, str) else bool(value)


async def _wait_for_partition(
    table: str,
    partition: Mapping[str, PartitionValue],
    *,
    seconds_between: float = SECONDS_BETWEEN,
    timeout_seconds: float | None = SECONDS_IN_ALL,
    warehouse: SqlWarehouse | str = WAREHOUSE_BLOCK,
    catalog: str = "",
    schema: str = "",
) -> None:
    """Wait until a table has rows of a partition.

    Args:
        table: The table: `table`, `schema.table` or `catalog.schema.table`.
        partition: Values by the names of columns, such as `{"day": date(2024, 6, 21), "kind": ["a", "b"]}`.
            Of a list, any value will do. The columns need not be those that the table is partitioned by.
        seconds_between: As for `wait_for_query`.
        timeout_seconds: As for `wait_for_query`.
        warehouse: As for `wait_for_query`.
        catalog: Catalog of the table, if its name has none; empty for that of the block.
        schema: Schema of the table, if its name has none; empty for that of the block.

    Raises:
        InputError: A name cannot be quoted, or there is no value.
        NotTrueInTime: There were no such rows in time.
        StatementFailed: There is no such table or column.
        DatabricksUnreachable: The workspace did not answer for too long.

    Examples:
        >>> from datetime import date
        >>> from databricks_flows import wait_for_partition
        >>> from prefect import flow
        >>> @flow
        ... def when_the_day_is_there(day: date) -> None:
        ...     wait_for_partition("elt.plants", {"day": day})
    """
    query, parameters = partition_query(table, partition)
    return await _wait_for_query(
        query,
        parameters,
        seconds_between=seconds_between,
        timeout_seconds=timeout_seconds,
        warehouse=warehouse,
        catalog=catalog,
        schema=schema,
    )


wait_for_query: SyncCallableTask[Any, Any] = SyncCallableTask(
    _wait_for_query, name="wait-for-query", cache_policy=NO_CACHE
)
wait_for_partition: SyncCallableTask[Any, Any] = SyncCallableTask(
    _wait_for_partition,
    name="wait-for-partition",
    task_run_name="wait for {table}",
    cache_policy=NO_CACHE,
)
