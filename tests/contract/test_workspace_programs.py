"""Tasks that run a Python file or the entry point of a wheel."""

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from .job_lab import file_task, invalid, latest, output, put_file, refusal, run_job, run_now, step
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab

SUBMIT = "/api/2.2/jobs/runs/submit"
FAILED = "Workload failed, see run output for details"


def put_volume_file(lab: Lab, path: str, content: bytes) -> str:
    answer = lab.http.put(f"/api/2.0/fs/files{path}?overwrite=true", content=content)
    assert answer.status_code == 204, answer.text
    return path


def run_tasks(lab: Lab, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = lab.post(SUBMIT, {"tasks": list(tasks), **fields})
    assert answer.status_code == 200, answer.text
    return lab.ended(answer.json()["run_id"])


def run_file(lab: Lab, source: str, *parameters: str) -> tuple[dict[str, Any], dict[str, Any]]:
    path = put_file(lab, "/Shared/program.py", source)
    task = run_tasks(lab, file_task(path, *parameters))["tasks"][0]
    return task, output(lab, task)


def test_a_python_file_is_run_as_a_program(lab: Lab) -> None:
    put_file(lab, "/Shared/beside.py", "NAME = 'a module beside it'\n")
    task, shown = run_file(
        lab,
        "import subprocess, sys\nimport beside\n"
        "print(__name__, sys.argv[1:], beside.NAME)\nprint('to error', file=sys.stderr)\n"
        "subprocess.run(['echo', 'of a child'])\n",
        "--country",
        "Österreich, {{job.run_id}}",
    )
    assert task["state"]["result_state"] == "SUCCESS"
    assert shown["logs"].splitlines() == [
        f"__main__ ['--country', 'Österreich, {shown['metadata']['job_run_id']}'] a module beside it",
        "to error",
        "of a child",
    ]
    assert shown["logs_truncated"] is False
    assert "notebook_output" not in shown
    assert "error" not in shown
    assert task["spark_python_task"]["source"] == "WORKSPACE"


def test_where_python_files_are(lab: Lab) -> None:
    lab.post("/api/2.1/unity-catalog/volumes", {"catalog_name": "main", "schema_name": "default",
             "name": "code", "volume_type": "MANAGED"})  # fmt: skip
    source = "print('found')\n"
    put_file(lab, "/Shared/place.py", source)
    lab.notebook("a_notebook", "# MAGIC %md a remark\nprint('found')\n")
    put_volume_file(lab, "/Volumes/main/default/code/place.py", source.encode())
    contents = base64.b64encode(source.encode()).decode()
    lab.post("/api/2.0/dbfs/put", {"path": "/code/place.py", "contents": contents, "overwrite": True})
    paths = {
        "workspace": "/Workspace/Shared/place.py",
        "notebook": "/Shared/a_notebook",
        "volume": "/Volumes/main/default/code/place.py",
        "volume_uri": "dbfs:/Volumes/main/default/code/place.py",
        "dbfs": "dbfs:/code/place.py",
    }
    job = run_job(lab, *(file_task(path, key=key) for key, path in paths.items()))
    assert {key: output(lab, task)["logs"] for key, task in latest(job).items()} == dict.fromkeys(
        paths, "found\n"
    )


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        ("sys.exit(0)", None),
        ("sys.exit()", None),
        ("sys.exit(3)", "SystemExit: 3"),
        ("sys.exit('no input')", "SystemExit: no input"),
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
    ],
)
def test_how_a_program_ends(lab: Lab, ending: str, error: str | None) -> None:
    task, shown = run_file(lab, f"import sys\nprint('before')\n{ending}\n")
    assert shown["logs"].startswith("before\n")
    assert shown.get("error") == error
    if error is None:
        assert task["state"]["result_state"] == "SUCCESS"
        return
    assert (task["state"]["result_state"], task["state"]["state_message"]) == ("FAILED", FAILED)
    assert 'File "/Workspace/Shared/program.py", line 3' in shown["error_trace"]
    assert "databricks_local" not in shown["error_trace"]
    assert shown["error_trace"].endswith(error)


def test_spark_and_dbutils_of_a_program(lab: Lab) -> None:
    lab.sdk.secrets.create_scope("of-programs")
    lab.sdk.secrets.put_secret("of-programs", "key", string_value="hush-hush")
    _, shown = run_file(
        lab,
        "from pyspark.sql import SparkSession\nfrom pyspark.dbutils import DBUtils\n"
        "from databricks.sdk.runtime import dbutils, spark\n"
        "session = SparkSession.builder.getOrCreate()\nprint(session.range(5).count(), spark is session)\n"
        "print(DBUtils(session) is dbutils)\n"
        "print(dbutils.secrets.get('of-programs', 'key'))\n"
        "dbutils.jobs.taskValues.set('rows', 5)\n",
    )
    assert shown.get("error") is None
    assert shown["logs"].splitlines() == ["5 True", "True", "[REDACTED]"]


