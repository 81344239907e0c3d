"""What tasks run on besides clusters of their own: all-purpose clusters, serverless compute."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat

from .job_lab import invalid, latest, output, refusal, results, run_now, value
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab, until

SUBMIT = "/api/2.2/jobs/runs/submit"
ENTRY = "[console_scripts]\nmain = shade:main\n"
SHADE = """
import os
def main():
    print(os.environ["IS_SERVERLESS"], os.environ["DATABRICKS_RUNTIME_VERSION"])
"""


@pytest.fixture
def cluster_id(lab: Lab) -> Iterator[str]:
    created = lab.sdk.clusters.create(cluster_name="all-purpose", **CLUSTER)  # type: ignore[arg-type]
    cluster_id = created.result(timedelta(seconds=20)).cluster_id or ""
    yield cluster_id
    lab.sdk.clusters.permanent_delete(cluster_id)


def task(key: str, path: str, **fields: Any) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": path}, **fields}


def submit(lab: Lab, *tasks: dict[str, Any], **fields: Any) -> int:
    answer = lab.post(SUBMIT, {"tasks": list(tasks), **fields})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["run_id"])


def test_tasks_on_an_all_purpose_cluster(lab: Lab, cluster_id: str) -> None:
    path = lab.notebook("counting", "dbutils.notebook.exit(str(spark.range(3).count()))\n")
    lab.sdk.clusters.delete_and_wait(cluster_id)
    run = lab.ended(
        submit(
            lab,
            task("a", path, existing_cluster_id=cluster_id),
            task("b", path, existing_cluster_id=cluster_id, depends_on=[{"task_key": "a"}]),
        )
    )
    assert results(run) == {"a": "SUCCESS", "b": "SUCCESS"}
    for found in run["tasks"]:
        assert found["existing_cluster_id"] == found["cluster_instance"]["cluster_id"] == cluster_id
    # It was started for them, and stays.
    assert lab.sdk.clusters.get(cluster_id).state is compute.State.RUNNING


def test_a_session_on_an_all_purpose_cluster_ends_with_its_notebook(lab: Lab, cluster_id: str) -> None:
    stream = (
        "query = spark.readStream.format('rate').load().writeStream.format('console').start()\n"
        "dbutils.notebook.exit(spark.session_id)\n"
    )
    path = lab.notebook("streaming", stream)
    session = value(lab, lab.ended(submit(lab, task("a", path, existing_cluster_id=cluster_id))), "a")
    check_that_it_ended(lab, cluster_id, session)


def test_a_session_on_an_all_purpose_cluster_ends_with_a_cancel(lab: Lab, cluster_id: str) -> None:
    stream = (
        "import time\nquery = spark.readStream.format('rate').load().writeStream.format('console').start()\n"
        "dbutils.fs.put('/session', spark.session_id, True)\ntime.sleep(600)\n"
    )
    run_id = submit(lab, task("a", lab.notebook("streaming", stream), existing_cluster_id=cluster_id))
    kept = lab.workspace.root / "dbfs" / "session"
    session = until(lambda: kept.exists() and kept.read_text())
    lab.sdk.jobs.cancel_run(run_id)
    lab.ended(run_id)
    check_that_it_ended(lab, cluster_id, session)


def check_that_it_ended(lab: Lab, cluster_id: str, session: str) -> None:
    """Whoever goes on with that session learns that it has ended."""
    source = (
        "import os, time\nfrom pyspark.sql.connect.session import SparkSession\n"
        f"remote = os.environ['SPARK_REMOTE'] + '/;session_id={session}'\n"
        "same = SparkSession.builder.remote(remote).create()\n"
        "while True:\n    same.streams.active\n    time.sleep(0.1)\n"
    )
    again = task("a", lab.notebook("again", source), existing_cluster_id=cluster_id)
    run = lab.ended(submit(lab, again))
    assert output(lab, latest(run)["a"])["error"].endswith(f"session {session} is not running")


def test_terminating_a_cluster_ends_its_task(lab: Lab, cluster_id: str) -> None:
    path = lab.notebook("sleeping", "import time\ntime.sleep(600)\n")
    quick = lab.notebook("nothing", "x = 1\n")
    after = [{"task_key": "a"}]
    run_id = submit(
        lab,
        task("a", path, existing_cluster_id=cluster_id),
        task("b", quick, existing_cluster_id=cluster_id, depends_on=after, run_if="ALL_DONE"),
    )
    lab.wait_for_task(run_id, "a", "RUNNING")
    lab.sdk.clusters.delete(cluster_id)
    run = lab.ended(run_id)
    assert results(run) == {"a": "FAILED", "b": "SUCCESS"}
    ended = latest(run)["a"]
    assert ended["status"]["termination_details"]["code"] == "CLUSTER_TERMINATED_BY_USER"
    words = (
        f"Cluster {cluster_id} was terminated. Reason: USER_REQUEST (SUCCESS). "
        "Parameters: username:local@dbflow.example."
    )
    assert ended["state"]["state_message"] == output(lab, ended)["error"] == words


def test_a_cluster_that_is_deleted_before_its_task_runs(lab: Lab) -> None:
    path = lab.notebook("nothing", "x = 1\n")
    created = lab.sdk.clusters.create(**CLUSTER).result(timedelta(seconds=20))  # type: ignore[arg-type]
    body = {"name": "a job", "tasks": [task("a", path, existing_cluster_id=created.cluster_id)]}
    job_id = lab.post("/api/2.2/jobs/create", body).json()["job_id"]
    lab.sdk.clusters.permanent_delete(created.cluster_id or "")
    run = lab.ended(run_now(lab, job_id))
    assert run["tasks"][0]["state"]["state_message"] == f"Cluster {created.cluster_id} does not exist"


@pytest.mark.parametrize("path", [SUBMIT, "/api/2.2/jobs/create"])
def test_ids_that_are_refused(lab: Lab, path: str) -> None:
    notebook = lab.notebook("nothing", "x = 1\n")
    run = lab.ended(submit(lab, task("a", notebook, new_cluster=CLUSTER)))
    of_a_job = run["tasks"][0]["cluster_instance"]["cluster_id"]
    for cluster_id, message in (
        (of_a_job, "existing_cluster_id only supports all-purpose cluster IDs"),
        ("0101-000000-abcdefgh", "Cluster 0101-000000-abcdefgh does not exist"),
    ):
        body = {"tasks": [task("a", notebook, existing_cluster_id=cluster_id)]}
        assert refusal(lab.post(path, body)) == invalid(message)


def test_a_notebook_without_cluster_is_serverless(lab: Lab) -> None:
    source = "import os\ndbutils.notebook.exit(os.environ['IS_SERVERLESS'] + str(spark.range(2).count()))\n"
    path = lab.notebook("serverless", source)
    found = lab.ended(submit(lab, task("a", path)))["tasks"][0]
    assert output(lab, found)["notebook_output"]["result"] == "TRUE2"
    assert "cluster_instance" not in found


def environment(*dependencies: str, key: str = "tools", **spec: Any) -> dict[str, Any]:
    version = {} if spec else {"environment_version": "3"}
    return {"environment_key": key, "spec": {"dependencies": list(dependencies), **version, **spec}}


def test_environments_have_their_dependencies(lab: Lab, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "shade", "1.0", SHADE, ENTRY)
    place = f"/Workspace/Shared/{wheel.name}"
    lab.sdk.workspace.upload(
        place.removeprefix("/Workspace"), wheel.read_bytes(), format=ImportFormat.RAW, overwrite=True
    )
    body = jobs.PythonWheelTask(package_name="shade", entry_point="main")
    absent = lab.notebook(
        "absent", "import importlib.util\ndbutils.notebook.exit(str(importlib.util.find_spec('shade')))\n"
    )
    notebook = jobs.NotebookTask(notebook_path=absent)
    submitted = lab.sdk.jobs.submit(
        run_name="serverless",
        environments=[
            jobs.JobEnvironment("tools", compute.Environment(environment_version="3", dependencies=[place])),
            jobs.JobEnvironment("bare", compute.Environment(client="1")),
        ],
        tasks=[
            jobs.SubmitTask(task_key="wheel", environment_key="tools", python_wheel_task=body),
            jobs.SubmitTask(task_key="other", environment_key="bare", notebook_task=notebook),
        ],
    )
    run = lab.ended(submitted.run_id)
    tasks = latest(run)
    assert output(lab, tasks["wheel"])["logs"] == "TRUE client.3\n"
    assert output(lab, tasks["other"])["notebook_output"]["result"] == "None"
    assert tasks["wheel"]["environment_key"] == "tools"


def test_an_environment_of_a_job_that_cannot_be_installed(lab: Lab) -> None:
    path = lab.notebook("nothing", "x = 1\n")
    body = {
        "name": "a job",
        "environments": [environment("--no-index", "no-such-thing>=1 ; python_version > '3'")],
        "tasks": [task("a", path, environment_key="tools")],
    }
    job_id = lab.post("/api/2.2/jobs/create", body).json()["job_id"]
    shown = lab.get("/api/2.2/jobs/get", job_id=job_id).json()["settings"]
    assert shown["environments"] == body["environments"]
    found = lab.ended(run_now(lab, job_id))["tasks"][0]
    assert found["status"]["termination_details"]["code"] == "LIBRARY_INSTALLATION_ERROR"
    assert "No matching distribution found for no-such-thing" in found["state"]["state_message"]


WHEEL = {"task_key": "a", "python_wheel_task": {"package_name": "a", "entry_point": "b"}}
NOTEBOOK = {"task_key": "a", "notebook_task": {"notebook_path": "/Shared/any"}}


@pytest.mark.parametrize(
    ("task", "environments", "message"),
    [
        (
            {**WHEEL, "environment_key": "other"},
            [environment()],
            "Job environment 'other' used by task a is not defined in field 'environments'.",
        ),
        (
            WHEEL,
            [environment()],
            "An environment is required for serverless task a. Please define one using `environments` and "
            "`environment_key`. For more details, please refer to the API documentation at "
            "https://docs.databricks.com",
        ),
        (
            {**NOTEBOOK, "libraries": [{"pypi": {"package": "a"}}]},
            [],
            "Libraries field is not supported for serverless task, please specify libraries in environment.",
        ),
        (
            NOTEBOOK,
            [environment(key=str(number)) for number in range(11)],
            "The number of environments must be at most 10, but is 11.",
        ),
        (
            NOTEBOOK,
            [environment(), environment()],
            "Environment keys must be unique, but 'tools' is repeated.",
        ),
        (
            NOTEBOOK,
            [{"environment_key": "tools"}],
            "Environment 'tools' has no spec.environment_version.",
        ),
        (
            NOTEBOOK,
            [environment(java_dependencies=["/Volumes/a.jar"])],
            "java_dependencies of environment tools is not served by the local workspace yet.",
        ),
        (
            {**NOTEBOOK, "new_cluster": CLUSTER, "existing_cluster_id": "1"},
            [],
            "Only one of job_cluster_key, new_cluster, or existing_cluster_id must be specified.",
        ),
    ],
)
def test_refusals(lab: Lab, task: dict[str, Any], environments: list[dict[str, Any]], message: str) -> None:
    answer = lab.post(SUBMIT, {"tasks": [task], "environments": environments})
    assert refusal(answer) == invalid(message)


DIVIDED = """
try:
    result = str(spark.sql("SELECT 1 / 0").collect()[0][0])
except Exception as error:
    result = "error"
dbutils.notebook.exit(result)
"""


def test_ansi_mode_is_that_of_the_runtime_and_spark_conf_wins(lab: Lab) -> None:
    path = lab.notebook("dividing", DIVIDED)
    clusters = {
        "old": {"spark_version": "16.4.x-scala2.12"},
        "new": {"spark_version": "17.3.x-scala2.13"},
        "old_on": {"spark_version": "16.4.x-scala2.12", "spark_conf": {"spark.sql.ansi.enabled": "true"}},
        "new_off": {"spark_version": "17.3.x-scala2.13", "spark_conf": {"spark.sql.ansi.enabled": "false"}},
    }
    tasks = [task(key, path, new_cluster={**CLUSTER, **fields}) for key, fields in clusters.items()]
    run = lab.ended(submit(lab, *tasks, task("serverless", path)))
    assert {key: value(lab, run, key) for key in [*clusters, "serverless"]} == {
        "old": "None",
        "new": "error",
        "old_on": "error",
        "new_off": "None",
        "serverless": "error",
    }
