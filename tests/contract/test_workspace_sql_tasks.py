"""SQL tasks of jobs: saved queries and files, on a warehouse."""

import base64
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import NotFound, ResourceAlreadyExists
from databricks.sdk.service import jobs, sql
from databricks.sdk.service.workspace import ImportFormat

from .git_lab import commit
from .job_lab import create, latest, run_job, run_now
from .sql_lab import ENDLESS, SqlLab, starter_of
from .sql_lab import state_of as statement_state
from .workspace_lab import Lab, until


@pytest.fixture(scope="module")
def starter(lab: Lab) -> SqlLab:
    return starter_of(lab)


def query(lab: Lab, name: str, text: str, **fields: Any) -> str:
    """A saved query; its id."""
    made = lab.sdk.queries.create(
        query=sql.CreateQueryRequestQuery(display_name=name, query_text=text, **fields),
        auto_resolve_display_name=True,
    )
    assert made.id
    return made.id


def file(lab: Lab, name: str, text: str) -> str:
    path = f"/Shared/{name}"
    content = base64.b64encode(text.encode()).decode()
    lab.sdk.workspace.import_(path, content=content, format=ImportFormat.RAW, overwrite=True)
    return path


def task(starter: SqlLab, key: str = "only", **fields: Any) -> dict[str, Any]:
    return {"task_key": key, "sql_task": {"warehouse_id": starter.warehouse_id, **fields}}


def run(
    starter: SqlLab, *tasks: dict[str, Any], **settings: Any
) -> tuple[jobs.RunOutput, list[sql.QueryInfo]]:
    """Run a job with SQL tasks; the output of the last one, and the statements that it executed."""
    ended = run_job(starter.lab, *tasks, job_clusters=[], **settings)
    output = starter.lab.sdk.jobs.get_run_output(ended["tasks"][-1]["run_id"])
    assert output.sql_output
    shown = output.sql_output.query_output or output.sql_output.file_output
    assert shown
    ids = [str(each.lookup_key) for each in shown.sql_statements or []]
    page = starter.lab.sdk.query_history.list(filter_by=sql.QueryFilter(statement_ids=ids))
    return output, list(reversed(page.res or []))


def state_of(output: jobs.RunOutput) -> tuple[jobs.RunResultState | None, str | None]:
    assert output.metadata
    assert output.metadata.state
    return output.metadata.state.result_state, output.error


def test_a_query_with_its_own_parameters_and_those_of_the_job(starter: SqlLab) -> None:
    given = [sql.QueryParameter(name="b", text_value=sql.TextValue("kept"))]
    query_id = query(starter.lab, "of a job", "SELECT :a, :b, '{{c}}', ':d'", parameters=given)
    fields = {"query": {"query_id": query_id}, "parameters": {"a": "{{job.parameters.who}}", "c": "3"}}
    output, (statement,) = run(
        starter, task(starter, **fields), parameters=[{"name": "who", "default": "job"}]
    )
    assert state_of(output) == (jobs.RunResultState.SUCCESS, None)
    assert statement.query_text == "SELECT :a, :b, '3', ':d'"
    assert starter.statements.get_statement(statement.query_id).result.data_array == [
        ["job", "kept", "3", ":d"]
    ]
    assert statement.query_source
    assert statement.query_source.job_info
    assert output.sql_output
    assert output.sql_output.query_output
    assert output.sql_output.query_output.warehouse_id == starter.warehouse_id


def test_parameters_of_a_query_have_their_types(starter: SqlLab) -> None:
    given = [
        sql.QueryParameter(name="d", date_value=sql.DateValue(date_value="2024-02-28")),
        sql.QueryParameter(name="n", numeric_value=sql.NumericValue(2)),
        sql.QueryParameter(name="e", enum_value=sql.EnumValue(enum_options="a\nb", values=["b"])),
    ]
    text = "SELECT typeof(:d), :d + INTERVAL 1 DAY, :n * 2, :e FROM range(9) LIMIT :n"
    query_id = query(starter.lab, "with types", text, parameters=given)
    output, (statement,) = run(starter, task(starter, query={"query_id": query_id}, parameters={"n": "3"}))
    assert state_of(output) == (jobs.RunResultState.SUCCESS, None)
    rows = starter.statements.get_statement(statement.query_id).result.data_array
    assert rows == [["date", "2024-02-29", "6", "b"]] * 3


def test_a_warehouse_may_be_a_reference(starter: SqlLab) -> None:
    query_id = query(starter.lab, "q", "SELECT 1")
    fields = {"query": {"query_id": query_id}, "warehouse_id": "{{job.parameters.wh}}"}
    given = [{"name": "wh", "default": starter.warehouse_id}]
    output, (statement,) = run(starter, task(starter, **fields), parameters=given)
    assert state_of(output) == (jobs.RunResultState.SUCCESS, None)
    assert statement.warehouse_id == starter.warehouse_id


