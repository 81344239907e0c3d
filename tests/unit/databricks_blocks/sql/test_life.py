"""The life of a statement: executed once, whatever is lost; found again; cancelled at any moment."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any, cast

import pytest
from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.sql.life import StatementLife
from databricks_blocks.sql.statement import Statement
from databricks_blocks.sql.statement_call import StatementCall
from databricks_blocks.workspace.polling import PollingPolicy

from .fake_sql import FakeSql

INSERT = Statement("INSERT INTO t VALUES (1)", "w")
SELECT = Statement("SELECT 1", "w")
PATIENCE = 900


class Time:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def life_of(
    workspace: FakeSql, statement: Statement = INSERT, time: Time | None = None, **call: Any
) -> StatementLife:
    time = time or Time()
    return StatementLife(
        cast("Any", workspace),
        StatementCall(statement, "token", **call),
        polling=PollingPolicy(max_unreachable=PATIENCE),
        clock=lambda: time.now,
        sleep=time.sleep,
    )


def lived(workspace: FakeSql, statement: Statement = INSERT, time: Time | None = None, **call: Any) -> Any:
    return asyncio.run(life_of(workspace, statement, time, **call).to_the_end())


def tags(workspace: FakeSql) -> list[str]:
    return [tag["value"] for body in workspace.executed for tag in body["query_tags"]]


def test_a_statement_is_executed_once_and_polled_until_its_end() -> None:
    workspace = FakeSql()
    workspace.ends_after = 4
    assert lived(workspace).state == "SUCCEEDED"
    assert (workspace.posts, workspace.reads, workspace.looks) == (1, 4, 0)
    assert tags(workspace) == ["token-0"]


@pytest.mark.parametrize("shown_after", [0, 1, 4])
def test_after_a_lost_answer_the_statement_is_found_in_the_history(shown_after: int) -> None:
    workspace = FakeSql()
    workspace.faults = ["after"]
    workspace.shown_after = shown_after
    assert lived(workspace).state == "SUCCEEDED"
    assert len(workspace.executed) == workspace.posts == 1


@pytest.mark.parametrize(("statement", "seconds"), [(SELECT, 30), (INSERT, 300)], ids=["query", "write"])
def test_a_request_that_was_lost_is_made_again_only_after_a_long_look_and_a_warning(
    statement: Statement, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    workspace, time = FakeSql(), Time()
    workspace.faults = ["before"]
    assert lived(workspace, statement, time=time).state == "SUCCEEDED"
    assert (workspace.posts, len(workspace.executed)) == (2, 1)
    assert seconds <= time.now < seconds + 10
    assert "it is sent again" in caplog.text


def test_a_write_that_the_history_shows_minutes_late_is_executed_once() -> None:
    workspace = FakeSql()
    workspace.faults = ["after"]
    workspace.shown_after = 10
    assert lived(workspace).state == "SUCCEEDED"
    assert len(workspace.executed) == 1


@pytest.mark.parametrize(("first", "cancelled"), [("RUNNING", ["s1"]), ("SUCCEEDED", [])])
def test_a_statement_that_was_executed_twice_after_all_is_told_and_ended(
    first: str, cancelled: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    workspace = FakeSql()
    workspace.faults = ["after"]
    workspace.shown_after = 15
    life = life_of(workspace)

    async def lives() -> Any:
        living = asyncio.create_task(life.to_the_end())
        await asyncio.to_thread(workspace.has_executed.wait, 60)
        workspace.states["s1"] = first
        return await living

    assert asyncio.run(lives()).statement_id == "s2"
    assert workspace.cancelled == cancelled
    assert "executed twice" in caplog.text
    assert "as s2, and as s1" in caplog.text


@pytest.mark.parametrize(("fault", "seconds"), [("busy", 14), ("down", 0)])
def test_a_request_that_was_not_taken_is_made_again_without_a_look(fault: str, seconds: float) -> None:
    workspace, time = FakeSql(), Time()
    workspace.faults = [fault, fault]
    assert lived(workspace, time=time).state == "SUCCEEDED"
    assert (workspace.posts, workspace.looks) == (3, 0)
    assert seconds <= time.now < seconds + 2, "as long as the workspace asks for"


@pytest.mark.parametrize("fault", ["busy", "down", "away", "before"])
def test_patience_with_a_workspace_that_takes_nothing_ends(fault: str) -> None:
    workspace = FakeSql()
    workspace.faults = [fault] * 10_000
    with pytest.raises(DatabricksUnreachable):
        lived(workspace)
    assert workspace.executed == []


def test_a_refusal_tells_no_credential_and_is_one_line() -> None:
    workspace = FakeSql()
    statement = "COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_SECRET_KEY = 'se-cret'))"
    workspace.refusal = f"[PARSE_SYNTAX_ERROR] near\n== SQL ==\n{statement}"
    with pytest.raises(DatabricksRunRefused, match="PARSE_SYNTAX_ERROR") as refused:
        lived(workspace, Statement(statement, "w"))
    assert "se-cret" not in "".join(traceback.format_exception(refused.value))
    assert "\n" not in str(refused.value)


def test_polling_outlives_lost_answers() -> None:
    workspace = FakeSql()
    workspace.read_faults = ["busy", "away", "before", "down"]
    assert lived(workspace).state == "SUCCEEDED"
    assert (workspace.posts, workspace.reads) == (1, 5)


def test_polling_gives_up_after_its_patience() -> None:
    workspace, time = FakeSql(), Time()
    workspace.read_faults = ["away"] * 10_000
    with pytest.raises(DatabricksUnreachable):
        lived(workspace, time=time)
    assert PATIENCE < time.now < PATIENCE + 100


@pytest.mark.parametrize(
    ("state", "statement", "executed"),
    [
        ("RUNNING", INSERT, ["token-0"]),
        ("SUCCEEDED", INSERT, ["token-0"]),
        ("CLOSED", INSERT, ["token-0"]),
        ("CLOSED", SELECT, ["token-0", "token-1"]),
        ("FAILED", INSERT, ["token-0", "token-1"]),
        ("CANCELED", INSERT, ["token-0", "token-1"]),
    ],
)
def test_a_retry_attaches_uses_or_runs_again(state: str, statement: Statement, executed: list[str]) -> None:
    workspace = FakeSql()
    workspace.earlier("token-0", state)
    assert lived(workspace, statement, may_be_there=True).succeeded
    assert tags(workspace) == executed


@pytest.mark.parametrize("known", ["by the API", "by the history"])
def test_a_write_that_may_have_been_done_is_not_executed_again(known: str) -> None:
    workspace = FakeSql()
    workspace.error_code = "ABORTED"
    earlier = workspace.earlier("token-0", "FAILED")
    workspace.forgotten = {earlier} if known == "by the history" else set()
    assert lived(workspace, may_be_there=True).state == "FAILED"
    assert workspace.posts == 0


def test_a_query_whose_rows_are_not_kept_any_more_is_run_again() -> None:
    workspace = FakeSql()
    workspace.without_rows = {workspace.earlier("token-0", "SUCCEEDED")}
    assert lived(workspace, SELECT, may_be_there=True).statement_id == "s2"
    kept = FakeSql()
    kept.earlier("token-0", "SUCCEEDED")
    assert lived(kept, SELECT, may_be_there=True).statement_id == "s1"


def test_the_last_statement_of_the_call_counts() -> None:
    workspace = FakeSql()
    workspace.earlier("token-0", "FAILED")
    workspace.earlier("token-1", "SUCCEEDED")
    workspace.earlier("token-of-others-7", "FAILED")
    life = life_of(workspace, may_be_there=True)
    assert asyncio.run(life.to_the_end()).statement_id == "s2"
    assert life.found is not None
    assert sorted(record.statement_id for record in life.earlier) == ["s1", "s2"]
    assert workspace.posts == 0


def test_a_lost_answer_of_a_second_execution_is_not_taken_for_the_first() -> None:
    workspace = FakeSql()
    workspace.earlier("token-0", "FAILED")
    workspace.faults = ["after"]
    assert lived(workspace, may_be_there=True).statement_id == "s2"
    assert tags(workspace) == ["token-0", "token-1"]


def test_what_the_api_has_forgotten_is_known_from_the_history() -> None:
    workspace = FakeSql()
    workspace.forgotten = {workspace.earlier("token-0", "SUCCEEDED")}
    assert lived(workspace, may_be_there=True).state == "CLOSED"
    assert workspace.posts == 0


def test_right_after_a_kill_the_history_is_looked_at_more_than_once() -> None:
    workspace = FakeSql()
    workspace.earlier("token-0", "RUNNING")
    workspace.shown_after = 2
    assert lived(workspace, may_be_there=True, seconds_to_look=10).statement_id == "s1"
    assert workspace.posts == 0


def test_a_retry_long_after_looks_once() -> None:
    workspace = FakeSql()
    assert lived(workspace, may_be_there=True).succeeded
    assert (workspace.posts, workspace.looks) == (1, 1)


async def cancelled_after(life: StatementLife, turns: int) -> Any:
    living = asyncio.create_task(life.to_the_end())
    for _ in range(turns):
        await asyncio.sleep(0.01)
    living.cancel()
    with pytest.raises(asyncio.CancelledError):
        await living
    return await life.cancel()


def test_a_cancel_is_told_by_polling_only() -> None:
    workspace = FakeSql()
    workspace.ends_after = 10**9
    ended = asyncio.run(cancelled_after(life_of(workspace), 20))
    assert ended.state == "CANCELED"
    assert workspace.cancelled == ["s1"]


def test_a_cancel_after_a_lost_answer_finds_the_statement() -> None:
    workspace = FakeSql()
    workspace.ends_after = 10**9
    workspace.faults = ["after"]
    workspace.shown_after = 2

    async def slow(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))

    life = StatementLife(cast("Any", workspace), StatementCall(INSERT, "token"), sleep=slow)
    ended = asyncio.run(cancelled_after(life, 3))
    assert ended is not None
    assert workspace.cancelled == ["s1"]
    assert workspace.posts == 1


@pytest.mark.parametrize("faults", ["late history", "no answer"])
def test_a_cancel_early_in_a_retry_reaches_the_statement_of_the_attempt_before(faults: str) -> None:
    workspace = FakeSql()
    workspace.earlier("token-0", "RUNNING")
    workspace.ends_after = 10**9
    if faults == "late history":
        workspace.shown_after = 3
    else:
        workspace.read_faults = ["away"] * 3
    life = StatementLife(
        cast("Any", workspace),
        StatementCall(INSERT, "token", may_be_there=True, seconds_to_look=10),
        sleep=lambda seconds: asyncio.sleep(min(seconds, 0.05)),
    )
    assert asyncio.run(cancelled_after(life, 2)) is not None
    assert workspace.cancelled == ["s1"]


def test_a_cancel_before_the_first_look_of_a_retry_looks() -> None:
    workspace = FakeSql()
    workspace.earlier("token-0", "PENDING")
    assert asyncio.run(life_of(workspace, may_be_there=True).cancel()) is not None
    assert workspace.cancelled == ["s1"]
    failed = FakeSql()
    failed.earlier("token-0", "FAILED")
    assert asyncio.run(life_of(failed, may_be_there=True).cancel()) is None
    nothing = FakeSql()
    assert asyncio.run(life_of(nothing, may_be_there=True).cancel()) is None


def test_a_busy_workspace_does_not_make_a_lost_answer_forgotten() -> None:
    workspace = FakeSql()
    workspace.faults = ["after", *["busy"] * 1000]
    workspace.ends_after = 10**9
    workspace.shown_after = 17
    life = StatementLife(
        cast("Any", workspace),
        StatementCall(INSERT, "token"),
        sleep=lambda seconds: asyncio.sleep(0.001),
    )
    assert asyncio.run(cancelled_after(life, 30)) is not None
    assert workspace.posts > 1
    assert workspace.cancelled == ["s1"]


def test_a_cancel_that_does_not_find_what_was_sent_says_so() -> None:
    workspace = FakeSql()
    workspace.faults = ["after"]
    workspace.shown_after = 10**9
    life = StatementLife(
        cast("Any", workspace),
        StatementCall(INSERT, "token"),
        sleep=lambda seconds: asyncio.sleep(min(seconds, 0.01)),
    )
    with pytest.raises(DatabricksUnreachable, match=r"shows no statement with the tag .* = token-0"):
        asyncio.run(cancelled_after(life, 3))


def test_a_statement_that_ended_just_before_its_cancel_is_known_as_ended() -> None:
    workspace = FakeSql()
    workspace.refuses_cancels = True
    workspace.ends_after = 10**9
    life = life_of(workspace)

    async def ends() -> Any:
        living = asyncio.create_task(life.to_the_end())
        await asyncio.to_thread(workspace.has_executed.wait, 60)
        living.cancel()
        workspace.states["s1"] = "SUCCEEDED"
        return await life.cancel()

    ended = asyncio.run(ends())
    assert ended is not None
    assert ended.state == "SUCCEEDED"


def test_a_cancel_before_anything_was_executed_cancels_nothing() -> None:
    workspace = FakeSql()
    assert asyncio.run(life_of(workspace).cancel()) is None
    assert workspace.looks == 0
