"""The query history by the official SDK; what stays of statements over restarts and over time."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service import sql

from .job_lab import own_workspace
from .sql_lab import ASYNC, ENDLESS, SqlLab, starter_of, state_of
from .workspace_lab import Lab, until


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlLab]:
    """A warehouse of its own workspace, whose history nobody else writes."""
    with own_workspace(tmp_path_factory.mktemp("history")) as lab:
        yield starter_of(lab)


def history(lab: Lab, **fields: object) -> list[sql.QueryInfo]:
    """The whole history, page by page."""
    found: list[sql.QueryInfo] = []
    token = None
    while True:
        page = lab.sdk.query_history.list(page_token=token, **fields)  # type: ignore[arg-type]
        found += page.res or []
        token = page.next_page_token
        if not page.has_next_page:
            return found


def test_the_history_has_what_was_asked_and_how_it_ended(starter: SqlLab) -> None:
    tags = [sql.QueryTag("team", "data"), sql.QueryTag("nightly")]
    good = starter.execute("SELECT 1 AS one", query_tags=tags).statement_id
    bad = starter.execute("SELECT 1 / 0").statement_id
    running = starter.execute(ENDLESS, **ASYNC).statement_id
    assert running
    starter.wait_for(running, sql.StatementState.RUNNING)
    shown = {each.query_id: each for each in history(starter.lab, include_metrics=True)}
    assert shown[good].status is sql.QueryStatus.FINISHED
    assert (shown[good].query_text, shown[good].rows_produced) == ("SELECT 1 AS one", 1)
    assert shown[good].statement_type is sql.QueryStatementType.SELECT
    assert shown[good].query_tags == tags
    assert shown[good].warehouse_id == starter.warehouse_id
    assert shown[good].metrics
    assert shown[bad].status is sql.QueryStatus.FAILED
    assert "DIVIDE_BY_ZERO" in (shown[bad].error_message or "")
    assert (shown[running].status, shown[running].is_final) == (sql.QueryStatus.RUNNING, False)
    starter.statements.cancel_execution(running)
    starter.ended(running)
    (cancelled,) = history(starter.lab, filter_by=sql.QueryFilter(statement_ids=[running]))
    assert (cancelled.status, cancelled.is_final) == (sql.QueryStatus.CANCELED, True)


def test_filters(starter: SqlLab) -> None:
    first, second = (starter.execute(f"SELECT {number}").statement_id for number in (11, 12))

    def ids(**fields: object) -> set[str | None]:
        return {each.query_id for each in history(starter.lab, filter_by=sql.QueryFilter(**fields))}  # type: ignore[arg-type]

    assert ids(statement_ids=[first, second]) == {first, second}
    assert {first, second} <= ids(warehouse_ids=[starter.warehouse_id], statuses=[sql.QueryStatus.FINISHED])
    assert ids(warehouse_ids=["0123456789abcdef"]) == set()
    assert ids(statuses=[sql.QueryStatus.QUEUED]) == set()
    assert ids(user_ids=[1]) == set()
    (begun,) = history(starter.lab, filter_by=sql.QueryFilter(statement_ids=[str(second)]))
    moment = begun.query_start_time_ms
    assert second in ids(query_start_time_range=sql.TimeRange(start_time_ms=moment))
    assert first not in ids(query_start_time_range=sql.TimeRange(start_time_ms=(moment or 0) + 1))
    assert ids(query_start_time_range=sql.TimeRange(end_time_ms=1)) == set()


def test_pages_are_the_newest_first(starter: SqlLab) -> None:
    for number in range(5):
        starter.execute(f"SELECT {number} AS paged")
    whole = [each.query_id for each in history(starter.lab)]
    assert [each.query_id for each in history(starter.lab, max_results=2)] == whole
    texts = [each.query_text for each in history(starter.lab)][:5]
    assert texts == [f"SELECT {number} AS paged" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    "query",
    [{"max_results": 0}, {"max_results": 1000}, {"page_token": "x"}, {"filter_by.statuses": "LOST"}],
)
def test_wrong_requests_are_refused(starter: SqlLab, query: dict[str, object]) -> None:
    assert starter.lab.get("/api/2.0/sql/history/queries", **query).status_code == 400


def test_a_result_is_closed_by_the_client(starter: SqlLab) -> None:
    known = starter.execute("SELECT 5").statement_id
    assert starter.lab.http.delete(f"/api/2.0/sql/statements/{known}").status_code == 200
    closed = starter.statements.get_statement(known)
    assert (state_of(closed), closed.result) == (sql.StatementState.CLOSED, None)
    running = starter.execute(ENDLESS, **ASYNC).statement_id
    assert running
    starter.wait_for(running, sql.StatementState.RUNNING)
    assert starter.lab.http.delete(f"/api/2.0/sql/statements/{running}").status_code == 200
    assert state_of(starter.ended(running)) is sql.StatementState.CANCELED


def test_a_statement_whose_answer_is_lost_is_found_by_its_tag(starter: SqlLab) -> None:
    faults = starter.lab.workspace.faults
    body = {
        "statement": "SELECT 1",
        "warehouse_id": starter.warehouse_id,
        "query_tags": [{"key": "request", "value": "4711"}],
    }
    lost = faults.injected(path="/api/2.0/sql/statements", when="after", effect="reset")
    with lost, pytest.raises(httpx.TransportError):
        starter.lab.post("/api/2.0/sql/statements", body)
    tag = sql.QueryTag("request", "4711")
    found = [each for each in history(starter.lab) if tag in (each.query_tags or [])]
    assert [each.query_text for each in found] == ["SELECT 1"]


def test_a_killed_server_loses_no_statement(tmp_path: Path) -> None:
    with own_workspace(tmp_path) as lab:
        starter = starter_of(lab)
        good = starter.execute("SELECT 'kept'").statement_id
        running = starter.execute(ENDLESS, **ASYNC).statement_id
        assert good
        assert running
        starter.wait_for(running, sql.StatementState.RUNNING)
        assert lab.workspace.process
        os.kill(lab.workspace.process.pid, signal.SIGKILL)
        lab.workspace.process.wait()
    with own_workspace(tmp_path) as lab:
        starter = starter_of(lab)
        kept = starter.statements.get_statement(good)
        assert kept.result
        assert kept.result.data_array == [["kept"]]
        lost = starter.statements.get_statement(running)
        assert state_of(lost) is sql.StatementState.FAILED
        assert lost.status.error.error_code is sql.ServiceErrorCode.ABORTED
        assert "stopped" in lost.status.error.message
        statuses = {each.query_id: each.status for each in history(lab)}
        assert statuses == {good: sql.QueryStatus.FINISHED, running: sql.QueryStatus.FAILED}
        assert starter.rows("SELECT 'again'") == [["again"]]


def test_what_is_kept_ends_by_the_clock_of_the_workspace(tmp_path: Path) -> None:
    links = {"disposition": sql.Disposition.EXTERNAL_LINKS, "format": sql.Format.ARROW_STREAM}
    with own_workspace(tmp_path) as lab:
        starter = starter_of(lab)
        answer = starter.execute("SELECT 1", **links)
        known = answer.statement_id
        assert known
        assert answer.result
        (link,) = answer.result.external_links or []
        lab.workspace.advance(minutes=16)
        expired = httpx.get(str(link.external_link))
        assert (expired.status_code, "expired" in expired.text) == (403, True)
        assert starter.statements.get_statement_result_chunk_n(known, 0).external_links
        lab.workspace.advance(minutes=45)
        closed = starter.statements.get_statement(known)
        assert (state_of(closed), closed.manifest) == (sql.StatementState.CLOSED, None)
        with pytest.raises(NotFound):
            starter.statements.get_statement_result_chunk_n(known, 0)
        lab.workspace.advance(hours=12)
        with pytest.raises(NotFound):
            starter.statements.get_statement(known)
        assert [each.query_id for each in history(lab)] == [known]
        lab.workspace.advance(days=31)
        assert history(lab) == []
        until(lambda: not list((tmp_path / "results").iterdir()) or None)
