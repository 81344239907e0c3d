"""How tasks follow each other: retries, conditions, loops, jobs of jobs, parameters, task values."""

import json
from typing import Any

import pytest

from .job_lab import (
    GET,
    create,
    file_task,
    latest,
    outcome,
    output,
    put_file,
    results,
    run_job,
    run_now,
    step,
    value,
)
from .workspace_lab import Lab, until

SHOW = "import json\ndbutils.notebook.exit(json.dumps(dbutils.widgets.getAll()))\n"
FAIL = "raise ValueError('no')\n"
WAITS = "import time\ntime.sleep(600)\n"
SECOND_TIME = (
    "import os\nmark = dbutils.widgets.get('mark')\n"
    "if not os.path.exists(mark):\n    open(mark, 'w').close()\n    raise RuntimeError('the first time')\n"
)


def attempts(run: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = [task for task in run["tasks"] if task["task_key"] == key]
    return sorted(found, key=lambda task: int(task["attempt_number"]))


def condition(key: str, op: str, left: str, right: str, after: tuple[str, ...] = ()) -> dict[str, Any]:
    depends_on = [{"task_key": name} for name in after]
    return {
        "task_key": key,
        "condition_task": {"op": op, "left": left, "right": right},
        "depends_on": depends_on,
    }


def on(key: str, result: str) -> list[dict[str, str]]:
    return [{"task_key": key, "outcome": result}]


def test_a_task_is_tried_again(lab: Lab, tmp_path: Any) -> None:
    path = lab.notebook("second_time", SECOND_TIME)
    parameters = {"mark": str(tmp_path / "mark")}
    run = run_job(
        lab,
        step("a", path, parameters=parameters, max_retries=3),
        step("b", lab.notebook("plain", "x = 1"), ["a"]),
    )
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    first, second = attempts(run, "a")
    assert (first["state"]["result_state"], second["state"]["result_state"]) == ("FAILED", "SUCCESS")
    assert (first["attempt_number"], second["attempt_number"]) == (0, 1)
    assert second["original_attempt_run_id"] == first["run_id"] != second["run_id"]
    assert second["start_time"] >= first["end_time"]
    assert output(lab, first)["error"] == "RuntimeError: the first time"


def test_the_last_attempt_has_the_number_of_the_retries(lab: Lab) -> None:
    path = lab.notebook("fails", FAIL)
    run = lab.ended(lab.submit(lab.task("a", path, max_retries=2)))
    assert [task["attempt_number"] for task in attempts(run, "a")] == [0, 1, 2]
    assert outcome(run) == ("INTERNAL_ERROR", "FAILED")
    message = "Task a failed with message: Workload failed, see run output for details."
    assert run["state"]["state_message"] == message


def test_a_task_waits_for_its_next_attempt(lab: Lab) -> None:
    path = lab.notebook("fails", FAIL)
    run_id = lab.submit(lab.task("a", path, max_retries=1, min_retry_interval_millis=600_000))

    def waiting() -> dict[str, Any] | None:
        tasks = attempts(lab.get(GET, run_id=run_id).json(), "a")
        return tasks[-1] if tasks[-1]["state"]["life_cycle_state"] == "WAITING_FOR_RETRY" else None

    task = until(waiting)
    assert task["status"]["state"] == "WAITING"
    assert task["attempt_number"] == 1
    lab.sdk.jobs.cancel_run(run_id)
    run = lab.ended(run_id)
    assert outcome(run) == ("TERMINATED", "CANCELED")
    assert [task["state"]["result_state"] for task in attempts(run, "a")] == ["FAILED", "CANCELED"]


@pytest.mark.parametrize(("on_timeout", "count"), [(False, 1), (True, 2)])
def test_a_time_out_is_tried_again_only_if_told_so(lab: Lab, on_timeout: bool, count: int) -> None:
    path = lab.notebook("waits", WAITS)
    task = lab.task("a", path, max_retries=1, retry_on_timeout=on_timeout, timeout_seconds=1)
    run = lab.ended(lab.submit(task))
    assert [task["state"]["result_state"] for task in attempts(run, "a")] == ["TIMEDOUT"] * count


def test_disabled_tasks(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    run = run_job(
        lab,
        step("off", path, disabled=True),
        step("below", path, ["off"]),
        step("anyway", path, ["off"], run_if="ALL_DONE"),
    )
    assert results(run) == {"off": "DISABLED", "below": "DISABLED", "anyway": "SUCCESS"}
    assert latest(run)["off"]["status"]["termination_details"]["code"] == "DISABLED"
    assert outcome(run) == ("TERMINATED", "SUCCESS")


def test_a_condition_chooses_a_branch(lab: Lab) -> None:
    path = lab.notebook("sets", "dbutils.jobs.taskValues.set('rows', 12)\n")
    plain = lab.notebook("plain", "x = 1\n")
    run = run_job(
        lab,
        step("count", path),
        condition("many", "GREATER_THAN", "{{tasks.count.values.rows}}", "10.0", ("count",)),
        step("yes", plain, depends_on=on("many", "true")),
        step("no", plain, depends_on=on("many", "false")),
        step("below_no", plain, ["no"]),
        step("end", plain, ["yes", "no"]),
    )
    assert results(run) == {
        "count": "SUCCESS",
        "many": "SUCCESS",
        "yes": "SUCCESS",
        "no": "EXCLUDED",
        "below_no": "EXCLUDED",
        "end": "SUCCESS",
    }
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    shown = latest(run)["many"]["condition_task"]
    assert shown == {
        "op": "GREATER_THAN",
        "left": "{{tasks.count.values.rows}}",
        "right": "10.0",
        "outcome": "true",
    }
    resolved = lab.get(GET, run_id=run["run_id"], include_resolved_values="true").json()
    assert latest(resolved)["many"]["resolved_values"] == {"condition_task": {"left": "12", "right": "10.0"}}
    assert "resolved_values" not in latest(run)["many"]


def test_a_condition_that_compares_no_numbers(lab: Lab) -> None:
    run = run_job(lab, condition("odd", "LESS_THAN", "ten", "10"))
    assert outcome(run) == ("INTERNAL_ERROR", "FAILED")
    assert (
        latest(run)["odd"]["state"]["state_message"] == "The operand 'ten' of the condition is not a number."
    )
    assert latest(run)["odd"]["status"]["termination_details"]["code"] == "INVALID_RUN_CONFIGURATION"


def loop(inputs: str, task: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"task_key": "loop", "for_each_task": {"inputs": inputs, "task": task, **fields}}


def iterations(lab: Lab, run: dict[str, Any]) -> list[dict[str, Any]]:
    found = lab.get(GET, run_id=latest(run)["loop"]["run_id"]).json()["iterations"]
    assert isinstance(found, list)
    return found


def test_a_loop_over_objects(lab: Lab) -> None:
    path = lab.notebook("shows", SHOW)
    nested = step("each", path, parameters={"name": "{{input.name}}", "all": "{{input}}"})
    run = run_job(lab, loop('[{"name": "é"}, {"name": 2}]', nested, concurrency=2))
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert [task["task_key"] for task in run["tasks"]] == ["loop"]
    stats = run["tasks"][0]["for_each_task"]["stats"]["task_run_stats"]
    assert (stats["total_iterations"], stats["succeeded_iterations"], stats["failed_iterations"]) == (2, 2, 0)
    shown = [json.loads(output(lab, task)["notebook_output"]["result"]) for task in iterations(lab, run)]
    assert sorted(item["name"] for item in shown) == ["2", "é"]
    assert {item["all"] for item in shown} == {'{"name": "é"}', '{"name": 2}'}
    sdk_run = lab.sdk.jobs.get_run(latest(run)["loop"]["run_id"])
    assert len(sdk_run.iterations or []) == 2


def test_a_loop_over_what_a_task_set(lab: Lab) -> None:
    sets = lab.notebook("sets_list", "dbutils.jobs.taskValues.set('names', ['a', 'b', 'c'])\n")
    fails = lab.notebook("fails_b", "if dbutils.widgets.get('name') == 'b':\n    raise ValueError('b')\n")
    nested = step("each", fails, parameters={"name": "{{input}}"}, max_retries=1)
    run = run_job(
        lab,
        step("names", sets),
        {**loop("{{tasks.names.values.names}}", nested), "depends_on": [{"task_key": "names"}]},
    )
    assert results(run) == {"names": "SUCCESS", "loop": "FAILED"}
    shown = iterations(lab, run)
    assert [task["state"]["result_state"] for task in shown] == ["SUCCESS", "FAILED", "FAILED", "SUCCESS"]
    assert [task["attempt_number"] for task in shown] == [0, 0, 1, 0]
    message = "1 of 3 iterations failed, the first with message: Workload failed, see run output for details"
    assert latest(run)["loop"]["state"]["state_message"] == message


def test_a_loop_over_nothing_and_over_no_list(lab: Lab) -> None:
    nested = step("each", lab.notebook("plain", "x = 1\n"))
    assert outcome(run_job(lab, loop("[]", nested))) == ("TERMINATED", "SUCCESS")
    run = run_job(lab, loop("{}", nested))
    assert outcome(run) == ("INTERNAL_ERROR", "FAILED")


def test_a_loop_comes_in_pages_and_can_be_cancelled(lab: Lab) -> None:
    nested = {
        "task_key": "each",
        "condition_task": {"op": "EQUAL_TO", "left": "{{input}}", "right": "1"},
    }
    run = run_job(lab, loop(json.dumps(list(range(250))), nested, concurrency=100))
    loop_id = latest(run)["loop"]["run_id"]
    first = lab.get(GET, run_id=loop_id).json()
    assert (len(first["iterations"]), len(first["tasks"])) == (100, 1)
    assert len(lab.sdk.jobs.get_run(loop_id).iterations or []) == 250
    waits = step("each", lab.notebook("waits", WAITS))
    run_id = run_now(lab, create(lab, loop("[1, 2, 3]", waits, concurrency=2)))
    task = lab.wait_for_task(run_id, "loop", "RUNNING")

    def running() -> bool:
        shown = lab.get(GET, run_id=task["run_id"]).json().get("iterations", [])
        return [each["state"]["life_cycle_state"] for each in shown] == ["RUNNING"] * 2

    until(running)
    lab.sdk.jobs.cancel_run(run_id)
    ended = lab.ended(run_id)
    assert outcome(ended) == ("TERMINATED", "CANCELED")
    assert [each["state"]["result_state"] for each in iterations(lab, ended)] == ["CANCELED"] * 2


def test_a_job_runs_another(lab: Lab) -> None:
    child = create(
        lab,
        step("only", lab.notebook("shows", SHOW)),
        name="child",
        parameters=[{"name": "p", "default": "d"}],
    )
    call = {"job_id": child, "job_parameters": {"p": "from {{job.name}}"}}
    run = run_job(lab, {"task_key": "call", "run_job_task": call}, name="parent")
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    child_run_id = output(lab, latest(run)["call"])["run_job_output"]["run_id"]
    child_run = lab.ended(child_run_id)
    assert (child_run["job_id"], child_run["trigger"]) == (child, "RUN_JOB_TASK")
    # The SDK knows the reason of the nested run, and none of the other.
    info = lab.sdk.jobs.get_run(child_run_id).trigger_info
    assert (info and info.run_id) == latest(run)["call"]["run_id"]
    assert lab.sdk.jobs.get_run(run["run_id"]).trigger_info is None
    assert child_run["job_run_id"] == child_run_id
    assert json.loads(value(lab, child_run, "only")) == {"p": "from parent"}


def test_a_job_runs_another_with_parameters_of_programs_and_sql(lab: Lab) -> None:
    path = put_file(lab, "/Shared/program.py", "import sys\nprint(sys.argv[1:])\n")
    child = create(lab, file_task(path, "its own"))
    given = {"python_params": ["of {{job.name}}"], "sql_params": {"year": "{{task.name}}"}}
    run = run_job(lab, {"task_key": "call", "run_job_task": {"job_id": child, **given}}, name="parent")
    child_run = lab.ended(output(lab, latest(run)["call"])["run_job_output"]["run_id"])
    resolved = {"python_params": ["of parent"], "sql_params": {"year": "call"}}
    assert child_run["overriding_parameters"] == resolved
    assert output(lab, latest(child_run)["only"])["logs"] == "['of parent']\n"


def test_a_job_that_runs_another_that_fails_or_is_cancelled(lab: Lab) -> None:
    child = create(lab, step("only", lab.notebook("fails", FAIL)))
    run = run_job(lab, {"task_key": "call", "run_job_task": {"job_id": child}})
    assert results(run) == {"call": "FAILED"}
    waits = create(lab, step("only", lab.notebook("waits", WAITS)))
    run_id = run_now(lab, create(lab, {"task_key": "call", "run_job_task": {"job_id": waits}}))
    lab.wait_for_task(run_id, "call", "RUNNING")

    def child_run() -> Any:
        return lab.get("/api/2.2/jobs/runs/list", job_id=waits).json().get("runs")

    child_id = until(child_run)[0]["run_id"]
    lab.wait_for_task(child_id, "only", "RUNNING")
    lab.sdk.jobs.cancel_run(run_id)
    assert outcome(lab.ended(run_id)) == ("TERMINATED", "CANCELED")
    assert outcome(lab.ended(child_id)) == ("TERMINATED", "CANCELED")
    lost = run_job(lab, {"task_key": "call", "run_job_task": {"job_id": 4711}})
    assert latest(lost)["call"]["state"]["state_message"] == "Job 4711 does not exist."


def test_jobs_that_run_each_other(lab: Lab) -> None:
    job_id = create(lab, step("a", "/x"), max_concurrent_runs=5)
    body = {
        "job_id": job_id,
        "new_settings": {"tasks": [{"task_key": "a", "run_job_task": {"job_id": job_id}}]},
    }
    assert lab.post("/api/2.2/jobs/update", body).status_code == 200
    run = lab.ended(run_now(lab, job_id))
    assert results(run) == {"a": "FAILED"}


def test_parameters_of_job_task_and_request(lab: Lab) -> None:
    path = lab.notebook("shows", SHOW)
    job_id = create(
        lab,
        step("a", path, parameters={"own": "task", "both": "task", "third": "task"}),
        parameters=[{"name": "both", "default": "job"}, {"name": "run", "default": "{{job.run_id}}"}],
    )
    run = lab.ended(run_now(lab, job_id))
    assert json.loads(value(lab, run, "a")) == {
        "own": "task",
        "both": "job",
        "third": "task",
        "run": str(run["run_id"]),
    }
    assert run["job_parameters"][0] == {"name": "both", "default": "job", "value": "job"}
    run = lab.ended(run_now(lab, job_id, job_parameters={"both": "request"}))
    shown = json.loads(value(lab, run, "a"))
    assert (shown["own"], shown["both"], shown["third"]) == ("task", "request", "task")
    assert run["job_parameters"][0] == {"name": "both", "default": "job", "value": "request"}
    run = lab.ended(run_now(lab, job_id, notebook_params={"third": "{{task.name}}"}))
    shown = json.loads(value(lab, run, "a"))
    assert (shown["own"], shown["both"], shown["third"]) == ("task", "job", "a")
    assert run["overriding_parameters"] == {"notebook_params": {"third": "{{task.name}}"}}
    resolved = lab.get(GET, run_id=run["run_id"], include_resolved_values="true").json()
    assert latest(resolved)["a"]["resolved_values"]["notebook_task"]["base_parameters"]["third"] == "a"


def test_references_in_a_notebook_task(lab: Lab) -> None:
    names = {
        "job": "{{job.id}} {{job.name}} {{job.run_id}} {{job.repair_count}} {{job.parameters.p}}",
        "date": "{{job.start_time.iso_date}}",
        "task": "{{task.name}} {{task.run_id}} {{task.execution_count}}",
        "other": "{{tasks.first.run_id}} {{tasks.first.execution_count}} {{tasks.first.result_state}}",
        "workspace": "{{workspace.id}} {{workspace.url}}",
        "old": "{{job_id}} {{run_id}} {{parent_run_id}}",
        "literal": "{{nothing}} {{other.space}} {{job.id}",
    }
    path = lab.notebook("shows", SHOW)
    run = run_job(
        lab,
        step("first", path),
        step("a", path, ["first"], parameters=names),
        name="named",
        parameters=[{"name": "p", "default": "v"}],
    )
    shown = json.loads(value(lab, run, "a"))
    task, first, run_id, job_id = latest(run)["a"], latest(run)["first"], run["run_id"], run["job_id"]
    assert shown["job"] == f"{job_id} named {run_id} 0 v"
    assert shown["task"] == f"a {task['run_id']} 1"
    assert shown["other"] == f"{first['run_id']} 1 success"
    assert shown["workspace"] == f"7405600000000001 {lab.workspace.url}"
    assert shown["old"] == f"{job_id} {task['run_id']} {run_id}"
    assert shown["literal"] == names["literal"]
    assert len(shown["date"]) == 10


def test_a_reference_that_leads_nowhere(lab: Lab) -> None:
    path = lab.notebook("shows", SHOW)
    run = run_job(lab, step("a", path, parameters={"x": "{{job.naem}}"}))
    task = latest(run)["a"]
    message = "Invalid dynamic value reference: {{job.naem}}."
    assert task["state"] == {
        "life_cycle_state": "INTERNAL_ERROR",
        "result_state": "FAILED",
        "state_message": message,
        "user_cancelled_or_timedout": False,
    }
    assert output(lab, task)["error"] == message


def test_task_values(lab: Lab) -> None:
    sets = lab.notebook(
        "sets_values",
        "values = dbutils.jobs.taskValues\nvalues.set('text', 'é')\n"
        "values.set(key='object', value={'a': [1]})\n"
        "values.set('big', 'x' * (48 * 1024 - 2))\n",
    )
    gets = lab.notebook(
        "gets_values",
        "import json\nvalues = dbutils.jobs.taskValues\n"
        "found = [values.get('first', 'text'), values.get(taskKey='first', key='object', debugValue=0),\n"
        "         values.get('first', 'none', default=5), len(values.get('first', 'big')),\n"
        "         dbutils.widgets.get('by_reference')]\n"
        "try:\n    values.get('first', 'none')\nexcept ValueError as error:\n    found.append(str(error))\n"
        "dbutils.notebook.exit(json.dumps(found))\n",
    )
    run = run_job(
        lab,
        step("first", sets),
        step("second", gets, ["first"], parameters={"by_reference": "{{tasks.first.values.object}}"}),
    )
    assert json.loads(value(lab, run, "second")) == [
        "é",
        {"a": [1]},
        5,
        48 * 1024 - 2,
        '{"a": [1]}',
        "No task value with key none was found for task first.",
    ]


def test_a_task_value_over_48_kib(lab: Lab) -> None:
    path = lab.notebook("too_big", "dbutils.jobs.taskValues.set('big', 'x' * (48 * 1024 - 1))\n")
    run = run_job(lab, step("a", path))
    assert (
        output(lab, latest(run)["a"])["error"]
        == "ValueError: The JSON of the task value big is larger than 48 KiB."
    )


def test_a_notebook_runs_another(lab: Lab) -> None:
    lab.notebook("callee", "dbutils.notebook.exit(dbutils.widgets.get('x') + spark.client.host)\n")
    caller = lab.notebook(
        "caller",
        "dbutils.notebook.exit(dbutils.notebook.run('./callee', 60, {'x': 1}) + spark.client.host)\n",
    )
    run = run_job(lab, step("a", caller))
    host = value(lab, run, "a")[1:]
    assert value(lab, run, "a")[0] == "1"
    assert host[: len(host) // 2] == host[len(host) // 2 :]
    found = lab.get("/api/2.2/jobs/runs/list", run_type="WORKFLOW_RUN").json()["runs"][0]
    assert (found["run_name"], outcome(found)) == ("/Shared/callee", ("TERMINATED", "SUCCESS"))


def test_notebooks_run_at_once_from_threads_and_fail(lab: Lab) -> None:
    lab.notebook("callee_fails", "if dbutils.widgets.get('x') == '2':\n    raise ValueError('two')\n")
    caller = lab.notebook(
        "calls_many",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def call(x):\n    try:\n        return dbutils.notebook.run('/Shared/callee_fails', 60, {'x': x})\n"
        "    except Exception as error:\n        return f'{type(error).__name__}: {error}'\n"
        "with ThreadPoolExecutor(3) as pool:\n    found = list(pool.map(call, range(3)))\n"
        "dbutils.notebook.exit(str(found))\n",
    )
    run = run_job(lab, step("a", caller))
    failure = "WorkflowException: com.databricks.NotebookExecutionException: FAILED: ValueError: two"
    assert value(lab, run, "a") == str(["", "", failure])


def test_the_time_of_a_notebook_that_another_runs_is_over(lab: Lab) -> None:
    lab.notebook("waits", WAITS)
    run = run_job(lab, step("a", lab.notebook("calls_slow", "dbutils.notebook.run('waits', 1)\n")))
    assert output(lab, latest(run)["a"])["error"].startswith("WorkflowException: ")