def test_a_file_with_a_mark_of_the_byte_order(starter: SqlLab) -> None:
    path = file(starter.lab, "from windows.sql", "\ufeffSELECT 1")
    output, (statement,) = run(starter, task(starter, file={"path": path}))
    assert (state_of(output)[0], statement.query_text) == (jobs.RunResultState.SUCCESS, "SELECT 1")


def test_a_file_is_one_session_and_stops_at_the_first_failure(starter: SqlLab) -> None:
    text = (
        "-- ; none\nCREATE TEMPORARY VIEW seen AS SELECT ';' AS semicolon;\n"
        "SELECT * FROM seen;\nSELECT 1 / 0;\nSELECT 2"
    )
    output, statements = run(starter, task(starter, file={"path": file(starter.lab, "several.sql", text)}))
    assert [each.status for each in statements] == [
        sql.QueryStatus.FINISHED,
        sql.QueryStatus.FINISHED,
        sql.QueryStatus.FAILED,
    ]
    result, error = state_of(output)
    assert result is jobs.RunResultState.FAILED
    assert "DIVIDE_BY_ZERO" in (error or "")


def test_a_file_of_a_repository(starter: SqlLab, tmp_path: Path) -> None:
    commit(tmp_path, {"sql/it.sql": "SELECT :who"})
    fields = {"file": {"path": "sql/it.sql"}, "parameters": {"who": "git"}}
    git = {"git_url": str(tmp_path), "git_provider": "gitHub", "git_branch": "main"}
    output, (statement,) = run(starter, task(starter, **fields), git_source=git)
    assert state_of(output) == (jobs.RunResultState.SUCCESS, None)
    assert starter.statements.get_statement(statement.query_id).result.data_array == [["git"]]


@pytest.mark.parametrize(
    "fields",
    [
        {"query": {"query_id": "no-query"}},
        {"file": {"path": "/Shared/no.sql"}},
        {"query": {"query_id": "{{tasks.nobody.values.x}}"}},
    ],
)
def test_what_is_not_there_fails_the_run(starter: SqlLab, fields: dict[str, Any]) -> None:
    ended = latest(run_job(starter.lab, task(starter, **fields), job_clusters=[]))["only"]
    assert ended["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert ended["state"]["state_message"]


def test_a_warehouse_that_is_not_there_fails_the_run(starter: SqlLab) -> None:
    fields = {"warehouse_id": "0123456789abcdef", "query": {"query_id": query(starter.lab, "q", "SELECT 1")}}
    ended = latest(run_job(starter.lab, task(starter, **fields), job_clusters=[]))["only"]
    assert "does not exist" in ended["state"]["state_message"]


def test_a_cancelled_task_cancels_its_statement(starter: SqlLab) -> None:
    fields = {"query": {"query_id": query(starter.lab, "endless", ENDLESS)}}
    run_id = run_now(starter.lab, create(starter.lab, task(starter, **fields), job_clusters=[]))

    def running() -> sql.QueryInfo | None:
        wanted = sql.QueryFilter(statuses=[sql.QueryStatus.RUNNING])
        found = starter.lab.sdk.query_history.list(filter_by=wanted).res
        return found[0] if found else None

    statement = until(running)
    starter.lab.sdk.jobs.cancel_run(run_id)
    assert starter.lab.ended(run_id)["state"]["result_state"] == "CANCELED"
    ended = starter.ended(str(statement.query_id))
    assert statement_state(ended) is sql.StatementState.CANCELED
    # It would count as cancelled even if nobody had told the engine.
    starter.wait_until_idle()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"alert": {"alert_id": "x"}}, "sql_task.alert"),
        ({"dashboard": {"dashboard_id": "x"}}, "sql_task.dashboard"),
        ({}, "needs one of"),
        ({"query": {"query_id": "x"}, "file": {"path": "/x"}}, "needs one of"),
        ({"query": {}}, "query_id"),
        ({"file": {"path": "relative.sql"}}, "absolute"),
        ({"file": {"path": "/x.sql", "source": "GIT"}}, "relative"),
        ({"file": {"path": "x.sql", "source": "GIT"}}, "git_source"),
        ({"warehouse_id": "", "query": {"query_id": "x"}}, "warehouse_id"),
    ],
)
def test_wrong_tasks_are_refused(starter: SqlLab, fields: dict[str, Any], words: str) -> None:
    answer = starter.lab.post("/api/2.2/jobs/create", {"name": "wrong", "tasks": [task(starter, **fields)]})
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_saved_queries(lab: Lab) -> None:
    queries = lab.sdk.queries
    made = query(lab, "mine", "SELECT 1", description="first", tags=["a"])
    queries.update(made, "query_text,description", query=sql.UpdateQueryRequestQuery(query_text="SELECT 2"))
    kept = queries.get(made)
    assert (kept.query_text, kept.description, kept.tags) == ("SELECT 2", "", ["a"])
    assert made in {each.id for each in queries.list()}
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        queries.create(query=sql.CreateQueryRequestQuery(display_name="mine"))
    queries.delete(made)
    with pytest.raises(NotFound):
        queries.get(made)
