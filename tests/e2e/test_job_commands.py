"""`dbflow job run` and `dbflow plan`, as a user with a job in a file meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.job.cluster import JobCluster
from databricks_local import Faults

from .conftest import ImportNotebook, Stack

DBFLOW = [sys.executable, "-m", "dbflow"]
CLUSTER = JobCluster().specification()


@pytest.fixture
def environment(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """What a user has set who has a Prefect server and a workspace."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        **os.environ,
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "PREFECT_API_URL": stack.endpoints.prefect.api_url,
        "PREFECT_API_AUTH_STRING": stack.endpoints.prefect.auth_string,
        "DATABRICKS_HOST": stack.endpoints.workspace.url,
        "DATABRICKS_TOKEN": stack.endpoints.workspace.token,
    }


def dbflow(directory: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DBFLOW, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def settings(path: str, name: str, **fields: Any) -> dict[str, Any]:
    """Settings of a job with one notebook."""
    task = {"task_key": "only", "notebook_task": {"notebook_path": path}, "new_cluster": CLUSTER}
    return {"name": name, "tasks": [task], **fields}


def write(directory: Path, value: Any) -> str:
    (directory / "job.json").write_text(json.dumps(value))
    return "job.json"


BUNDLE = """
bundle: {{name: shop}}
targets:
  dev: {{mode: development, default: true}}
  prod: {{}}
variables:
  word: {{default: hello}}
resources:
  jobs:
    greet:
      schedule: {{quartz_cron_expression: "0 0 6 * * ?", timezone_id: UTC}}
      tasks:
        - task_key: say
          notebook_task:
            notebook_path: {path}
            base_parameters: {{say: "${{var.word}} ${{bundle.target}}"}}
          new_cluster: {{spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, num_workers: 1}}
    other:
      tasks: []
"""


def test_a_saved_job_runs_from_the_answer_of_jobs_get(
    stack: Stack, environment: dict[str, str], notebook: ImportNotebook, tmp_path: Path
) -> None:
    path = notebook("says p", "dbutils.notebook.exit(dbutils.widgets.get('p'))")
    job = settings(path, "moved here", parameters=[{"name": "p", "default": "old"}], max_concurrent_runs=1)
    client = stack.databricks().api_client
    created: Any = client.do("POST", "/api/2.2/jobs/create", body=job)
    answer = client.do("GET", "/api/2.2/jobs/get", query={"job_id": created["job_id"]})
    file = write(tmp_path, answer)
    ran = dbflow(tmp_path, environment, "job", "run", file, "--launch", "run_now", "--param", "p=new")
    assert ran.returncode == 0, ran.stderr
    assert "Completed moved here" in ran.stdout
    assert "only SUCCESS 1" in " ".join(ran.stdout.split())
    assert "new" in ran.stdout
    assert f"Databricks run {stack.endpoints.workspace.url}/jobs/" in ran.stdout
    assert "run_databricks_job 1/1" in " ".join(ran.stdout.split())
    assert ran.stderr == ""
    same = dbflow(tmp_path, environment, "job", "run", file, "--launch", "existing_job", "--json")
    result = json.loads(same.stdout)
    assert same.returncode == 0
    assert result["tasks"]["only"]["exit_value"] == "old"
    run = stack.databricks().jobs.get_run(result["run_id"])
    assert run.job_id == created["job_id"]


def test_a_job_of_a_bundle_runs_and_what_was_not_taken_over_is_told(
    environment: dict[str, str], notebook: ImportNotebook, tmp_path: Path
) -> None:
    path = notebook("says say", "dbutils.notebook.exit(dbutils.widgets.get('say'))")
    (tmp_path / "databricks.yml").write_text(BUNDLE.format(path=path))
    ran = dbflow(tmp_path, environment, "job", "run", ".", "--job", "greet", "--var", "word=hi", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["tasks"]["say"]["exit_value"] == "hi dev"
    assert "Note: `schedule` is not taken over" in ran.stderr
    assert "Note: `mode: development` is not taken over" in ran.stderr
    unknown = dbflow(tmp_path, environment, "job", "run", ".", "--job", "great")
    assert unknown.returncode == 2
    assert unknown.stderr.endswith("resources.jobs: there is no `great`; there is `greet`, `other`.\n")
    assert unknown.stderr.count("\n") == 1


def test_a_run_that_failed_is_told_by_the_first_line_of_its_error(
    environment: dict[str, str], notebook: ImportNotebook, tmp_path: Path
) -> None:
    file = write(tmp_path, settings(notebook("fails here", "raise OSError('no disk')"), "failing"))
    failed = dbflow(tmp_path, environment, "job", "run", file, "--max-repairs", "0", "--json")
    assert failed.returncode == 1
    *progress, line = failed.stderr.splitlines()
    assert line.startswith("Error: Task `only` failed: OSError: no disk (attempt 1, http://127.0.0.1:")
    assert [shown.partition(" ")[0] for shown in progress] == ["Prefect", "Databricks", "Task", "Databricks"]
    told = json.loads(failed.stdout)
    assert line == f"Error: {told['error']}"
    assert (told["kind"], bool(told["run_id"])) == ("DatabricksRunFailed", True)


def test_a_run_tells_its_links_repairs_and_outcomes_and_its_bar_tells_the_truth(
    environment: dict[str, str], notebook: ImportNotebook, faults: Faults, tmp_path: Path
) -> None:
    path = notebook("fine", "pass")
    ask = {"task_key": "ask", "condition_task": {"op": "EQUAL_TO", "left": "yes", "right": "yes"}}
    after = {"depends_on": [{"task_key": "ask", "outcome": "true"}]}
    job = settings(path, "told", tasks=[ask, {**settings(path, "")["tasks"][0], **after}])
    faults.add(task_key="only", run_name="told", error="OSError: \x1b]52;c;x\x07 away")
    repaired = dbflow(tmp_path, environment, "job", "run", write(tmp_path, job), "--max-repairs", "1")
    assert repaired.returncode == 0, repaired.stderr
    told = repaired.stdout.splitlines()
    assert re.match(
        rf"Prefect run: {environment['PREFECT_API_URL'].removesuffix('/api')}/.*flow-run/", told[0]
    )
    assert re.match(rf"Databricks run \d+: {environment['DATABRICKS_HOST']}/jobs/", told[1])
    assert any(re.fullmatch(r"Task ask: SUCCESS after \d+\.\d s, outcome true", line) for line in told)
    assert "Task only failed: OSError: ␛]52;c;x␇ away" in told
    assert any(re.search(r"FAILED, repair 1 of 1 in \d+ s: failed: only$", line) for line in told)
    assert "run_databricks_job 2/2" in " ".join(repaired.stdout.split())
    faults.clear()
    faults.add(task_key="only", run_name="told", error="OSError: \x1b]52;c;x\x07 away")
    failed = dbflow(tmp_path, environment, "job", "run", "job.json", "--max-repairs", "0")
    assert failed.returncode == 1
    assert "2/2" not in failed.stdout
    assert any(line.endswith("FAILED, no repair: none is allowed") for line in failed.stdout.splitlines())
    assert failed.stderr.startswith("Error: Task `only` failed: OSError: ␛]52;c;x␇ away")


PROBLEMS = {"name": "", "tasks": [{"task_key": "a b", "notebook_task": {"notebook_path": "/x"}}]}


@pytest.mark.parametrize(
    ("arguments", "content", "message"),
    [
        (["nowhere.json"], None, "nowhere.json cannot be read: No such file or directory."),
        (["job.json"], "{", "job.json is no JSON: "),
        (["job.json"], "[]", "job.json holds no settings of a job"),
        (
            ["job.json"],
            json.dumps(PROBLEMS),
            "problems: name: the job has no name.; Task key `a b` is invalid",
        ),
        (["job.json", "--job", "x"], "{}", "--job is for bundles"),
        (["job.json", "--param", "x"], "{}", "--param x: write it as name=value."),
        (["job.json", "--launch", "existing_job"], "{}", "job.json has no job_id"),
        (["."], None, "databricks.yml"),
        (["pipe.json"], None, "pipe.json cannot be read: a named pipe, not a regular file."),
        (["pipe.yml"], None, "pipe.yml cannot be read: a named pipe, not a regular file."),
        (["/dev/zero"], None, "/dev/zero cannot be read: a device, not a regular file."),
        (["huge.json"], None, "huge.json cannot be read: 20000000 bytes, where at most 16777216 are read."),
        (["binary.json"], None, "binary.json is no JSON: "),
        (["binary.yml"], None, "binary.yml"),
    ],
)
def test_what_cannot_run_is_refused_in_one_line_before_anything_is_asked(
    tmp_path: Path, arguments: list[str], content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    for name in ("pipe.json", "pipe.yml"):
        os.mkfifo(tmp_path / name)
    with (tmp_path / "huge.json").open("wb") as huge:
        huge.truncate(20_000_000)
    for name in ("binary.json", "binary.yml"):
        (tmp_path / name).write_bytes(bytes(range(256)))
    nothing_to_log_in_to = {**os.environ, "HOME": str(tmp_path)}
    refused = dbflow(tmp_path, nothing_to_log_in_to, "job", "run", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("changed", "arguments", "exit_code", "message"),
    [
        ({"DATABRICKS_HOST": ""}, [], 2, "Error: No workspace to log in to: set DATABRICKS_HOST and"),
        ({"DATABRICKS_TOKEN": "wrong"}, [], 1, "refused scim/v2/Me: "),
        ({}, ["--workspace", "nowhere"], 2, "no block `nowhere` of type `databricks-workspace`"),
    ],
)
def test_a_login_that_is_not_there_or_refused_is_told_in_one_line(
    environment: dict[str, str],
    tmp_path: Path,
    changed: dict[str, str],
    arguments: list[str],
    exit_code: int,
    message: str,
) -> None:
    file = write(tmp_path, settings("/Shared/x", "never runs"))
    refused = dbflow(tmp_path, {**environment, **changed}, "job", "run", file, *arguments)
    assert refused.returncode == exit_code
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert environment["DATABRICKS_TOKEN"] not in refused.stderr


def test_without_a_server_of_the_users_the_stack_records_the_run_which_may_be_in_a_named_workspace(
    stack: Stack, environment: dict[str, str], notebook: ImportNotebook, tmp_path: Path
) -> None:
    file = tmp_path / write(tmp_path, settings(notebook("passes", "pass"), "recorded by the stack"))
    own = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PREFECT_API_", "DATABRICKS_"))
    }
    ran = dbflow(stack.directory, own, "job", "run", str(file), "--workspace", "workspace", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["state"] == "SUCCESS"


def test_a_plan_tells_requests_graph_and_clusters_and_makes_no_call(tmp_path: Path) -> None:
    nobody = {**os.environ, "HOME": str(tmp_path)}
    own = dbflow(tmp_path, nobody, "plan", "--launch", "run_now")
    assert own.returncode == 0, own.stderr
    assert "transform_data  notebook_task  after join_data" in own.stdout
    assert "run_now: starts 1 cluster (chosen)" in own.stdout
    assert "submit: starts 2 clusters" in own.stdout
    assert "POST /api/2.2/jobs/create" in own.stdout
    (tmp_path / "databricks.yml").write_text(BUNDLE.format(path="./greet.py"))
    arguments = ["plan", ".", "--job", "greet", "--target", "prod", "--user", "me@example.com", "--json"]
    planned = dbflow(tmp_path, nobody, *arguments)
    assert planned.returncode == 0, planned.stderr
    told = json.loads(planned.stdout)
    [request] = told["launches"]["submit"]["requests"]
    [task] = request["body"]["tasks"]
    assert task["notebook_task"]["base_parameters"] == {"say": "hello prod"}
    assert task["notebook_task"]["notebook_path"].startswith("/Workspace/Users/me@example.com/")
    assert told["notes"]
    bad = dbflow(tmp_path, nobody, "plan", ".", "--job", "other")
    assert bad.returncode == 2
    assert "problem: tasks: the job has no tasks." in bad.stdout
