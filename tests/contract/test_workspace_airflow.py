"""The SQL operators of Airflow's Databricks provider, unmodified, in an environment of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import sql
from databricks_local import LocalWorkspace

from .client_lab import SCRIPTS, environment_with, said, variables_of
from .sql_lab import SqlLab, starter_of, state_of
from .workspace_lab import lab_of

pytestmark = pytest.mark.clients

PACKAGES = ("apache-airflow>=3.1,<3.2", "apache-airflow-providers-databricks[sqlalchemy]>=7.10")


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlLab]:
    with (
        pytest.MonkeyPatch.context() as patch,
        LocalWorkspace(tmp_path_factory.mktemp("secure"), tls=True) as workspace,
    ):
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(variable, str(workspace.authority))
        for lab in lab_of(workspace):
            yield starter_of(lab)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_with(tmp_path_factory.mktemp("env") / "env", *PACKAGES)


def shown(starter: SqlLab, programs: Path, home: Path, *wanted: str, **variables: str) -> Any:
    """What the script got."""
    own = {"AIRFLOW_HOME": str(home), "HOME": str(home), **variables}
    command = [str(programs / "python"), str(SCRIPTS / "airflow_operators.py"), *wanted]
    text = said(command, {**variables_of(starter.lab.workspace, starter.warehouse_id), **own}, home)
    return json.loads(text.rpartition("RESULT ")[2])


def test_the_operator_of_the_statement_api(starter: SqlLab, programs: Path, tmp_path: Path) -> None:
    got = shown(starter, programs, tmp_path, "statements")
    assert "error" not in got["good"]
    statement_id = got["good"]["statement_id"]
    answer = starter.statements.get_statement(statement_id)
    assert state_of(answer) is sql.StatementState.SUCCEEDED
    assert answer.result.data_array == [["1"]]
    assert "TABLE_OR_VIEW_NOT_FOUND" in got["bad"]["error"]
    found = starter.lab.sdk.query_history.list(filter_by=sql.QueryFilter(statement_ids=[statement_id])).res
    assert found
    assert {tag.key for tag in found[0].query_tags or []} >= {"airflow_dag_id"}


def test_the_operator_of_the_connector(starter: SqlLab, programs: Path, tmp_path: Path) -> None:
    got = shown(starter, programs, tmp_path, "sql")
    assert got["rows"][1] == [[1, "x"]]
    assert [rows for _, rows in got["several"]] == [[[1]], [[2]]]
    assert got["named"][1] == [[3]]
    page = starter.lab.sdk.query_history.list(max_results=10)
    assert any(sql.QueryTag("by", "airflow") in (each.query_tags or []) for each in page.res or [])


def test_copy_into_loads_a_file_once(starter: SqlLab, programs: Path, tmp_path: Path) -> None:
    root = starter.lab.workspace.root
    assert root
    files = root / "dbfs" / "landing"
    files.mkdir(parents=True)
    (files / "a.csv").write_text("name,amount\nx,1\ny,2\n")
    got = shown(starter, programs, tmp_path, "copy", COPY_FROM="dbfs:/landing")
    assert got["copied"][1] == [["x", 1], ["y", 2]]
