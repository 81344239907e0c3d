"""dbt tasks of jobs: dbt itself, which is installed at its first use, on a warehouse."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks.sdk.service import sql
from databricks_local import LocalWorkspace

from .client_lab import SCRIPTS
from .git_lab import git
from .job_lab import create, latest, run_now
from .sql_lab import ENDLESS, SqlLab, starter_of, state_of
from .workspace_lab import Lab, lab_of, until

SERVERLESS = [{"environment_key": "any", "spec": {"client": "2"}}]


def task(of: str, *commands: str, **fields: Any) -> dict[str, Any]:
    """A task on a warehouse."""
    dbt = {"commands": list(commands), "warehouse_id": of, **fields}
    return {"task_key": "only", "environment_key": "any", "dbt_task": dbt}


def run(lab: Lab, given: dict[str, Any], **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a job with one dbt task; its state and its output."""
    job_id = create(lab, given, job_clusters=[], environments=SERVERLESS, **settings)
    # The first one installs dbt.
    ended = latest(lab.ended(run_now(lab, job_id), 300))["only"]
    return ended["state"], lab.get("/api/2.2/jobs/runs/get-output", run_id=ended["run_id"]).json()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"commands": []}, "between 1 and 10"),
        ({"commands": ["dbt run"] * 11}, "between 1 and 10"),
        ({"commands": ["rm -rf /"]}, "must start with dbt"),
        ({"commands": ["dbtx run"]}, "must start with dbt"),
        ({"commands": ["dbt seed", "dbt run --vars '{a: 1"]}, "quote that is open"),
        ({"project_directory": "relative"}, "absolute"),
        ({"source": "GIT", "project_directory": "/absolute"}, "relative"),
        ({"profiles_directory": "p"}, "without a warehouse_id"),
        ({"warehouse_id": "", "schema": "s"}, "needs a warehouse_id"),
    ],
)
def test_wrong_tasks_are_refused(lab: Lab, fields: dict[str, Any], words: str) -> None:
    given = task("0123456789abcdef", "dbt run", **{"project_directory": "/Shared/p", **fields})
    body = {"name": "wrong", "tasks": [given], "environments": SERVERLESS}
    answer = lab.post("/api/2.2/jobs/create", body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_without_tls_dbt_is_refused_with_the_option_to_use(lab: Lab) -> None:
    given = task(starter_of(lab).warehouse_id, "dbt run", project_directory="/Shared/p")
    state, output = run(lab, given)
    assert state["life_cycle_state"] == "INTERNAL_ERROR"
    assert "--tls" in output["error"]


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


def test_a_project_that_is_not_there_fails_the_run(starter: SqlLab) -> None:
    state, output = run(starter.lab, task(starter.warehouse_id, "dbt run", project_directory="/Shared/none"))
    assert state["life_cycle_state"] == "INTERNAL_ERROR"
    assert output["error"] == "/Workspace/Shared/none has no dbt_project.yml."


@pytest.mark.clients
def test_a_project_of_the_workspace(starter: SqlLab) -> None:
    root = starter.lab.workspace.root
    assert root
    shutil.copytree(SCRIPTS / "dbt_project", root / "files" / "Shared" / "project")
    commands = ("dbt seed", "dbt run --select by_kind", "dbt test --select by_kind")
    fields = {"project_directory": "/Shared/project", "catalog": "main", "schema": "of_a_job"}
    state, output = run(starter.lab, task(starter.warehouse_id, *commands, **fields))
    assert state["result_state"] == "SUCCESS", output
    assert "PASS=2" in output["logs"]
    assert starter.lab.workspace.token not in output["logs"]
    text = "SELECT kind, power FROM main.of_a_job.by_kind ORDER BY kind"
    assert starter.rows(text) == [["solar", "20"], ["wind", "40"]]


@pytest.mark.clients
def test_a_cancel_ends_dbt_and_its_statements(starter: SqlLab) -> None:
    root = starter.lab.workspace.root
    assert root
    shutil.copytree(SCRIPTS / "dbt_project", root / "files" / "Shared" / "slow")
    (root / "files" / "Shared" / "slow" / "models" / "endless.sql").write_text(ENDLESS)
    fields = {"project_directory": "/Shared/slow", "catalog": "main", "schema": "of_a_job"}
    given = task(starter.warehouse_id, "dbt run --select endless", **fields)
    run_id = run_now(starter.lab, create(starter.lab, given, job_clusters=[], environments=SERVERLESS))

    def endless() -> sql.QueryInfo | None:
        wanted = sql.QueryFilter(statuses=[sql.QueryStatus.RUNNING])
        found = starter.lab.sdk.query_history.list(filter_by=wanted).res or []
        return next((each for each in found if "range(1000000000000)" in (each.query_text or "")), None)

    statement = until(endless, 300)
    starter.lab.sdk.jobs.cancel_run(run_id)
    assert starter.lab.ended(run_id)["state"]["result_state"] == "CANCELED"
    assert state_of(starter.ended(str(statement.query_id))) is sql.StatementState.CANCELED
    server = psutil.Process(starter.lab.workspace.process.pid)
    assert not [
        each for each in server.children(recursive=True) if "dbt.cli.main" in " ".join(each.cmdline())
    ]
    starter.wait_until_idle()
    assert starter.rows("SELECT 1") == [["1"]]


@pytest.mark.clients
def test_a_project_of_a_repository_and_a_command_that_fails(starter: SqlLab, tmp_path: Path) -> None:
    shutil.copytree(SCRIPTS / "dbt_project", tmp_path / "repository" / "project")
    for command in (("init", "--quiet", "--initial-branch=main"), ("add", "."), ("commit", "-q", "-m", "a")):
        git(tmp_path / "repository", *command)
    source = {"git_url": str(tmp_path / "repository"), "git_provider": "gitHub", "git_branch": "main"}
    given = task(starter.warehouse_id, "dbt debug", "dbt nonsense", "dbt run", project_directory="project")
    state, output = run(starter.lab, given, git_source=source)
    assert state["result_state"] == "FAILED"
    assert "All checks passed!" in output["logs"]
    assert "+ dbt run" not in output["logs"]
    assert "dbt nonsense ended with exit code" in output["error"]
