"""The life of one statement: executed once, found again, watched, and never left behind."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.errors import DatabricksJobError, DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.sql.statement import (
    CALL_TAG,
    ENDED,
    QueryRecord,
    StatementSnapshot,
    tag_of,
    what_to_do,
)
from databricks_blocks.sql.statement_call import StatementCall
from databricks_blocks.sql.statements_api import (
    NotExecuted,
    cancel_statement,
    execute_once,
    get_statement,
    result_chunk,
    tagged_statements,
)
from databricks_blocks.workspace.polling import DEFAULT_POLLING, PollingPolicy, watch
from databricks_blocks.workspace.thread_calls import ThreadCalls

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_LOGGER = logging.getLogger(__name__)

SECONDS_TO_SETTLE = 8.0
"""A request that is under way is waited for this long. Prefect kills a cancelled process after 30 s."""
SECONDS_TO_CANCEL = 20.0
"""The end of a statement that is cancelled is waited for this long."""
_PAUSES_BEFORE_LOOKS = (0.0, 1.0, 2.0, 5.0, 10.0, 12.0)
"""Seconds. The history may show a statement late; how late is not documented."""
_FURTHER_PAUSES = (30.0,) * 9
"""Seconds more, for a statement that does more when it is executed twice: waiting costs less."""
_LATER_LOOKS = 4


OnChange = Callable[[StatementSnapshot], Awaitable[None]]


async def _ignore(_found: StatementSnapshot) -> None:
    pass


class StatementLife:
    """Takes a statement from its request to its end.

    Attributes:
        found: The statement of an earlier attempt that is attached to, or used.
        earlier: The statements of all earlier attempts.
        statement_id: Id of the statement; `None` before it is executed.
    """

    def __init__(
        self,
        client: WorkspaceClient,
        call: StatementCall,
        *,
        on_change: OnChange = _ignore,
        polling: PollingPolicy = DEFAULT_POLLING,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up; nothing is sent yet.

        Args:
            client: SDK client of the workspace.
            call: What is executed.
            on_change: Awaited with every state of the statement.
            polling: When to look, and how long to put up with no answer.
            clock: Seconds that only grow.
            sleep: Waits for a number of seconds.
        """
        self.found: QueryRecord | None = None
        self.earlier: list[QueryRecord] = []
        self._client = client
        self._call = call
        self._on_change = on_change
        self._polling = polling
        self._clock = clock
        self._sleep = sleep
        self._calls = ThreadCalls(polling, clock, sleep)
        self.statement_id: str | None = None
        self._number = 0
        self._seen: list[QueryRecord] = []
        self._posted = self._sent_again = False
        # Whether something may be going on that nobody has seen yet.
        self._unseen = call.may_be_there

    async def to_the_end(self) -> StatementSnapshot:
        """Execute the statement, or find the one of an earlier attempt, and wait until it has ended.

        Returns:
            How it ended, well or not.

        Raises:
            DatabricksRunRefused: The workspace does not accept it.
            DatabricksUnreachable: The workspace did not answer for too long.
        """
        found = await self._of_an_earlier_attempt() if self._call.may_be_there else None
        if found is None:
            found = await self._execute()
        self.statement_id = found.statement_id
        if found.is_over:
            await self._on_change(found)
        else:
            found = await self._watched(found.statement_id)
        if self._sent_again:
            await self._end_the_other(found)
        return found

    async def cancel(self) -> StatementSnapshot | None:
        """End what was executed, and wait a while for its end: only that tells that it has ended.

        Returns:
            How it ended; `None` if nothing was executed.

        Raises:
            DatabricksJobError: The workspace refuses, or cannot be reached, or does not show yet whether the
                statement was executed.
            TimeoutError: It takes longer to end than is waited for.
        """
        # A request that is under way may still execute it.
        await self._calls.settle(SECONDS_TO_SETTLE)
        async with asyncio.timeout(SECONDS_TO_CANCEL):
            if self.statement_id is None and self._unseen:
                await self._find_unseen()
            if self.statement_id is None:
                return None
            ended = await self._cancelled(self.statement_id)
            if self._sent_again:
                await self._end_the_other(ended)
            return ended

    async def _cancelled(self, statement_id: str) -> StatementSnapshot:
        try:
            await self._calls.outlive(partial(cancel_statement, self._client, statement_id))
        except DatabricksRunRefused:
            found = await self._calls.outlive(partial(get_statement, self._client, statement_id))
            if not found.is_over:
                raise
            return found
        return await self._watched(statement_id)

    async def _find_unseen(self) -> None:
        """Find what the history did not show yet."""
        record = await self._look(_PAUSES_BEFORE_LOOKS[:3])
        if record is not None:
            self._found(record)
        elif self._posted:
            raise DatabricksUnreachable(
                f"the query history of warehouse {self._call.statement.warehouse_id} shows no statement with "
                f"the tag {CALL_TAG} = {tag_of(self._call.token, self._number)} yet: look for it there"
            )

    async def _watched(self, statement_id: str) -> StatementSnapshot:
        return await watch(
            partial(get_statement, self._client, statement_id),
            policy=self._polling,
            on_change=self._on_change,
            is_over=lambda found: found.is_over,
            clock=self._clock,
            sleep=self._sleep,
        )

    async def _of_an_earlier_attempt(self) -> StatementSnapshot | None:
        """The statement of an earlier attempt, if it is attached to or used."""
        later = self._call.seconds_to_look / _LATER_LOOKS
        record = await self._look((0.0, *[later] * _LATER_LOOKS) if later > 0 else (0.0,))
        if record is None:
            self._unseen = False
            return None
        self._found(record)
        self._number = record.number + 1
        self.earlier = self._seen
        found = await self._calls.outlive(partial(self._get, record))
        decision = what_to_do(found, self._call.statement)
        if decision == "run again" or (decision == "use" and not await self._has_its_rows(found)):
            self.statement_id = None
            return None
        self.found = record
        return found

    def _found(self, record: QueryRecord) -> None:
        """Know the statement before it is read: a cancel may come meanwhile."""
        if record.status not in ("FAILED", "CANCELED"):
            self.statement_id = record.statement_id
        self._unseen = False

    async def _has_its_rows(self, found: StatementSnapshot) -> bool:
        """Whether a query that was done can be used: its rows are kept for less time than its state."""
        if not (self._call.statement.only_reads and found.manifest.get("total_row_count")):
            return True
        try:
            await self._calls.outlive(partial(result_chunk, self._client, found.statement_id, 0))
        except DatabricksRunRefused:
            return False
        return True

    def _get(self, record: QueryRecord) -> StatementSnapshot:
        """Read a statement; of one that is gone, the history still says how it ended."""
        try:
            return get_statement(self._client, record.statement_id)
        except DatabricksRunRefused:
            return record.as_snapshot()

    async def _execute(self) -> StatementSnapshot:
        """Execute the statement. After a lost answer it is looked for, and sent again if it is not there."""
        since = self._clock()
        pauses: tuple[float, ...] = _PAUSES_BEFORE_LOOKS
        if not self._call.statement.is_repeatable:
            pauses += _FURTHER_PAUSES
        while True:
            try:
                return await self._calls.once(self._send)
            except NotExecuted as refused:
                waited = self._clock() - since
                if self._polling.gives_up(waited):
                    raise
                await self._sleep(max(self._polling.pause(waited), refused.retry_after))
            except DatabricksUnreachable as lost:
                record = await self._look(pauses)
                if record is not None and record.number == self._number:
                    self.statement_id = record.statement_id
                    return await self._calls.outlive(partial(self._get, record))
                if self._polling.gives_up(self._clock() - since):
                    raise
                self._sent_again = True
                _LOGGER.warning(
                    "The query history does not show the SQL statement: it is sent again, after %s", lost
                )

    def _send(self) -> StatementSnapshot:
        tag = tag_of(self._call.token, self._number)
        body = self._call.statement.body({CALL_TAG: tag, **self._call.tags})
        unseen, posted = self._unseen, self._posted
        self._unseen = self._posted = True
        try:
            found = execute_once(self._client, body)
        except (NotExecuted, DatabricksRunRefused):
            # That tells about this request only, not about one before it.
            self._unseen, self._posted = unseen, posted
            raise
        # In the thread: a cancel that comes meanwhile then knows the statement.
        self.statement_id = found.statement_id
        self._unseen = False
        return found

    async def _end_the_other(self, ended: StatementSnapshot) -> None:
        """Look whether the request whose answer was lost has executed the statement after all."""
        try:
            await self._look((0.0,))
            for record in self._seen:
                if record.number == self._number and record.statement_id != ended.statement_id:
                    goes_on = record.status not in ENDED
                    if goes_on:
                        await self._calls.outlive(
                            partial(cancel_statement, self._client, record.statement_id)
                        )
                    _LOGGER.warning(
                        "The SQL statement was executed twice, since the history showed it too late: "
                        "as %s, and as %s, which %s. Look what it did",
                        ended.statement_id,
                        record.statement_id,
                        "is cancelled now" if goes_on else f"has ended {record.status}",
                    )
        except DatabricksJobError as error:
            _LOGGER.warning("Whether the SQL statement was executed twice is not known: %s", error)

    async def _look(self, pauses: tuple[float, ...]) -> QueryRecord | None:
        """Find the latest statement of the call in the query history."""

        def find() -> QueryRecord | None:
            warehouse_id = self._call.statement.warehouse_id
            found = tagged_statements(self._client, warehouse_id, self._call.since, self._call.token)
            self._seen = list(found)
            return max(self._seen, key=lambda record: record.number, default=None)

        for pause in pauses:
            await self._sleep(pause)
            record = await self._calls.outlive(find)
            if record is not None and record.number >= self._number:
                return record
        return None
