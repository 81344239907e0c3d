"""A call of SQL from its identity to its end: executed once, found again, cancelled unless it crashed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from databricks_blocks import DatabricksWorkspace, SqlWarehouse, StatementFailed, StatementTimedOut
from databricks_flows.ending.endings import Ending
from databricks_flows.job.call_claims import CallCounter
from databricks_flows.job.call_identity import CallIdentity
from databricks_flows.sql import report, running
from databricks_flows.sql.request import SqlRequest

from ...databricks_blocks.sql.fake_sql import FakeSql

ROOT = UUID(int=1)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Place:
    """Where calls are made, without a Prefect server.

    Attributes:
        attempt: Which attempt of the flow it is.
        ending: How the flow run ends when it is interrupted.
    """

    flow_run_ids: Sequence[UUID] = ()

    def __init__(self) -> None:
        self.attempt = 1
        self.end = Ending.CANCELLED
        self.counter = CallCounter()
        self.counted = 0

    async def identity(self) -> CallIdentity:
        return CallIdentity(ROOT, ("flow",), {ROOT: self.attempt}, (), self.attempt, True, datetime.now(UTC))

    async def claim(self, call: CallIdentity, fingerprint: str, _: str) -> int:
        self.counted += 1
        return self.counter.claim(call.root_id, fingerprint, call.attempts)

    async def ending(self, *_: Any) -> Ending:
        return self.end


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place()

    async def of(_: Any) -> Place:
        return place

    monkeypatch.setattr(running, "current_call_identity", place.identity)
    monkeypatch.setattr(running.Origin, "of", of)
    monkeypatch.setattr(running, "claim_occurrence", place.claim)
    monkeypatch.setattr(running, "_seconds_to_look", lambda: 0.0)
    for module in (running, report):
        monkeypatch.setattr(module, "get_run_logger", lambda: logging.getLogger("sql"))
    return place


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> FakeSql:
    workspace = FakeSql()
    monkeypatch.setattr("databricks_blocks.sql_warehouse.workspace_client", lambda _: workspace)
    return workspace


def request(*statements: str, **fields: Any) -> SqlRequest:
    block = SqlWarehouse(
        workspace=DatabricksWorkspace(databricks_instance="dbc.example", token="t"), warehouse_id="w"
    )
    return SqlRequest(statements, warehouse=block, **fields)


def ran(*statements: str, **fields: Any) -> list[Any]:
    return asyncio.run(running.run_sql(request(*statements, **fields)))


def tags(workspace: FakeSql) -> list[str]:
    return [
        tag["value"]
        for body in workspace.executed
        for tag in body["query_tags"]
        if tag["key"] == "databricks_flows_call"
    ]


@pytest.mark.usefixtures("place")
def test_statements_run_in_their_order_each_by_a_tag_of_its_own(workspace: FakeSql) -> None:
    results = ran("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
    assert [body["statement"][-2] for body in workspace.executed] == ["1", "2"]
    assert [result.statement_id for result in results] == ["s1", "s2"]
    assert len(set(tags(workspace))) == 2
    assert all(tag.startswith(ROOT.hex) for tag in tags(workspace))


@pytest.mark.usefixtures("place")
def test_after_a_failure_nothing_more_is_executed(workspace: FakeSql) -> None:
    workspace.ends = "FAILED"
    with pytest.raises(StatementFailed):
        ran("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
    assert len(workspace.executed) == 1


def test_a_retry_goes_on_where_the_attempt_before_failed(workspace: FakeSql, place: Place) -> None:
    statements = ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
    ran(*statements)
    workspace.states["s2"] = "FAILED"
    place.attempt = 2
    results = ran(*statements)
    assert [result.statement_id for result in results] == ["s1", "s3"]
    assert [tag.rpartition("-")[2] for tag in tags(workspace)] == ["0", "0", "1"]


@pytest.mark.parametrize(
    ("states", "seconds"),
    [
        (["SUCCEEDED"], None),
        (["CLOSED"], (1, 1.5)),
        (["FAILED"], (1, 1.5)),
        (["FAILED", "SUCCEEDED"], (1, 1.5)),
        (["FAILED", "CLOSED"], (1, 2.5)),
    ],
)
def test_a_result_says_when_earlier_attempts_did_what_it_does_not_tell(
    workspace: FakeSql, place: Place, states: list[str], seconds: tuple[float, float] | None
) -> None:
    for place.attempt, state in enumerate(states, start=1):
        [first] = ran("INSERT INTO t VALUES (1)")
        workspace.states[first.statement_id] = state
    place.attempt += 1
    [result] = ran("INSERT INTO t VALUES (1)")
    before = result.executed_before
    assert (before and tuple(moment.timestamp() for moment in before)) == seconds


@pytest.mark.parametrize(
    ("other", "fields"),
    [("INSERT INTO t VALUES (2)", {}), ("INSERT INTO t VALUES (1)", {"key": "b"})],
    ids=["statement", "key"],
)
def test_another_call_is_not_taken_for_this_one(
    workspace: FakeSql, place: Place, other: str, fields: dict[str, Any]
) -> None:
    ran("INSERT INTO t VALUES (1)")
    place.attempt = 2
    ran(other, **fields)
    assert len(workspace.executed) == 2


def test_equal_calls_have_a_statement_each(workspace: FakeSql, place: Place) -> None:
    for place.attempt in (1, 2):
        ran("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)")
        ran("INSERT INTO t VALUES (1)")
    assert len(workspace.executed) == 3


def test_a_retry_does_not_repeat_a_write_that_may_have_been_done(workspace: FakeSql, place: Place) -> None:
    workspace.ends, workspace.error_code = "FAILED", "ABORTED"
    for place.attempt in (1, 2, 3):
        with pytest.raises(
            StatementFailed, match="not known, so no retry runs it again: look, then give another"
        ):
            ran("INSERT INTO t VALUES (1)")
    assert len(workspace.executed) == 1
    workspace.ends = "SUCCEEDED"
    ran("INSERT INTO t VALUES (1)", key="again")
    assert len(workspace.executed) == 2


def test_the_history_is_asked_since_the_flow_began(workspace: FakeSql, place: Place) -> None:
    place.attempt = 2
    ran("SELECT 1")
    [asked] = workspace.asked
    since = asked["filter_by.query_start_time_range.start_time_ms"] / 1000
    assert 800 < time.time() - since < 1000, "a quarter of an hour: clocks differ"


def test_what_is_asked_anew_is_neither_counted_nor_looked_for(workspace: FakeSql, place: Place) -> None:
    for place.attempt in (1, 2):
        ran("SELECT 1", is_new=True)
    assert len(workspace.executed) == len(set(tags(workspace))) == 2
    assert (workspace.looks, place.counted) == (0, 0)


@pytest.mark.parametrize(
    "corrected",
    [
        ["INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (2)"],
        ["CREATE SCHEMA s", "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (2)"],
    ],
)
def test_a_correction_of_one_statement_runs_only_that_again(
    workspace: FakeSql, place: Place, corrected: list[str]
) -> None:
    ran("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (wrong)")
    workspace.states["s2"] = "FAILED"
    place.attempt = 2
    ran(*corrected)
    executed = [body["statement"] for body in workspace.executed]
    assert executed.count("INSERT INTO a VALUES (1)") == 1
    assert executed[-1] == "INSERT INTO b VALUES (2)"


@pytest.mark.usefixtures("place")
def test_a_time_out_cancels_the_statement_and_names_it(workspace: FakeSql) -> None:
    workspace.ends_after = 10**9
    with pytest.raises(StatementTimedOut, match=r"longer than 0\.5 s, and was cancelled") as timed_out:
        ran("SELECT 1", timeout_seconds=0.5)
    assert workspace.cancelled == [timed_out.value.statement_id] == ["s1"]


@pytest.mark.usefixtures("place")
def test_a_statement_that_was_done_before_the_cancel_of_a_time_out_has_its_result(workspace: FakeSql) -> None:
    workspace.ends_after = 10**9
    workspace.ends_by_cancel = "SUCCEEDED"
    [result] = ran("INSERT INTO t VALUES (1)", timeout_seconds=0.5)
    assert result.statement_id == "s1"
    with pytest.raises(StatementTimedOut, match="was done just then; what comes after it was not executed"):
        ran("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)", timeout_seconds=0.5)
    assert len(workspace.executed) == 2


@pytest.mark.usefixtures("place")
def test_a_time_out_whose_cancel_is_refused_says_that_the_statement_may_go_on(workspace: FakeSql) -> None:
    workspace.ends_after = 10**9
    workspace.refuses_cancels = True
    with pytest.raises(StatementTimedOut, match=r"may still be going on: .*it cannot be cancelled"):
        ran("INSERT INTO t VALUES (1)", timeout_seconds=0.5)


def test_a_cancel_while_the_warehouse_starts_reaches_the_statement_of_the_attempt_before(
    workspace: FakeSql, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran("INSERT INTO t VALUES (1)")
    workspace.states["s1"] = "PENDING"
    place.attempt = 2
    starting = asyncio.Event()

    async def start(*_: Any, **__: Any) -> None:
        starting.set()
        await asyncio.Event().wait()

    workspace.warehouse = "STARTING"
    monkeypatch.setattr(running, "bring_to", start)

    async def interrupted() -> None:
        running_sql = asyncio.create_task(running.run_sql(request("INSERT INTO t VALUES (1)")))
        await starting.wait()
        running_sql.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running_sql

    asyncio.run(interrupted())
    assert workspace.cancelled == ["s1"]


@pytest.mark.parametrize(("end", "cancelled"), [(Ending.CANCELLED, ["s1"]), (Ending.CRASHED, [])])
def test_an_interruption_cancels_the_statement_unless_it_is_a_crash(
    workspace: FakeSql, place: Place, end: Ending, cancelled: list[str]
) -> None:
    place.end = end
    workspace.ends_after = 10**9

    async def interrupted() -> None:
        running_sql = asyncio.create_task(running.run_sql(request("SELECT 1")))
        await asyncio.to_thread(until, lambda: bool(workspace.executed))
        running_sql.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running_sql

    asyncio.run(interrupted())
    assert workspace.cancelled == cancelled


@pytest.mark.usefixtures("place")
def test_a_warehouse_that_may_not_be_started_is_left_to_the_statement(
    workspace: FakeSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databricks_blocks.errors import DatabricksRunRefused

    async def refused(*_: Any, **__: Any) -> None:
        raise DatabricksRunRefused("no permission")

    workspace.warehouse = "STOPPED"
    monkeypatch.setattr(running, "bring_to", refused)
    assert len(ran("SELECT 1")) == 1
