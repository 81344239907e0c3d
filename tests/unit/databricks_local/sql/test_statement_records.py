"""Statements over time, and what is stored of them."""

import pytest
from databricks_local.runtime.warehouse.orders import Outcome
from databricks_local.sql.history import HistoryFilter, HistoryRequest, history_json
from databricks_local.sql.requests import StatementRequest
from databricks_local.sql.statement_records import (
    HISTORY_MILLIS,
    HOUR_MILLIS,
    MAX_TEXT,
    RESULT_MILLIS,
    STATEMENT_MILLIS,
    StatementRecord,
    StatementState,
)

CHUNK = {"chunk_index": 0, "row_offset": 0, "row_count": 3, "byte_count": 9}


def ended(state: str = "SUCCEEDED") -> StatementRecord:
    record = StatementRecord("an-id", StatementRequest("SELECT 1", "w"), "me", created_at=0)
    record.begin(500)
    record.end(Outcome(state, columns=[{"name": "a"}], chunks=[CHUNK]), 1_000)
    return record


@pytest.mark.parametrize(
    ("after", "state", "gone", "forgotten"),
    [
        (0, StatementState.SUCCEEDED, False, False),
        (RESULT_MILLIS - 1, StatementState.SUCCEEDED, False, False),
        (RESULT_MILLIS, StatementState.CLOSED, False, False),
        (STATEMENT_MILLIS, StatementState.CLOSED, True, False),
        (HISTORY_MILLIS, StatementState.CLOSED, True, True),
    ],
)
def test_time_takes_the_result_then_the_statement(
    after: int, state: StatementState, gone: bool, forgotten: bool
) -> None:
    record, now = ended(), 1_000 + after
    assert (record.state_at(now), record.is_gone(now), record.is_forgotten(now)) == (state, gone, forgotten)


def test_a_failed_statement_is_never_closed_and_an_active_one_never_gone() -> None:
    assert ended("FAILED").state_at(10 * HOUR_MILLIS) is StatementState.FAILED
    active = StatementRecord("an-id", StatementRequest("SELECT 1", "w"), "me", created_at=0)
    assert not active.is_gone(HISTORY_MILLIS)
    assert not active.is_forgotten(2 * HISTORY_MILLIS)


def test_what_is_stored_is_read_again() -> None:
    record = ended()
    assert StatementRecord.from_document("an-id", record.as_document(), 9_999) == record
    assert record.rows == 3


def test_an_active_statement_is_lost_with_the_server() -> None:
    active = StatementRecord("an-id", StatementRequest("SELECT 1", "w"), "me", created_at=0)
    active.begin(5)
    read = StatementRecord.from_document("an-id", active.as_document(), 700)
    assert (read.state, read.ended_at, read.outcome.error_code) == (StatementState.FAILED, 700, "ABORTED")


def test_a_document_that_lost_its_fields_is_read_as_far_as_it_goes() -> None:
    read = StatementRecord.from_document("an-id", {}, 700)
    assert (read.state, read.request.statement) == (StatementState.FAILED, "")


def test_a_document_of_another_version_is_read_without_what_is_not_known() -> None:
    document = ended().as_document()
    later = {
        **document,
        "request": {**document["request"], "priority": 3},
        "outcome": {**document["outcome"], "cost": 1},
        "state": "PAUSED",
    }
    read = StatementRecord.from_document("an-id", later, 700)
    assert (read.state, read.request.statement, read.rows) == (StatementState.FAILED, "SELECT 1", 3)


def test_long_texts_are_not_kept_after_the_end() -> None:
    text = "SELECT '" + "x" * 1_000_000 + "'"
    request = StatementRequest(text, "w", parameters=[{"name": "a", "value": text, "type": ""}])
    record = StatementRecord("an-id", request, "me", created_at=0)
    assert record.request.statement == text
    record.end(Outcome("FAILED", message=f"found {text}"), 1)
    assert record.request.statement == text[:MAX_TEXT]
    assert len(str(record.as_document())) < 3 * MAX_TEXT


def test_the_history_shows_the_beginning_of_a_long_text() -> None:
    text = "SELECT '" + "x" * 1_000_000 + "'"
    active = StatementRecord("an-id", StatementRequest(text, "w"), "me", created_at=0)
    (shown,) = history_json([active], HistoryRequest(HistoryFilter(), 100, "", metrics=False))["res"]
    assert shown["query_text"] == text[:MAX_TEXT]
    assert shown["statement_type"] == "SELECT"
