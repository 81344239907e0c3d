"""Statements in the server: what is written before they begin, and how long they may take."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from databricks_local.access.task_tokens import TaskTokens
from databricks_local.api.errors import ApiError
from databricks_local.runtime.sail.statements import is_zone
from databricks_local.runtime.warehouse.orders import Outcome, StatementOrder
from databricks_local.sql.requests import StatementRequest
from databricks_local.sql.sessions import SqlSessions
from databricks_local.sql.statement_records import StatementState
from databricks_local.sql.statements import KIND, SqlStatements
from databricks_local.sql.warehouses import Warehouses
from databricks_local.storage.database import Database, NotWrittenError

REQUEST = StatementRequest("INSERT INTO t VALUES (1)", "w")


class FullDisk:
    """A database that can be made to refuse."""

    def __init__(self) -> None:
        self.full = False
        self.put_ids: list[str] = []
        self.deleted: list[str] = []

    def load(self, kind: str) -> list[Any]:
        return []

    def put(self, kind: str, name: str, make: Callable[[], Any]) -> None:
        assert kind == KIND
        self.put_ids.append(name)

    def delete(self, kind: str, name: str) -> None:
        self.deleted.append(name)

    async def flush(self) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise NotWrittenError("the database cannot be written: disk full")

    async def settle(self) -> None:
        with contextlib.suppress(NotWrittenError):
            await self.flush()


class Running:
    """A warehouse on which statements take until they are cancelled, or end at once."""

    def __init__(self) -> None:
        self.executed: list[str] = []
        self.endless = False
        self.cancelled = asyncio.Event()
        self.before_the_end: Callable[[], None] = lambda: None

    async def execute(self, order: StatementOrder, on_begin: Callable[[], None]) -> Outcome:
        self.executed.append(order.statement)
        on_begin()
        if self.endless:
            await self.cancelled.wait()
            return Outcome("CANCELED")
        self.before_the_end()
        return Outcome("SUCCEEDED")

    def executes(self, statement_id: str) -> bool:
        return True

    def cancel(self, statement_id: str) -> None:
        self.cancelled.set()


class OneWarehouse:
    """The warehouses of a workspace: one, which runs."""

    def __init__(self, running: Running, timeout_seconds: float) -> None:
        self._running = running
        self._timeout = timeout_seconds
        self.started = 0

    def usable(self, _: str) -> None:
        """It is."""

    def start(self, _: str) -> None:
        self.started += 1

    def get(self, _: str) -> Any:
        return SimpleNamespace(timeout_seconds=self._timeout)

    def running(self, _: str) -> Running:
        return self._running

    @contextlib.asynccontextmanager
    async def in_use(self, _: str) -> AsyncIterator[Running]:
        yield self._running


Scenario = Callable[[SqlStatements, FullDisk, Running], Awaitable[None]]


def play(tmp_path: Path, scenario: Scenario, timeout_seconds: float = 0) -> None:
    async def run() -> None:
        database, running = FullDisk(), Running()
        warehouses = cast(Warehouses, OneWarehouse(running, timeout_seconds))
        statements = SqlStatements(
            warehouses,
            SqlSessions(warehouses),
            cast(Database, database),
            tmp_path / "results",
            lambda: 0,
            "me",
        )
        await scenario(statements, database, running)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_what_cannot_be_kept_is_not_executed(tmp_path: Path) -> None:
    async def scenario(statements: SqlStatements, database: FullDisk, running: Running) -> None:
        database.full = True
        with pytest.raises(NotWrittenError):
            await statements.execute(REQUEST)
        assert running.executed == []
        assert list(statements.history()) == []
        # What waits for the disk is taken back.
        assert database.deleted == database.put_ids
        database.full = False
        record = await statements.execute(REQUEST)
        assert (record.state, len(running.executed)) == (StatementState.SUCCEEDED, 1)

    play(tmp_path, scenario)


def test_what_was_executed_is_answered_although_the_disk_is_full_by_now(tmp_path: Path) -> None:
    async def scenario(statements: SqlStatements, database: FullDisk, running: Running) -> None:
        def fill() -> None:
            database.full = True

        running.before_the_end = fill
        record = await statements.execute(REQUEST)
        assert record.state is StatementState.SUCCEEDED

    play(tmp_path, scenario)


def test_the_time_of_a_statement_is_over(tmp_path: Path) -> None:
    async def scenario(statements: SqlStatements, database: FullDisk, running: Running) -> None:
        running.endless = True
        record = await statements.execute(REQUEST)
        assert record.state is StatementState.FAILED
        assert record.outcome.error_code == "DEADLINE_EXCEEDED"
        assert "STATEMENT_TIMEOUT" in record.outcome.message

    play(tmp_path, scenario, timeout_seconds=0.01)


def test_a_cancel_by_a_client_is_no_timeout(tmp_path: Path) -> None:
    async def scenario(statements: SqlStatements, database: FullDisk, running: Running) -> None:
        running.endless = True
        record = await statements.begin(REQUEST)
        asyncio.get_running_loop().call_later(0.01, statements.cancel, record.statement_id)
        await statements.ended(record)
        assert record.state is StatementState.CANCELED

    play(tmp_path, scenario, timeout_seconds=60)


def sessions() -> tuple[SqlSessions, OneWarehouse]:
    warehouses = OneWarehouse(cast(Running, None), 0)
    return SqlSessions(cast(Warehouses, warehouses)), warehouses


@pytest.mark.parametrize(
    ("confs", "words"),
    [
        ({"TIMEZONE": "Nowhere/X"}, "TIMEZONE Nowhere/X is not known"),
        ({"timezone": "../../etc/passwd"}, "is not known"),
        ({"STATEMENT_TIMEOUT": "-1"}, "statement_timeout must be"),
        ({"STATEMENT_TIMEOUT": "soon"}, "statement_timeout"),
    ],
)
def test_settings_of_sessions_that_are_refused(confs: dict[str, str], words: str) -> None:
    made, warehouses = sessions()
    with pytest.raises(ApiError, match=words):
        made.create({"warehouse_id": "w", "session_confs": confs})
    assert warehouses.started == 0


def test_the_timeout_of_a_session() -> None:
    made, _ = sessions()
    session_id = made.create({"warehouse_id": "w", "session_confs": {"STATEMENT_TIMEOUT": "7"}})
    assert made.of(StatementRequest("SELECT 1", "w", session_id)).timeout_seconds == 7


def test_the_sessions_of_a_task_end_with_it(tmp_path: Path) -> None:
    async def run() -> None:
        made, warehouses = sessions()
        closed: list[str] = []

        async def close_session(session_id: str) -> None:
            closed.append(session_id)

        running = SimpleNamespace(close_session=close_session)
        warehouses.running = lambda _: running  # type: ignore[assignment, method-assign]
        tokens = TaskTokens()
        tokens.on_revoke = made.end_those_with
        with tokens.issued() as token:
            of_task = made.create({"warehouse_id": "w"}, token)
            made.create({"warehouse_id": "w"}, "of a person")
            made.create({"warehouse_id": "w"})
        await asyncio.sleep(0.01)
        assert closed == [of_task]
        assert made.count("w") == 2

    asyncio.run(run())


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "+01:00", "-11:30"])
def test_time_zones(zone: str) -> None:
    assert is_zone(zone)
