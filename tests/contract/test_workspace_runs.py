"""Submitting runs of notebooks and reading what became of them."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from databricks.sdk.errors import DatabricksError, ResourceDoesNotExist
from databricks.sdk.service import jobs

from .workspace_lab import CLUSTER, Lab


def state(task: dict[str, Any]) -> tuple[str, str, str]:
    shown = task["state"]
    return shown["life_cycle_state"], shown.get("result_state", ""), shown["state_message"]


def test_two_notebooks_in_order_with_parameters_on_spark(lab: Lab) -> None:
    count = lab.notebook(
        "count",
        "dbutils.widgets.text('rows', '3')\n\n# COMMAND ----------\n\n"
        "rows = int(dbutils.widgets.get('rows'))\nprint('counting')\n\n# COMMAND ----------\n\n"
        "dbutils.notebook.exit(str(spark.range(rows).count()))\n",
    )
    run = lab.run(
        lab.task("second", count, ["first"]),
        lab.task("first", count, parameters={"rows": "10"}),
        run_name="two notebooks",
    )
    assert state(run) == ("TERMINATED", "SUCCESS", "")
    assert run["status"] == {
        "state": "TERMINATED",
        "termination_details": {"code": "SUCCESS", "type": "SUCCESS", "message": ""},
    }
    assert run["run_name"] == "two notebooks"
    assert run["run_type"] == "SUBMIT_RUN"
    assert run["job_id"] > 0
    tasks = {task["task_key"]: task for task in run["tasks"]}
    assert tasks["second"]["start_time"] >= tasks["first"]["end_time"] > tasks["first"]["start_time"] > 0
    assert run["end_time"] - run["start_time"] == run["run_duration"] > 0
    for key, value in {"first": "10", "second": "3"}.items():
        assert tasks[key]["attempt_number"] == 0
        assert tasks[key]["execution_duration"] > 0
        assert tasks[key]["setup_duration"] > 0
        output = lab.sdk.jobs.get_run_output(tasks[key]["run_id"])
        assert output.notebook_output is not None
        assert output.notebook_output.result == value
        assert output.notebook_output.truncated is False
        assert output.error is None
        assert output.metadata is not None
        assert output.metadata.run_id == tasks[key]["run_id"]
    origin = lab.workspace.url
    assert run["run_page_url"].startswith(f"{origin}/jobs/{run['job_id']}/runs/{run['run_id']}?o=")


def test_the_sdk_waits_for_a_run_and_reads_it(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    waiter = lab.sdk.jobs.submit(run_name="waited for", tasks=[lab.task("only", path)])
    run = waiter.result()
    assert run.state is not None
    assert run.state.result_state == jobs.RunResultState.SUCCESS
    assert run.tasks is not None
    assert run.tasks[0].cluster_instance is not None
    assert run.execution_duration == run.tasks[0].execution_duration


def test_a_failure_in_the_words_of_databricks(lab: Lab) -> None:
    path = lab.notebook(
        "fails",
        "\n# COMMAND ----------\n\ndef fail():\n    raise RuntimeError('intentional failure')\n\n\nfail()\n",
    )
    run = lab.run(
        lab.task("broken", path), lab.task("below", path, ["broken"]), lab.task("aside", path, ["below"])
    )
    message = (
        "Task broken failed with message: Workload failed, see run output for details. "
        "This caused all downstream tasks to get skipped."
    )
    assert state(run) == ("INTERNAL_ERROR", "FAILED", message)
    assert run["status"]["state"] == "TERMINATED"
    assert run["status"]["termination_details"]["code"] == "RUN_EXECUTION_ERROR"
    broken, below, aside = run["tasks"]
    assert state(broken) == ("TERMINATED", "FAILED", "Workload failed, see run output for details")
    for skipped in (below, aside):
        assert skipped["state"]["result_state"] == "UPSTREAM_FAILED"
        assert skipped["start_time"] == skipped["execution_duration"] == skipped["attempt_number"] == 0
    output = lab.get("/api/2.1/jobs/runs/get-output", run_id=broken["run_id"]).json()
    assert output["error"] == "RuntimeError: intentional failure"
    assert output["error_trace"] == (
        "Traceback (most recent call last):\n"
        '  File "/Shared/fails", line 9, in <module>\n'
        "    fail()\n"
        '  File "/Shared/fails", line 6, in fail\n'
        "    raise RuntimeError('intentional failure')\n"
        "RuntimeError: intentional failure"
    )
    assert "result" not in output["notebook_output"]


def test_the_message_of_a_run_without_dependents(lab: Lab) -> None:
    path = lab.notebook("fails_alone", "raise ValueError('no')\n")
    run = lab.run(lab.task("alone", path))
    message = "Task alone failed with message: Workload failed, see run output for details."
    assert run["state"]["state_message"] == message


def test_the_error_of_a_spark_query_names_the_notebook_only(lab: Lab) -> None:
    task, output = lab.run_source("bad_query", "spark.sql('select * from missing_table').show()\n")
    assert task["state"]["result_state"] == "FAILED"
    assert output["error"].startswith("AnalysisException: ")
    assert "missing_table" in output["error"]
    assert 'File "/Shared/bad_query", line 2, in <module>' in output["error_trace"]
    assert "site-packages" not in output["error_trace"]


def test_run_if_and_success_with_failures(lab: Lab) -> None:
    good, bad = lab.notebook("good", "x = 1\n"), lab.notebook("bad", "1 / 0\n")
    run = lab.run(
        lab.task("bad", bad),
        lab.task("repair", good, ["bad"], run_if=jobs.RunIf.AT_LEAST_ONE_FAILED),
        lab.task("always", good, ["bad"], run_if=jobs.RunIf.ALL_DONE),
        lab.task("good", good),
        lab.task("not_needed", good, ["good"], run_if=jobs.RunIf.ALL_FAILED),
    )
    results = {task["task_key"]: task["state"]["result_state"] for task in run["tasks"]}
    assert results == {
        "bad": "FAILED",
        "repair": "SUCCESS",
        "always": "SUCCESS",
        "good": "SUCCESS",
        "not_needed": "EXCLUDED",
    }
    assert state(run) == ("TERMINATED", "SUCCESS_WITH_FAILURES", "")


def test_a_notebook_that_is_not_there(lab: Lab) -> None:
    run = lab.run(lab.task("lost", "/Shared/no such notebook"))
    message = (
        'Unable to access the notebook "/Shared/no such notebook". Either it does not exist, or the identity '
        "used to run this job, local@dbflow.example, lacks the required permissions."
    )
    assert state(run["tasks"][0]) == ("INTERNAL_ERROR", "FAILED", message)
    assert run["state"]["state_message"] == f"Task lost failed with message: {message}"


def test_a_big_exit_value_is_cut_at_5_mb(lab: Lab) -> None:
    _, output = lab.run_source("big", "dbutils.notebook.exit('é' * 4_000_000)\n")
    assert output["notebook_output"]["truncated"] is True
    assert len(output["notebook_output"]["result"].encode()) == 5 * 1024 * 1024


def test_settings_of_the_cluster_reach_the_notebook_and_secrets_do_not(lab: Lab) -> None:
    source = (
        "import json, os, sys\n"
        "wanted = [os.environ.get('MINE'), os.environ.get('DATABRICKS_RUNTIME_VERSION'),"
        " spark.conf.get('spark.sql.shuffle.partitions')]\n"
        "everything = open('/proc/self/environ').read() + repr(dict(os.environ))\n"
        "names = ('a-key', 'a-secret', 'another', 'DBFLOW_WORKSPACE_TOKEN')\n"
        "private = [name for name in names if name in everything]\n"
        "dbutils.notebook.exit(json.dumps([wanted, private, os.listdir('.')]))\n"
    )
    cluster = {"spark_env_vars": {"MINE": "yes"}, "spark_conf": {"spark.sql.shuffle.partitions": "7"}}
    lab.sdk.workspace.mkdirs("/Shared/settings")
    _, output = lab.run_source("settings/notebook", source, cluster=cluster)
    # The notebook itself is all that is in its folder.
    assert output["notebook_output"]["result"] == '[["yes", "15.4", "7"], [], ["notebook"]]'


def test_python_functions_of_the_notebook_run_on_spark(lab: Lab) -> None:
    source = (
        "from pyspark.sql.functions import udf\n"
        "def plus(x):\n    return x + 1\n"
        "rows = spark.range(3).select(udf(plus, 'long')('id').alias('y')).collect()\n"
        "dbutils.notebook.exit(str(sorted(row.y for row in rows)))\n"
    )
    _, output = lab.run_source("udf", source)
    assert output.get("error") is None
    assert output["notebook_output"]["result"] == "[1, 2, 3]"


def test_an_idempotency_token_starts_one_run_however_often_it_is_sent(lab: Lab) -> None:
    path = lab.notebook("once", "raise RuntimeError('once')\n")
    task = lab.task("only", path)

    def submit(_: int) -> int:
        return lab.submit(task, idempotency_token="the same")

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(submit, range(8)))
    assert len(ids) == 1
    run_id = ids.pop()
    run = lab.ended(run_id)
    assert run["state"]["result_state"] == "FAILED"
    assert submit(0) == run_id
    assert lab.get("/api/2.2/jobs/runs/get", run_id=run_id).json()["end_time"] == run["end_time"]
    assert lab.submit(task, idempotency_token="another") != run_id


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_the_format_of_a_single_task(lab: Lab, version: str) -> None:
    path = lab.notebook("legacy", "dbutils.notebook.exit(dbutils.widgets.get('x'))\n")
    body = {
        "run_name": "an old client",
        "notebook_task": {"notebook_path": path, "base_parameters": {"x": 5}},
        "new_cluster": {**CLUSTER, "aws_attributes": None},
        "libraries": [],
        "timeout_seconds": "60",
        "idempotency_token": None,
    }
    answer = lab.post(f"/api/{version}/jobs/runs/submit", body)
    run = lab.ended(answer.json()["run_id"])
    assert [task["task_key"] for task in run["tasks"]] == ["an_old_client"]
    assert run["timeout_seconds"] == 60
    output = lab.get("/api/2.1/jobs/runs/get-output", run_id=run["tasks"][0]["run_id"]).json()
    assert output["notebook_output"]["result"] == "5"


def test_the_output_of_a_run_with_several_tasks_is_refused(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    run_id = lab.submit(lab.task("a", path), lab.task("b", path))
    with pytest.raises(DatabricksError) as refusal:
        lab.sdk.jobs.get_run_output(run_id)
    assert str(refusal.value) == (
        "Retrieving the output of runs with multiple tasks is not supported. "
        "Please retrieve the output of each individual task run instead."
    )
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"
    lab.ended(run_id)


def test_pages_of_a_run_with_many_elements(lab: Lab) -> None:
    """A run is cut at 100 elements, its history comes on request, and a page after the last one is empty."""
    path = lab.notebook("plain", "x = 1\n")
    run_id = lab.submit(lab.task("a", path))
    run = lab.ended(run_id)
    assert "repair_history" not in run
    history = lab.get("/api/2.2/jobs/runs/get", run_id=run_id, include_history="true").json()[
        "repair_history"
    ]
    assert [item["type"] for item in history] == ["ORIGINAL"]
    assert "id" not in history[0]
    assert history[0]["task_run_ids"] == [run["tasks"][0]["run_id"]]
    after = lab.get("/api/2.2/jobs/runs/get", run_id=run_id, page_token="from-100").json()
    assert after["tasks"] == []
    assert after["run_name"] == run["run_name"]


def test_a_task_run_can_be_read_by_its_own_id(lab: Lab) -> None:
    run = lab.run(lab.task("a", lab.notebook("plain", "x = 1\n")))
    task_id = run["tasks"][0]["run_id"]
    shown = lab.sdk.jobs.get_run(task_id)
    assert shown.run_id == task_id
    assert shown.state is not None
    assert shown.state.result_state == jobs.RunResultState.SUCCESS


def test_list_with_filters_and_pages(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    before = int(time.time() * 1000)
    ids = [lab.submit(lab.task("a", path)) for _ in range(3)]
    for run_id in ids:
        lab.ended(run_id)
    newest_first = list(reversed(ids))
    found = [run.run_id for run in lab.sdk.jobs.list_runs(start_time_from=before, limit=2)]
    assert found == newest_first
    first = lab.get("/api/2.1/jobs/runs/list", limit=2, start_time_from=before, run_type="SUBMIT_RUN").json()
    assert [run["run_id"] for run in first["runs"]] == newest_first[:2]
    assert first["has_more"] is True
    assert "tasks" not in first["runs"][0]
    assert lab.get("/api/2.1/jobs/runs/list", active_only="true", start_time_from=before).json() == {
        "has_more": False
    }
    completed = lab.get(
        "/api/2.2/jobs/runs/list", completed_only="true", expand_tasks="true", start_time_from=before
    ).json()
    assert [task["task_key"] for task in completed["runs"][0]["tasks"]] == ["a"]
    assert lab.get("/api/2.1/jobs/runs/list", run_type="JOB_RUN", start_time_from=before).json() == {
        "has_more": False
    }


def test_unknown_runs(lab: Lab) -> None:
    for path in ("get", "get-output"):
        answer = lab.get(f"/api/2.2/jobs/runs/{path}", run_id=4711)
        assert (answer.status_code, answer.json()) == (
            400,
            {"error_code": "INVALID_PARAMETER_VALUE", "message": "Run 4711 does not exist."},
        )
    assert lab.post("/api/2.2/jobs/runs/cancel", {"run_id": 4711}).status_code == 400
    with pytest.raises(ResourceDoesNotExist, match="Run 4711 does not exist"):
        lab.sdk.jobs.get_run(4711)
