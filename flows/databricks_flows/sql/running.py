"""Runs SQL statements in a flow: never twice, shown, and ended with the flow run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from databricks_blocks.errors import DatabricksJobError, DatabricksRunRefused
from databricks_blocks.private_prefect import contexts_around
from databricks_blocks.run.launchers import fingerprint, idempotency_token
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.sql.life import StatementLife
from databricks_blocks.sql.outcome import AfterCancel, cancelled, result_of, timed_out
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.statement import Statement, StatementSnapshot, period_of
from databricks_blocks.sql.statement_call import SECONDS_OF_SKEW, StatementCall
from databricks_blocks.sql.warehouses import bring_to
from databricks_blocks.workspace.polling import DEFAULT_POLLING, outlive
from prefect import get_run_logger
from prefect.context import FlowRunContext, TaskRunContext

from databricks_flows.ending.endings import Ending
from databricks_flows.ending.interruption import noticing_termination
from databricks_flows.ending.origin import Origin
from databricks_flows.job.call_claims import claim_occurrence
from databricks_flows.job.call_identity import CallIdentity, current_call_identity
from databricks_flows.shared.uninterrupted import uninterrupted
from databricks_flows.sql.notes import FLOW_RUN_TAG, note_warehouse
from databricks_flows.sql.report import StatementReport, WarehouseReport
from databricks_flows.sql.request import SqlRequest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_LONGEST_TAG = 128
_SECONDS_UNTIL_SHOWN = 10.0
"""The query history may show a statement late; how late is not documented."""


async def run_sql(request: SqlRequest) -> list[SqlResult]:
    """Run statements one after the other, in a task or flow of Prefect.

    A retry of the task, of the flow, or after a killed process finds the statements of the attempt before:
    those that are going on are attached to, those that were done are used, the others are run.

    Args:
        request: What is asked for.

    Returns:
        The result of each statement.

    Raises:
        StatementError: A statement did not succeed; those after it were not executed.
        WarehouseUnavailable: The warehouse does not start.
        DatabricksRunRefused: The workspace does not accept a request.
        DatabricksUnreachable: The workspace did not answer for too long.
        CancelledInPrefect: The flow run was cancelled; the statement as well.
    """
    with telling_the_story():
        return await _SqlRun(request).to_the_end()


class _SqlRun:
    """One call that runs statements."""

    def __init__(self, request: SqlRequest) -> None:
        self._request = request
        self._results: list[SqlResult] = []
        self._now: _One | None = None
        self._host = ""

    async def to_the_end(self) -> list[SqlResult]:
        call = await current_call_identity()
        origin = await Origin.of(call.flow_run_ids)
        async with noticing_termination() as termination:
            try:
                async with _ending_when_cancelled(origin):
                    return await self._in_time(call)
            except DatabricksJobError:
                raise
            except BaseException as error:
                await uninterrupted(self._interrupted(origin.ending(error, termination)))
                raise

    async def _in_time(self, call: CallIdentity) -> list[SqlResult]:
        limit = asyncio.timeout(self._request.timeout_seconds)
        try:
            async with limit:
                return await self._all(call)
        except TimeoutError as error:
            if not limit.expired():
                raise
            return await self._out_of_time(error)

    async def _out_of_time(self, error: TimeoutError) -> list[SqlResult]:
        """End what is going on. What was done just then still counts, if nothing comes after it."""
        now, seconds = self._now, self._request.timeout_seconds or 0
        if now is None:
            raise timed_out(self._host, None, seconds, AfterCancel(None)) from error
        became = await uninterrupted(_cancel(now.life))
        last = now.number + 1 == len(self._request.statements)
        if became.came_first is None or (became.came_first.succeeded and not last):
            raise timed_out(self._host, now.life.statement_id, seconds, became) from error
        return [*self._results[: now.number], await now.result(became.came_first)]

    async def _all(self, call: CallIdentity) -> list[SqlResult]:
        block = await asyncio.to_thread(self._request.block)
        client = await asyncio.to_thread(block.workspace_client)
        self._host = client.config.host
        found = await outlive(partial(asyncio.to_thread, block.look, client))
        if call.flow_run_ids:
            await note_warehouse(call.flow_run_ids[0], found.warehouse_id, block)
        statements = self._request.of(block, found.warehouse_id)
        tokens = [await self._token(call, statement) for statement in statements]
        for number, (statement, token) in enumerate(zip(statements, tokens, strict=True)):
            statement_call = StatementCall(
                statement,
                token,
                since=int((call.since.timestamp() - SECONDS_OF_SKEW) * 1000),
                may_be_there=call.flow_run_count > 1 and not self._request.is_new,
                seconds_to_look=_seconds_to_look(),
                tags=_tags(),
            )
            # Before the warehouse starts: a cancel meanwhile has to reach what an earlier attempt has sent.
            self._now = _One(client, statement_call, number, len(statements))
            if number == 0 and found.state != "RUNNING":
                await _start(client, found.warehouse_id)
            self._results.append(await self._now.to_the_end())
        return self._results

    async def _token(self, call: CallIdentity, statement: Statement) -> str:
        """Name one statement, by what it is: a retry may have corrected the others of its list."""
        if self._request.is_new:
            return uuid4().hex
        asked = [statement.identity, self._host, self._request.key]
        identity = fingerprint([*asked, call.names, call.in_one_process])
        return idempotency_token(call.root_id, identity, await claim_occurrence(call, identity, "SQL"))

    async def _interrupted(self, ending: Awaitable[Ending]) -> None:
        """Cancel the statement that is going on, unless the flow run crashed: a retry finds it then."""
        crashed = await ending is Ending.CRASHED
        if self._now is None:
            return
        if crashed:
            get_run_logger().warning("The SQL statement goes on: a retry of this flow run will find it")
        else:
            await _cancel(self._now.life)


class _One:
    """One statement of a call."""

    def __init__(self, client: WorkspaceClient, call: StatementCall, number: int, of: int) -> None:
        self.number = number
        self._client = client
        self._statement = call.statement
        self._report = StatementReport(client.config.host, call.statement.text, number, of)
        self.life = StatementLife(client, call, on_change=self._report.changed)

    async def to_the_end(self) -> SqlResult:
        return await self.result(await self.life.to_the_end())

    async def result(self, ended: StatementSnapshot) -> SqlResult:
        """Its result, which is told."""
        result = await asyncio.to_thread(result_of, self._client, ended, self._statement)
        is_known = {result.statement_id} if result.has_rows else set()
        others = [record for record in self.life.earlier if record.statement_id not in is_known]
        result = replace(result, executed_before=period_of(others))
        self._report.ended(result, used=self.life.found is not None)
        return result


async def _cancel(life: StatementLife) -> AfterCancel:
    logger = get_run_logger()
    logger.warning("Cancelling the SQL statement")
    became = await cancelled(life)
    if became.unknown:
        logger.warning("The SQL statement may still be going on: %s", became.unknown)
    elif became.ended is None:
        logger.info("No SQL statement was going on")
    else:
        logger.info("SQL statement %s ended %s", became.ended.statement_id, became.ended.state)
    return became


def _ending_when_cancelled(origin: Origin) -> AbstractAsyncContextManager[None]:
    if not origin.flow_run_ids:
        return nullcontext()
    return origin.ending_when_cancelled(DEFAULT_POLLING.max_unreachable)


async def _start(client: WorkspaceClient, warehouse_id: str) -> None:
    """Start the warehouse, and show how long that takes."""
    report = WarehouseReport()
    try:
        await bring_to("RUNNING", client, warehouse_id, on_change=report.changed)
    except DatabricksRunRefused as refused:
        # Who may only use a warehouse starts it by a statement.
        get_run_logger().info("The SQL warehouse starts with the statement: %s", refused)


def _seconds_to_look() -> float:
    """For how long the history may not show yet what the attempt before has executed."""
    flows = list(contexts_around(FlowRunContext))
    tasks = list(contexts_around(TaskRunContext))
    began = [context.start_time for context in flows[-1:]]
    began += [context.start_time for context in tasks if context.task_run.run_count > 1]
    age = (datetime.now(UTC) - max(began)).total_seconds() if began else 0.0
    return max(0.0, _SECONDS_UNTIL_SHOWN - age)


def _tags() -> Mapping[str, str]:
    """What tells people in the query history where a statement comes from."""
    for context in contexts_around(FlowRunContext):
        if context.flow_run is not None and context.flow is not None:
            return {"prefect_flow": context.flow.name[:_LONGEST_TAG], FLOW_RUN_TAG: str(context.flow_run.id)}
    return {}
