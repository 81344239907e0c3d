"""How many rows a `COPY INTO` has added, also where its own result does not tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.texts.copy_into import loads_query
from prefect import get_run_logger

from databricks_flows.sql.request import SqlRequest
from databricks_flows.sql.running import run_sql

ROWS = "num_affected_rows"


async def loaded_rows(table: str, result: SqlResult, request: SqlRequest) -> int | None:
    """How many rows a call has added by a statement, those of its earlier attempts included.

    An earlier attempt may have loaded the files, and its result is not kept any more, or its answer was an
    error that did not tell. The history of the table says what was loaded meanwhile.

    Args:
        table: The table, as a person writes it.
        result: The result of the statement.
        request: What was asked for.

    Returns:
        The number; `None` if it is not known.
    """
    counted = result.affected.get(ROWS)
    if result.executed_before is None:
        return counted
    began, ended = result.executed_before
    history = replace(
        request,
        statements=[loads_query(table)],
        parameters={"began": began, "ended": ended},
        # A retry needs a new answer.
        is_new=True,
    )
    try:
        [found] = await run_sql(history)
        commits = await asyncio.to_thread(found.rows)
    except DatabricksJobError as error:
        get_run_logger().warning("How many rows were loaded into %s is not known: %s", table, error)
        return None
    return added(counted, [commit["added"] for commit in commits])


def added(counted: int | None, commits: Sequence[int | None]) -> int | None:
    """How many rows a call has added.

    Args:
        counted: What its last statement counted; `None`: its result is not kept.
        commits: The rows of each load into the table while earlier attempts executed the statement.

    Returns:
        The number; `None` if nobody can tell, since there is no load where one was, or more than one.

    Examples:
        >>> added(None, [960]), added(0, [960]), added(960, []), added(None, []), added(0, [960, 1])
        (960, 960, 960, None, None)
    """
    if len(commits) > 1 or None in commits or (counted is None and not commits):
        return None
    return (counted or 0) + sum(rows for rows in commits if rows is not None)