def test_a_program_outside_of_the_workspace_runs_notebooks_by_absolute_paths(lab: Lab) -> None:
    lab.notebook("of a program", "dbutils.notebook.exit('told')\n")
    source = (
        "from databricks.sdk.runtime import dbutils\nprint(dbutils.notebook.run('/Shared/of a program', 0))\n"
        "dbutils.notebook.run('of a program', 0)\n"
    )
    contents = base64.b64encode(source.encode()).decode()
    lab.post("/api/2.0/dbfs/put", {"path": "/code/calls.py", "contents": contents, "overwrite": True})
    shown = output(lab, run_tasks(lab, file_task("dbfs:/code/calls.py"))["tasks"][0])
    assert shown["logs"].startswith("told\n")
    assert "Only absolute paths are currently supported." in shown["error"]


def test_modules_of_a_notebook_get_dbutils(lab: Lab) -> None:
    _, shown = lab.run_source(
        "module_user",
        "from databricks.sdk.runtime import dbutils as imported\n"
        "dbutils.notebook.exit(str(imported is dbutils))\n",
    )
    assert shown["notebook_output"]["result"] == "True"


def test_a_program_that_dies_leaves_its_logs(lab: Lab) -> None:
    task, shown = run_file(lab, "import os\nprint('before')\nos.kill(os.getpid(), 9)\n")
    assert task["state"]["state_message"] == shown["error"] == "Driver of the cluster was lost"
    assert shown["logs"] == "before"


def test_the_last_5_mb_of_the_logs(lab: Lab) -> None:
    _, shown = run_file(lab, "for n in range(700_000):\n    print(f'{n:09}')\n")
    assert shown["logs_truncated"] is True
    assert len(shown["logs"]) == 5 * 1024 * 1024
    assert shown["logs"].endswith("000699999\n")


def test_a_missing_python_file(lab: Lab) -> None:
    run = run_tasks(lab, file_task("/Workspace/Shared/nowhere.py"))
    state = run["tasks"][0]["state"]
    assert (state["life_cycle_state"], state["state_message"]) == (
        "INTERNAL_ERROR",
        "Cannot read the python file /Workspace/Shared/nowhere.py. "
        "Please check driver logs for more details.",
    )


def test_python_params_of_run_now_replace_those_of_the_task(lab: Lab) -> None:
    path = put_file(lab, "/Shared/arguments.py", "import sys\nprint(sys.argv[1:])\n")
    created = lab.post("/api/2.2/jobs/create", {"name": "a job", "tasks": [file_task(path, "own")]}).json()
    run = lab.ended(run_now(lab, created["job_id"], python_params=["given"]))
    assert output(lab, run["tasks"][0])["logs"] == "['given']\n"


def test_cancel_ends_a_program(lab: Lab) -> None:
    path = put_file(lab, "/Shared/sleeper.py", "import time\nprint('asleep')\ntime.sleep(600)\n")
    run_id = lab.post(SUBMIT, {"tasks": [file_task(path)]}).json()["run_id"]
    lab.wait_for_task(run_id, "only", "RUNNING")
    lab.sdk.jobs.cancel_run(run_id)
    assert lab.ended(run_id)["state"]["result_state"] == "CANCELED"


def wheel_task(wheel: str, **fields: Any) -> dict[str, Any]:
    body = {"package_name": "greeter", "entry_point": "main", **fields}
    return {
        "task_key": "only",
        "python_wheel_task": body,
        "new_cluster": CLUSTER,
        "libraries": [{"whl": wheel}],
    }


GREETER = "import sys\ndef hello():\n    print('hello', sys.argv[1:])\ndef fail():\n    sys.exit(2)\n"


@pytest.fixture
def greeter(lab: Lab, tmp_path: Path) -> str:
    wheel = build_wheel(tmp_path, "greeter", "1.0", GREETER, "[console_scripts]\nmain = greeter:hello\n")
    body = {"catalog_name": "main", "schema_name": "default", "name": "wheels", "volume_type": "MANAGED"}
    lab.post("/api/2.1/unity-catalog/volumes", body)
    return put_volume_file(lab, f"/Volumes/main/default/wheels/{wheel.name}", wheel.read_bytes())


