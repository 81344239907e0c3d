"""The statements of a workspace: executed on warehouses, kept over restarts, gone after their time."""

import asyncio
import itertools
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError
from databricks_local.execution.warehouses.warehouse import Warehouse, WarehouseLostError
from databricks_local.runtime.warehouse.orders import Outcome, SessionOrder, StatementOrder
from databricks_local.sql.requests import CANCEL, INLINE, StatementRequest
from databricks_local.sql.results import MAX_EXTERNAL_BYTES, MAX_INLINE_BYTES, chunk_bytes_of
from databricks_local.sql.sessions import SqlSession, SqlSessions
from databricks_local.sql.statement_records import (
    STOPPED,
    StatementRecord,
    StatementState,
    lost,
    new_statement_id,
    statement_missing,
    timed_out,
)
from databricks_local.sql.tags import with_session_tags
from databricks_local.sql.warehouses import Warehouses, WarehouseUnavailableError
from databricks_local.storage.database import Database, NotWrittenError

KIND = "statement"

_LOG = logging.getLogger("databricks_local")


class SqlStatements:
    """The statements. Used from the event loop only."""

    def __init__(
        self,
        warehouses: Warehouses,
        sessions: SqlSessions,
        database: Database,
        directory: Path,
        clock: Callable[[], int],
        user: str,
    ) -> None:
        """Load them. Those that were active fail.

        Args:
            warehouses: What executes them.
            sessions: The sessions of clients.
            database: Where they are kept.
            directory: Where their results are kept.
            clock: Milliseconds since 1970.
            user: The one user.
        """
        self._warehouses = warehouses
        self._sessions = sessions
        self._database = database
        self._directory = directory
        self._clock = clock
        self._user = user
        self._work: dict[str, asyncio.Task[None]] = {}
        self._records: dict[str, StatementRecord] = {}
        self._with_result: set[str] = set()
        self._closing = False
        self._numbers = itertools.count(1)
        self._load()

    def _load(self) -> None:
        for name, document in self._database.load(KIND):
            record = StatementRecord.from_document(name, document, self._clock())
            record.number = next(self._numbers)
            self._records[name] = record
            if record.outcome.chunks and record.state_at(self._clock()) is StatementState.SUCCEEDED:
                self._with_result.add(name)
            if document.get("state") != record.state:
                self._keep(record)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for place in self._directory.iterdir():
            if place.name not in self._with_result:
                shutil.rmtree(place, ignore_errors=True)

    async def execute(self, request: StatementRequest) -> StatementRecord:
        """Execute a statement, and wait for its end for as long as the request says.

        Raises:
            ApiError: If there is no such warehouse or session.
            NotWrittenError: If it cannot be kept; it is not executed then.
        """
        record = await self.begin(request)
        work = self._work.get(record.statement_id)
        if request.wait_seconds and work is not None:
            await asyncio.wait({work}, timeout=request.wait_seconds)
            if record.active and request.on_wait_timeout == CANCEL:
                self.cancel(record.statement_id)
                await asyncio.wait({work})
        # It may have been done: an error would make the client send it again.
        await self._database.settle()
        return record

    async def begin(self, request: StatementRequest, source: Json | None = None) -> StatementRecord:
        """Begin to execute a statement, once it is known on disk.

        Args:
            request: The statement.
            source: What of a job it is part of.

        Raises:
            ApiError: If there is no such warehouse or session.
            NotWrittenError: If it cannot be kept; it is not executed then.
        """
        self._warehouses.usable(request.warehouse_id)
        session = self._sessions.of(request)
        request = replace(request, tags=with_session_tags(request.tags, session.tags))
        record = StatementRecord(new_statement_id(), request, self._user, self._clock(), source=source or {})
        record.number = next(self._numbers)
        self._keep(record)
        try:
            await self._database.flush()
        except NotWrittenError:
            self._database.delete(KIND, record.statement_id)
            raise
        self._records[record.statement_id] = record
        work = asyncio.create_task(self._execute(record, session), name=f"statement-{record.statement_id}")
        self._work[record.statement_id] = work
        work.add_done_callback(lambda done: self._ended(record, done))
        return record

    async def ended(self, record: StatementRecord) -> None:
        """Wait for the end of a statement."""
        work = self._work.get(record.statement_id)
        if work is not None:
            await asyncio.wait({work})

    def get(self, statement_id: str) -> StatementRecord:
        """The statement of this id.

        Raises:
            ApiError: If there is none, or it ended too long ago.
        """
        record = self._records.get(statement_id)
        if record is None or record.is_gone(self._clock()):
            raise statement_missing(statement_id)
        return record

    def cancel(self, statement_id: str) -> None:
        """Cancel a statement, if it is active. It ends a moment later."""
        record = self.get(statement_id)
        work = self._work.get(statement_id)
        if not record.active or work is None:
            return
        warehouse = self._warehouses.running(record.request.warehouse_id)
        if warehouse is not None and warehouse.executes(statement_id):
            warehouse.cancel(statement_id)
        else:
            work.cancel()

    def close(self, statement_id: str) -> None:
        """Give a result back; an active statement is cancelled."""
        record = self.get(statement_id)
        self.cancel(statement_id)
        if record.state is StatementState.SUCCEEDED:
            record.state = StatementState.CLOSED
            self._forget_result(record)
            self._keep(record)

    def history(self) -> Iterator[StatementRecord]:
        """All statements that are not forgotten yet, the newest first."""
        now = self._clock()
        return (record for record in reversed(self._records.values()) if not record.is_forgotten(now))

    def file_of(self, record: StatementRecord, index: int) -> Path:
        """The file of a chunk of a result.

        Raises:
            ApiError: If there is no such chunk, or the result is gone.
        """
        if record.state_at(self._clock()) is not StatementState.SUCCEEDED:
            raise ApiError(404, "NOT_FOUND", f"The statement {record.statement_id} has no result.")
        if not 0 <= index < len(record.outcome.chunks):
            raise ApiError(
                404, "NOT_FOUND", f"The result of statement {record.statement_id} has no chunk {index}."
            )
        return self._directory / record.statement_id / str(index)

    def forget_old(self) -> None:
        """Remove what is kept no longer: results after an hour, statements after a month."""
        now = self._clock()
        for statement_id in list(self._with_result):
            record = self._records[statement_id]
            if record.state_at(now) is StatementState.CLOSED:
                self._forget_result(record)
        for statement_id, record in list(self._records.items()):
            if record.is_forgotten(now):
                del self._records[statement_id]
                self._database.delete(KIND, statement_id)

    async def end_all(self) -> None:
        """End all statements that are active, as the server ends."""
        self._closing = True
        for work in list(self._work.values()):
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    async def _execute(self, record: StatementRecord, session: SqlSession) -> None:
        request = record.request
        try:
            async with self._warehouses.in_use(request.warehouse_id) as warehouse:
                outcome = await self._on(warehouse, record, session)
        except WarehouseUnavailableError as error:
            outcome = lost(str(error))
        except WarehouseLostError:
            outcome = lost(f"SQL warehouse {request.warehouse_id} ended while it executed the statement.")
        record.end(outcome, self._clock())

    async def _on(self, warehouse: Warehouse, record: StatementRecord, session: SqlSession) -> Outcome:
        seconds = session.timeout_seconds
        if seconds is None:
            seconds = self._warehouses.get(record.request.warehouse_id).timeout_seconds
        is_over = False

        def stop() -> None:
            nonlocal is_over
            is_over = True
            if warehouse.executes(record.statement_id):
                warehouse.cancel(record.statement_id)

        timer: asyncio.TimerHandle | None = None

        def begin() -> None:
            nonlocal timer
            record.begin(self._clock())
            self._keep(record)
            if seconds:
                timer = asyncio.get_running_loop().call_later(seconds, stop)

        try:
            outcome = await warehouse.execute(self._order(record, session.order), begin)
        finally:
            if timer is not None:
                timer.cancel()
        return timed_out(seconds) if is_over and outcome.state == StatementState.CANCELED else outcome

    def _order(self, record: StatementRecord, session: SessionOrder) -> StatementOrder:
        request = record.request
        inline = request.disposition == INLINE
        return StatementOrder(
            record.statement_id,
            request.statement,
            request.parameters,
            session,
            request.format,
            str(self._directory / record.statement_id),
            chunk_bytes_of(request.disposition),
            request.row_limit or None,
            request.byte_limit or (None if inline else MAX_EXTERNAL_BYTES),
            MAX_INLINE_BYTES if inline else None,
        )

    def _ended(self, record: StatementRecord, work: "asyncio.Task[None]") -> None:
        del self._work[record.statement_id]
        if record.active:
            # Cancelled before it was executed, or an error in the workspace.
            error = None if work.cancelled() else work.exception()
            if error is not None:
                _LOG.error("statement %s: error in the workspace", record.statement_id, exc_info=error)
                outcome = lost(f"{type(error).__name__} in the local workspace; see its log.")
            elif self._closing:
                outcome = lost(STOPPED)
            else:
                outcome = Outcome("CANCELED")
            record.end(outcome, self._clock())
        if record.state is StatementState.SUCCEEDED and record.outcome.chunks:
            self._with_result.add(record.statement_id)
        else:
            self._remove_files(record)
        self._keep(record)

    def _forget_result(self, record: StatementRecord) -> None:
        self._with_result.discard(record.statement_id)
        self._remove_files(record)

    def _remove_files(self, record: StatementRecord) -> None:
        directory = self._directory / record.statement_id
        with suppress(RuntimeError):
            asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, directory, True)

    def _keep(self, record: StatementRecord) -> None:
        self._database.put(KIND, record.statement_id, record.as_document)
