"""What is sent, what becomes of a statement that is found, and which errors are worth a retry."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest
from databricks_blocks.sql.errors import StatementCancelled, StatementFailed
from databricks_blocks.sql.statement import (
    CALL_TAG,
    QueryRecord,
    Statement,
    StatementSnapshot,
    period_of,
    record_of,
    statement_error,
    what_to_do,
)

SELECT = Statement("SELECT * FROM t WHERE day = :day", "w", parameters={"day": "2024-06-21"})
INSERT = Statement("INSERT INTO t VALUES (1)", "w", "main", "elt")
COPY = Statement("COPY INTO t FROM '/a' FILEFORMAT = CSV", "w")
SCRIPT = Statement("BEGIN INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); END", "w")


def test_the_request_binds_values_and_asks_for_links_to_arrow() -> None:
    assert SELECT.body({CALL_TAG: "abc-0"}) == {
        "statement": "SELECT * FROM t WHERE day = :day",
        "warehouse_id": "w",
        "disposition": "EXTERNAL_LINKS",
        "format": "ARROW_STREAM",
        "wait_timeout": "5s",
        "on_wait_timeout": "CONTINUE",
        "query_tags": [{"key": CALL_TAG, "value": "abc-0"}],
        "parameters": [{"name": "day", "value": "2024-06-21", "type": "STRING"}],
    }
    inline = {"disposition": "INLINE", "format": "JSON_ARRAY"}
    assert inline.items() <= INSERT.body({}).items()
    assert {name: INSERT.body({})[name] for name in ("catalog", "schema")} == {
        "catalog": "main",
        "schema": "elt",
    }


@pytest.mark.parametrize(
    ("state", "of_a_select", "of_an_insert"),
    [
        ("PENDING", "attach", "attach"),
        ("RUNNING", "attach", "attach"),
        ("A_NEW_STATE", "attach", "attach"),
        ("SUCCEEDED", "use", "use"),
        ("CLOSED", "run again", "use"),
        ("CANCELED", "run again", "run again"),
    ],
)
def test_what_becomes_of_a_statement_of_an_earlier_attempt(
    state: str, of_a_select: str, of_an_insert: str
) -> None:
    found = StatementSnapshot("id", state)
    assert what_to_do(found, SELECT) == of_a_select
    assert what_to_do(found, INSERT) == of_an_insert


@pytest.mark.parametrize(
    ("found", "of_an_insert", "of_a_script"),
    [
        (StatementSnapshot("id", "FAILED", "BAD_REQUEST", "it failed"), "run again", "refuse"),
        (StatementSnapshot("id", "FAILED", "RESOURCE_EXHAUSTED", "no room"), "run again", "refuse"),
        (StatementSnapshot("id", "FAILED", "ABORTED", "the warehouse ended"), "refuse", "refuse"),
        (StatementSnapshot("id", "FAILED", "INTERNAL_ERROR"), "refuse", "refuse"),
        (StatementSnapshot("id", "CANCELED"), "run again", "refuse"),
        (QueryRecord("id", "t", 0, "FAILED", message="[X.Y] no").as_snapshot(), "run again", "refuse"),
        (
            QueryRecord("id", "t", 0, "FAILED", message="[INTERNAL_ERROR] no").as_snapshot(),
            "refuse",
            "refuse",
        ),
        (
            QueryRecord("id", "t", 0, "FAILED", message="the warehouse ended").as_snapshot(),
            "refuse",
            "refuse",
        ),
        (QueryRecord("id", "t", 0, "FAILED").as_snapshot(), "refuse", "refuse"),
    ],
)
def test_what_may_have_been_done_is_not_run_again(
    found: StatementSnapshot, of_an_insert: str, of_a_script: str
) -> None:
    assert what_to_do(found, INSERT) == of_an_insert
    assert what_to_do(found, SCRIPT) == of_a_script
    for statement in (SELECT, COPY):
        assert what_to_do(found, statement) == "run again"
    for statement, expected in ((INSERT, of_an_insert), (SCRIPT, of_a_script)):
        error = statement_error(found, statement, "u")
        assert ("give another `key`" in str(error)) is (expected == "refuse")
        assert not (error.may_retry and expected == "refuse")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("QUEUED", "RUNNING"),
        ("RUNNING", "RUNNING"),
        ("FINISHED", "CLOSED"),
        ("FAILED", "FAILED"),
        ("CANCELED", "CANCELED"),
    ],
)
def test_the_history_tells_how_a_forgotten_statement_ended(status: str, state: str) -> None:
    assert QueryRecord("id", "abc", 0, status).as_snapshot().state == state


def test_an_entry_of_the_history_is_known_by_its_tag() -> None:
    tags = [{"key": "team", "value": "x"}, {"key": CALL_TAG, "value": "root-hash-2"}]
    entry = {"query_id": "q", "status": "FINISHED", "query_tags": tags}
    assert record_of(entry) == QueryRecord("q", "root-hash", 2, "FINISHED")
    facts = {"query_start_time_ms": 5, "query_end_time_ms": 9, "error_message": "no"}
    assert record_of({**entry, **facts}) == QueryRecord("q", "root-hash", 2, "FINISHED", 5, 9, "no")
    assert record_of({"query_id": "q"}) is None
    assert record_of({"query_id": "q", "query_tags": [{"key": "team"}]}) is None


@pytest.mark.parametrize(
    ("code", "of_a_select_or_copy", "of_an_insert"),
    [
        ("BAD_REQUEST", False, False),
        ("NOT_FOUND", False, False),
        ("TEMPORARILY_UNAVAILABLE", True, True),
        ("WORKSPACE_TEMPORARILY_UNAVAILABLE", True, True),
        ("SERVICE_UNDER_MAINTENANCE", True, True),
        ("RESOURCE_EXHAUSTED", True, True),
        ("ABORTED", True, False),
        ("INTERNAL_ERROR", True, False),
        ("A_NEW_CODE", False, False),
    ],
)
def test_a_failure_is_retried_only_if_nothing_is_done_twice(
    code: str, of_a_select_or_copy: bool, of_an_insert: bool
) -> None:
    found = StatementSnapshot("id", "FAILED", code, "[X] it\nfailed", "42000")
    assert statement_error(found, SELECT, "u").may_retry is of_a_select_or_copy
    assert statement_error(found, COPY, "u").may_retry is of_a_select_or_copy
    assert statement_error(found, INSERT, "u").may_retry is of_an_insert


def test_a_failure_tells_statement_reason_and_link_in_one_line() -> None:
    found = StatementSnapshot("id", "FAILED", "BAD_REQUEST", "[TABLE_OR_VIEW_NOT_FOUND] no\ntable", "42P01")
    error = statement_error(found, SELECT, "https://h/q")
    assert isinstance(error, StatementFailed)
    assert str(error) == (
        "The statement `SELECT * FROM t WHERE day = :day` failed (BAD_REQUEST): "
        "[TABLE_OR_VIEW_NOT_FOUND] no table https://h/q"
    )
    read = pickle.loads(pickle.dumps(error))
    assert (read.sql_state, read.error_code, read.statement_id, read.url) == (
        "42P01",
        "BAD_REQUEST",
        "id",
        "https://h/q",
    )


def test_a_lost_write_says_that_nobody_knows_whether_it_was_done() -> None:
    found = StatementSnapshot("id", "FAILED", "ABORTED", "the warehouse ended")
    assert "Whether it was done is not known" in str(statement_error(found, INSERT, "u"))
    for statement in (SELECT, COPY):
        assert "Whether it was done" not in str(statement_error(found, statement, "u"))


def test_a_cancel_by_somebody_else_is_an_error_of_its_own() -> None:
    error = statement_error(StatementSnapshot("id", "CANCELED"), SELECT, "u")
    assert isinstance(error, StatementCancelled)
    assert not error.may_retry


CREDENTIAL = (
    "COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_ACCESS_KEY = 'key-1', AWS_SECRET_KEY = 'se-cret'))"
)


def test_a_credential_in_a_statement_is_shown_in_no_error() -> None:
    found = StatementSnapshot("id", "FAILED", "BAD_REQUEST", f"[PARSE] near {CREDENTIAL}: se-cret")
    shown = str(statement_error(found, Statement(CREDENTIAL, "w"), "u"))
    assert "se-cret" not in shown
    assert "key-1" not in shown
    assert "***" in shown


def test_other_credentials_do_not_make_another_statement() -> None:
    first, second = (Statement(CREDENTIAL.replace("se-cret", key), "w") for key in ("se-cret", "of a retry"))
    assert first.identity == second.identity
    assert "se-cret" not in f"{first!r}{first.identity}"
    assert Statement("SELECT 1", "w").identity != Statement("SELECT 2", "w").identity


def test_statements_on_two_rows_are_not_taken_for_one() -> None:
    insert = "INSERT INTO t SELECT * FROM u WHERE account_key = '{}'"
    first, second = (Statement(insert.format(key), "w") for key in ("A-17", "B-4"))
    assert first.identity != second.identity


def test_statements_were_executed_from_the_first_begin_to_the_last_end() -> None:
    records = [QueryRecord("a", "t", 0, "FAILED", 1000, 2500), QueryRecord("b", "t", 1, "RUNNING", 4000, 0)]
    assert period_of(records) == (datetime.fromtimestamp(1, UTC), datetime.fromtimestamp(4, UTC))
    assert period_of([]) is None
