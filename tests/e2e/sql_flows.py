"""Flows that run SQL, for processes of their own."""

from __future__ import annotations

import asyncio

from databricks_flows.tasks.sql import databricks_sql
from prefect import flow


@flow
async def runs_sql(statements: list[str], at_once: bool = False) -> None:
    """Run statements, one after the other, or each in a task of its own at once."""
    if at_once:
        await asyncio.gather(*(databricks_sql(statement) for statement in statements))
    else:
        await databricks_sql(statements)


@flow
def maps_sql(statements: list[str]) -> None:
    """Run statements in mapped tasks of threads."""
    databricks_sql.map(statements).result()


@flow(timeout_seconds=60)
async def has_too_little_time(statements: list[str]) -> None:
    """Run statements in a flow that has a time-out."""
    await databricks_sql(statements)
