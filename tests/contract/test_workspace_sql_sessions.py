"""Sessions of the Statement Execution API: their settings, their end, and the time of statements."""

from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import sql

from .job_lab import own_workspace
from .sql_lab import COMPLETE, ENDLESS, SqlLab, starter_of, state_of
from .workspace_lab import Lab, until

SESSIONS = "/api/2.0/sql/sessions"
STATEMENTS = "/api/2.0/sql/statements"


@pytest.fixture(scope="module")
def starter(lab: Lab) -> SqlLab:
    return starter_of(lab)


def session(starter: SqlLab, **confs: str) -> str:
    body = {"warehouse_id": starter.warehouse_id, "session_confs": confs}
    return str(starter.lab.post(SESSIONS, body).json()["session_id"])


def answer(starter: SqlLab, session_id: str, text: str, **fields: str) -> dict[str, Any]:
    body = {"statement": text, "warehouse_id": starter.warehouse_id, "session_id": session_id}
    shown: dict[str, Any] = starter.lab.post(STATEMENTS, {**body, **COMPLETE, **fields}).json()
    return shown


def test_a_statement_takes_no_longer_than_its_session_allows(starter: SqlLab) -> None:
    starter.rows("SELECT 1")
    status = answer(starter, session(starter, STATEMENT_TIMEOUT="1"), ENDLESS)["status"]
    assert status["state"] == "FAILED"
    assert status["error"]["error_code"] == "DEADLINE_EXCEEDED"
    assert "after 1 seconds" in status["error"]["message"]
    starter.wait_until_idle()


def test_a_statement_takes_no_longer_than_its_warehouse_allows(tmp_path: Path) -> None:
    with own_workspace(tmp_path) as lab:
        starter = starter_of(lab)
        body = {"statement_timeout": 1}
        assert lab.post(f"/api/2.0/sql/warehouses/{starter.warehouse_id}/edit", body).status_code == 200
        assert starter.failure(ENDLESS)[0] == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    ("confs", "words"), [({"TIMEZONE": "Nowhere/X"}, "Nowhere/X"), ({"STATEMENT_TIMEOUT": "-1"}, "timeout")]
)
def test_settings_that_are_refused(starter: SqlLab, confs: dict[str, str], words: str) -> None:
    refused = starter.lab.post(SESSIONS, {"warehouse_id": starter.warehouse_id, "session_confs": confs})
    assert refused.status_code == 400
    assert words in refused.json()["message"]


def test_a_session_that_is_deleted_ends_what_is_executed_in_it(starter: SqlLab) -> None:
    starter.rows("SELECT 1")
    session_id = session(starter)
    running = answer(starter, session_id, ENDLESS, wait_timeout="0s")["statement_id"]
    starter.wait_for(running, sql.StatementState.RUNNING)
    assert starter.lab.http.delete(f"{SESSIONS}/{session_id}").status_code == 200
    assert state_of(starter.ended(running)) is sql.StatementState.CANCELED
    starter.wait_until_idle()
    assert starter.rows("SELECT 1") == [["1"]]
    assert starter.lab.sdk.warehouses.get(starter.warehouse_id).state is sql.State.RUNNING


def test_the_time_zone_of_a_session_changes(starter: SqlLab) -> None:
    session_id = session(starter)
    for text in ("SET TIME ZONE 'Asia/Tokyo'", "SET TIMEZONE = Asia/Tokyo"):
        assert answer(starter, session_id, text)["status"]["state"] == "SUCCEEDED"
        shown = answer(starter, session_id, "SELECT current_timezone(), TIMESTAMP'2024-01-01 09:00:00'")
        assert shown["result"]["data_array"] == [["Asia/Tokyo", "2024-01-01T00:00:00.000Z"]]
    refused = answer(starter, session_id, "SET TIME ZONE 'Nowhere/X'")["status"]
    assert (refused["state"], refused["sql_state"]) == ("FAILED", "22022")


def test_nothing_is_written_into_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sail's own catalog keeps its tables there: none of ours may end up in it."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with own_workspace(tmp_path / "root") as lab:
        starter = starter_of(lab)
        for catalog in ("main", "hive_metastore", "spark_catalog"):
            assert starter.execute(f"CREATE TABLE {catalog}.default.t_{catalog} AS SELECT 1 AS a").status
        starter.rows("SELECT * FROM main.default.t_main")
        task, output = lab.run_source("saves", "spark.range(3).write.saveAsTable('saved')\n")
        assert task["state"]["result_state"] == "SUCCESS", output
        until(lambda: not list(here.iterdir()), 1)
