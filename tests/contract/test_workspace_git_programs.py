"""Runs whose Python files come from a repository."""

from pathlib import Path
from typing import Any

import pytest

from .git_lab import commit
from .job_lab import create, invalid, latest, output, refusal, results, run_now
from .workspace_lab import CLUSTER, HEADER, Lab

SUBMIT = "/api/2.2/jobs/runs/submit"
JOB = """
import os, pathlib, sys
import beside, shared.names
from databricks.sdk.runtime import dbutils
print(__name__, sys.argv[1:], beside.NAME, shared.names.NAME)
print(pathlib.Path(__file__).relative_to(pathlib.Path.cwd().parent), os.path.exists('data.csv'))
print(dbutils.notebook.run('../book', 0))
pathlib.Path('left.txt').touch()
"""


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    files = {
        "etl/job.py": JOB,
        "etl/beside.py": "NAME = 'beside'\n",
        "etl/data.csv": "",
        "shared/names.py": "NAME = 'shared'\n",
        "book.py": f"{HEADER}dbutils.notebook.exit('a notebook of the repository')\n",
        "look.py": "import os\nprint(os.path.exists('etl/left.txt'))\n",
    }
    commit(directory, files)
    return directory


def task(key: str, path: str, *parameters: str, **fields: Any) -> dict[str, Any]:
    body = {"python_file": path, "parameters": list(parameters), "source": "GIT"}
    return {"task_key": key, "spark_python_task": body, "new_cluster": CLUSTER, **fields}


def source(origin: Path) -> dict[str, str]:
    return {"git_url": str(origin), "git_provider": "gitHub", "git_branch": "main"}


def run_tasks(lab: Lab, origin: Path, *tasks: dict[str, Any]) -> dict[str, Any]:
    answer = lab.post(SUBMIT, {"tasks": list(tasks), "git_source": source(origin)})
    assert answer.status_code == 200, answer.text
    return lab.ended(answer.json()["run_id"])


def logs(lab: Lab, run: dict[str, Any], key: str) -> list[str]:
    found = output(lab, latest(run)[key])
    assert "error" not in found, found
    return str(found["logs"]).splitlines()


def test_a_python_file_of_a_repository(lab: Lab, origin: Path) -> None:
    run = run_tasks(
        lab,
        origin,
        task("a", "etl/job.py", "--day", "{{job.run_id}}"),
        task("b", "look.py", depends_on=[{"task_key": "a"}]),
    )
    assert logs(lab, run, "a") == [
        f"__main__ ['--day', '{run['run_id']}'] beside shared",
        "etl/job.py True",
        "a notebook of the repository",
    ]
    # Each task has a copy of its own.
    assert logs(lab, run, "b") == ["False"]
    assert latest(run)["a"]["spark_python_task"]["source"] == "GIT"
    assert not list((lab.workspace.log.parent / "checkouts").iterdir())


def test_a_job_runs_the_file_of_its_commit(lab: Lab, origin: Path) -> None:
    used = commit(origin, {"say.py": "print('one')\n"})
    job_id = create(lab, task("a", "say.py"), git_source=source(origin))
    run = lab.ended(run_now(lab, job_id))
    assert logs(lab, run, "a") == ["one"]
    assert run["git_source"]["git_snapshot"] == {"used_commit": used}


@pytest.mark.parametrize("path", ["etl/none.py", "etl", "../project/etl/job.py"])
def test_a_file_that_is_not_there(lab: Lab, origin: Path, path: str) -> None:
    run = run_tasks(lab, origin, task("a", path))
    assert results(run) == {"a": "FAILED"}
    state = run["tasks"][0]["state"]["state_message"]
    assert state.startswith(f"Failed to checkout Git repository: there is no file {path} in commit ")
    details = run["tasks"][0]["status"]["termination_details"]
    assert (details["code"], details["type"]) == ("REPOSITORY_CHECKOUT_FAILED", "CLIENT_ERROR")


def test_without_a_source_a_file_is_of_the_workspace(lab: Lab, origin: Path) -> None:
    """Docs: source, "when set to WORKSPACE or not specified"; a notebook would be of the repository."""
    given = task("a", "relative.py")
    del given["spark_python_task"]["source"]
    answer = lab.post(SUBMIT, {"tasks": [given], "git_source": source(origin)})
    assert refusal(answer)[2].startswith("Invalid python_file: relative.py. It must be an absolute path")


@pytest.mark.parametrize(
    ("path", "git", "message"),
    [
        ("/etl/job.py", True, "The path of a Python file with source GIT must be relative: /etl/job.py"),
        ("etl/job.py", False, "Task a has the source GIT, but there is no git_source."),
    ],
)
def test_refusals(lab: Lab, origin: Path, path: str, git: bool, message: str) -> None:
    body = {"tasks": [task("a", path)], "git_source": source(origin) if git else None}
    for endpoint in (SUBMIT, "/api/2.2/jobs/create"):
        assert refusal(lab.post(endpoint, body)) == invalid(message)