@pytest.mark.parametrize(
    ("fields", "logs"),
    [
        ({"parameters": ["a", "b c"]}, "hello ['a', 'b c']\n"),
        ({"named_parameters": {"day": "1", "place": "x y"}}, "hello ['--day=1', '--place=x y']\n"),
        ({"entry_point": "hello"}, "hello []\n"),
    ],
)
def test_the_entry_point_of_a_wheel(lab: Lab, greeter: str, fields: dict[str, Any], logs: str) -> None:
    run = run_tasks(lab, wheel_task(greeter, **fields))
    shown = output(lab, run["tasks"][0])
    assert (shown.get("error"), shown["logs"]) == (None, logs)
    assert run["state"]["result_state"] == "SUCCESS"


def test_entry_points_that_fail_or_are_not_there(lab: Lab, greeter: str) -> None:
    failed = run_tasks(lab, wheel_task(greeter, entry_point="fail"))
    assert output(lab, failed["tasks"][0])["error"] == "SystemExit: 2"
    missing = run_tasks(lab, wheel_task(greeter, entry_point="nobody"))
    assert output(lab, missing["tasks"][0])["error"] == (
        "AttributeError: module 'greeter' has no attribute 'nobody'"
    )


def test_job_parameters_reach_a_wheel_by_name(lab: Lab, greeter: str) -> None:
    task = wheel_task(greeter, named_parameters={"day": "1"})
    settings = {"name": "a job", "tasks": [task], "parameters": [{"name": "day", "default": "2"}]}
    job_id = lab.post("/api/2.2/jobs/create", settings).json()["job_id"]
    run = lab.ended(run_now(lab, job_id, job_parameters={"day": "3"}))
    assert output(lab, run["tasks"][0])["logs"] == "hello ['--day=3']\n"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            {"spark_python_task": {"python_file": "program.py"}},
            "Invalid python_file: program.py. It must be an absolute path of the workspace or of a volume, "
            "or begin with dbfs:/.",
        ),
        (
            {
                "python_wheel_task": {
                    "package_name": "a",
                    "entry_point": "b",
                    "parameters": ["c"],
                    "named_parameters": {"d": "e"},
                }
            },
            "Only one of parameters and named_parameters can be specified.",
        ),
        ({"python_wheel_task": {"package_name": "a"}}, "Missing required field: entry_point"),
    ],
)
def test_refusals(lab: Lab, task: dict[str, Any], message: str) -> None:
    answer = lab.post(SUBMIT, {"tasks": [{"task_key": "a", "new_cluster": CLUSTER, **task}]})
    assert refusal(answer) == invalid(message)


def test_the_page_shows_what_a_program_wrote(lab: Lab) -> None:
    task, _ = run_file(lab, "print('for <the> page')\n")
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        browser.post(f"{lab.workspace.url}/login", data={"token": lab.workspace.token})
        assert "for &lt;the&gt; page" in browser.get(task["run_page_url"]).text


def test_a_notebook_and_a_program_share_a_cluster_and_values(lab: Lab) -> None:
    path = put_file(
        lab,
        "/Shared/reader.py",
        "from databricks.sdk.runtime import dbutils\n"
        "print(dbutils.jobs.taskValues.get('first', 'answer', debugValue=0))\n",
    )
    first = step("first", lab.notebook("setter", "dbutils.jobs.taskValues.set('answer', 42)\n"))
    second = {
        "task_key": "second",
        "spark_python_task": {"python_file": path},
        "job_cluster_key": "shared",
        "depends_on": [{"task_key": "first"}],
    }
    run = run_job(lab, first, second)
    tasks = latest(run)
    assert output(lab, tasks["second"])["logs"] == "42\n"
    clusters = {task["cluster_instance"]["cluster_id"] for task in tasks.values()}
    assert len(clusters) == 1


def test_a_program_ends_as_python_does_with_its_hook_and_its_exit_functions(lab: Lab) -> None:
    """What a library wants to send at the end of a program must not be lost."""
    source = (
        "import atexit, sys\n"
        "atexit.register(print, 'at the end')\n"
        "sys.excepthook = lambda kind, error, trace: print('the hook has seen', error)\n"
    )
    task, shown = run_file(lab, f"{source}print('first')\n")
    assert (task["state"]["result_state"], shown["logs"]) == ("SUCCESS", "first\nat the end\n")
    task, shown = run_file(lab, f"{source}raise ValueError('no such day')\n")
    assert task["state"]["result_state"] == "FAILED"
    assert shown["error"] == "ValueError: no such day"
    assert shown["logs"] == "the hook has seen no such day\nat the end\n"
