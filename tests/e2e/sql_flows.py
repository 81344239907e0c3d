"""Flows that run SQL, for processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from databricks_blocks.sql.statement import Statement
from databricks_flows.tasks.sql import databricks_sql
from prefect import flow

_body = Statement.body


def polled_body(statement: Statement, tags: Mapping[str, str]) -> dict[str, Any]:
    """The request of a statement whose end is told by polling only, however soon it comes."""
    return {**_body(statement, tags), "wait_timeout": "0s"}


@flow
async def polls_sql(statements: list[str]) -> None:
    """Run statements, each of which is polled."""
    Statement.body = polled_body  # type: ignore[method-assign]
    await databricks_sql(statements)


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


@flow(timeout_seconds=30)
async def has_too_little_time(statements: list[str]) -> None:
    """Run statements in a flow that has a time-out."""
    await databricks_sql(statements)
