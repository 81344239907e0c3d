"""Saved jobs: their settings, their runs, how many at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from databricks.sdk.errors import ResourceDoesNotExist
from databricks.sdk.service import jobs

from .job_lab import (
    GET,
    SHARED,
    create,
    invalid,
    latest,
    outcome,
    output,
    refusal,
    run_job,
    run_now,
    step,
    value,
)
from .workspace_lab import Lab, until

WAITS = "import time\ntime.sleep(600)\n"


def settings_of(lab: Lab, job_id: int) -> dict[str, Any]:
    found = lab.get("/api/2.2/jobs/get", job_id=job_id).json()["settings"]
    assert isinstance(found, dict)
    return found


def test_the_sdk_creates_reads_changes_and_deletes_a_job(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    tasks = [jobs.Task.from_dict(step("a", path)), jobs.Task.from_dict(step("b", path, ["a"]))]
    cluster = jobs.JobCluster.from_dict(SHARED[0])
    created = lab.sdk.jobs.create(name="first name", tasks=tasks, job_clusters=[cluster], tags={"team": "x"})
    job_id = created.job_id
    assert job_id is not None
    job = lab.sdk.jobs.get(job_id)
    assert job.settings is not None
    assert (job.settings.name, job.settings.max_concurrent_runs, job.settings.tags) == (
        "first name",
        1,
        {"team": "x"},
    )
    assert job.settings.format == jobs.Format.MULTI_TASK
    assert job.creator_user_name == "local@dbflow.example"
    assert [task.task_key for task in job.settings.tasks or []] == ["a", "b"]
    # Arrays are merged by key, other fields replaced (docs: update).
    changed = jobs.JobSettings(name="second name", tasks=[jobs.Task.from_dict(step("c", path, ["a"]))])
    lab.sdk.jobs.update(job_id, new_settings=changed, fields_to_remove=["tags", "tasks/b"])
    job = lab.sdk.jobs.get(job_id)
    assert job.settings is not None
    assert (job.settings.name, job.settings.tags) == ("second name", None)
    assert [task.task_key for task in job.settings.tasks or []] == ["a", "c"]
    lab.sdk.jobs.reset(job_id, jobs.JobSettings(name="third name"))
    assert refusal(lab.post("/api/2.2/jobs/reset", {"job_id": job_id})) == invalid(
        "Missing required field: new_settings"
    )
    lab.sdk.jobs.delete(job_id)


def test_update_merges_arrays_by_their_keys(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    job_id = create(lab, step("a", path), step("b", path), tags={"team": "x"}, description="d")
    body = {
        "job_id": job_id,
        "new_settings": {"name": "other", "tasks": [step("b", path, timeout_seconds=5), step("c", path)]},
        "fields_to_remove": ["tags", "tasks/a"],
    }
    assert lab.post("/api/2.2/jobs/update", body).json() == {}
    found = settings_of(lab, job_id)
    assert found["name"] == "other"
    assert "tags" not in found
    assert found["description"] == "d"
    assert [(task["task_key"], task.get("timeout_seconds")) for task in found["tasks"]] == [
        ("b", 5),
        ("c", None),
    ]
    assert lab.post("/api/2.2/jobs/reset", {"job_id": job_id, "new_settings": {"name": "bare"}}).json() == {}
    assert "tasks" not in settings_of(lab, job_id)
    assert refusal(lab.post("/api/2.2/jobs/run-now", {"job_id": job_id})) == invalid(
        "At least one task must be specified."
    )


def test_settings_that_are_refused_change_nothing(lab: Lab) -> None:
    job_id = create(lab, step("a", "/Shared/any"))
    before = settings_of(lab, job_id)
    broken = {"job_id": job_id, "new_settings": {"tasks": [step("b", "/Shared/any", ["z"])]}}
    assert refusal(lab.post("/api/2.2/jobs/update", broken)) == invalid(
        "Task 'b' depends on the unknown task 'z'."
    )
    assert settings_of(lab, job_id) == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"tasks": [step("a", "/x", job_cluster_key="other")], "job_clusters": SHARED},
            "Job cluster 'other' is not defined in field 'job_clusters'.",
        ),
        (
            {"tasks": [step("a", "/x")], "job_clusters": SHARED * 2},
            "Job cluster keys must be unique, but 'shared' is repeated.",
        ),
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs must be between 0 and 1000."),
        (
            {"parameters": [{"name": "p", "default": ""}] * 2},
            "Parameter names must be unique, but 'p' is repeated.",
        ),
        (
            {"tasks": [step(f"t{n}", "/x") for n in range(1001)], "job_clusters": SHARED},
            "The number of tasks must be at most 1000, but is 1001.",
        ),
        (
            {"tasks": [{**step("a", "/x"), "max_retries": -2}], "job_clusters": SHARED},
            "max_retries must be -1, 0 or a positive number.",
        ),
        (
            {
                "tasks": [
                    step("a", "/x"),
                    step("b", "/x", depends_on=[{"task_key": "a", "outcome": "true"}]),
                ],
                "job_clusters": SHARED,
            },
            "Task b: depends_on.outcome is only for dependencies on a condition_task.",
        ),
    ],
)
def test_create_refuses(lab: Lab, settings: dict[str, Any], message: str) -> None:
    assert refusal(lab.post("/api/2.2/jobs/create", settings)) == invalid(message)


def test_unknown_jobs(lab: Lab) -> None:
    unknown = invalid("Job 4711 does not exist.")
    missing = (404, "RESOURCE_DOES_NOT_EXIST", "Job 4711 does not exist.")
    assert refusal(lab.get("/api/2.2/jobs/get", job_id=4711)) == missing
    for name in ("run-now", "reset", "update", "delete", "runs/cancel-all"):
        assert refusal(lab.post(f"/api/2.2/jobs/{name}", {"job_id": 4711, "new_settings": {}})) == unknown
    with pytest.raises(ResourceDoesNotExist, match="Job 4711 does not exist"):
        lab.sdk.jobs.get(4711)


def test_a_deleted_job_is_gone_and_its_runs_end(lab: Lab) -> None:
    job_id = create(lab, step("a", lab.notebook("waits", WAITS)))
    run_id = run_now(lab, job_id)
    lab.wait_for_task(run_id, "a", "RUNNING")
    lab.sdk.jobs.delete(job_id)
    assert outcome(lab.ended(run_id)) == ("TERMINATED", "CANCELED")
    assert refusal(lab.get("/api/2.2/jobs/get", job_id=job_id))[0] == 404
    # No action, and no error, if it has been removed already (docs: delete).
    assert lab.post("/api/2.2/jobs/delete", {"job_id": job_id}).json() == {}
    assert refusal(lab.post("/api/2.2/jobs/run-now", {"job_id": job_id}))[0] == 400


def test_list_by_name_and_in_pages(lab: Lab) -> None:
    ids = [create(lab, step("a", "/x"), name="Listed Job") for _ in range(3)]
    create(lab, step("a", "/x"), name="Listed Job 2")
    found = [job.job_id for job in lab.sdk.jobs.list(name="listed job", limit=2)]
    assert found == list(reversed(ids))
    first = lab.get("/api/2.2/jobs/list", name="LISTED JOB", limit=2).json()
    assert first["has_more"] is True
    assert "tasks" not in first["jobs"][0]["settings"]
    expanded = lab.get("/api/2.2/jobs/list", name="listed job", expand_tasks="true").json()["jobs"][0]
    assert [task["task_key"] for task in expanded["settings"]["tasks"]] == ["a"]
    assert "next_page_token" in first
    second = lab.get("/api/2.2/jobs/list", name="listed job", limit=2, page_token=first["next_page_token"])
    assert [job["job_id"] for job in second.json()["jobs"]] == [ids[0]]
    assert refusal(lab.get("/api/2.2/jobs/list", limit=101))[1] == "INVALID_PARAMETER_VALUE"


def test_a_job_with_many_tasks_comes_in_pages(lab: Lab) -> None:
    job_id = create(lab, *(step(f"t{n}", "/x") for n in range(250)), name="wide job")
    first = lab.get("/api/2.2/jobs/get", job_id=job_id).json()
    assert len(first["settings"]["tasks"]) == 100
    assert first["next_page_token"]
    job = lab.sdk.jobs.get(job_id)
    assert job.settings is not None
    assert [task.task_key for task in job.settings.tasks or []] == [f"t{n}" for n in range(250)]
    assert len(lab.get("/api/2.1/jobs/get", job_id=job_id).json()["settings"]["tasks"]) == 250
    listed = lab.get("/api/2.2/jobs/list", name="wide job", expand_tasks="true").json()["jobs"][0]
    assert (len(listed["settings"]["tasks"]), listed["has_more"]) == (100, True)


def test_a_run_of_a_job_on_one_shared_cluster(lab: Lab) -> None:
    source = "dbutils.notebook.exit(spark.client.host)\n"
    path = lab.notebook("where", source)
    run = run_job(lab, step("a", path), step("b", path), step("c", path, ["a", "b"]))
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert (run["run_type"], run["trigger"]) == ("JOB_RUN", "ONE_TIME")
    assert run["job_clusters"] == SHARED
    assert len({value(lab, run, key) for key in "abc"}) == 1
    ids = {task["cluster_instance"]["cluster_id"] for task in run["tasks"]}
    assert len(ids) == 1
    assert "new_cluster" not in run["tasks"][0]


def test_the_format_of_one_task(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    settings = {"name": "old style", "notebook_task": {"notebook_path": path}, "new_cluster": {}}
    job_id = lab.post("/api/2.0/jobs/create", settings).json()["job_id"]
    run = lab.ended(run_now(lab, job_id))
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert [task["task_key"] for task in run["tasks"]] == ["old_style"]


def test_an_idempotency_token_of_run_now(lab: Lab) -> None:
    job_id = create(lab, step("a", lab.notebook("fails", "raise ValueError('no')\n")), max_concurrent_runs=9)

    def start(_: int) -> int:
        return run_now(lab, job_id, idempotency_token="token of a job")

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(start, range(8)))
    assert len(ids) == 1
    run_id = ids.pop()
    lab.ended(run_id)
    assert start(0) == run_id
    assert lab.post("/api/2.2/jobs/runs/delete", {"run_id": run_id}).json() == {}
    again = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, "idempotency_token": "token of a job"})
    assert refusal(again) == invalid(f"Run {run_id} of this idempotency_token was deleted.")


@pytest.mark.parametrize(
    ("only", "keys"),
    [(["b"], "b"), (["+b"], "ab"), (["b+"], "bc"), (["+b+"], "abc"), (["a", "d"], "ad")],
)
def test_only_some_of_the_tasks(lab: Lab, only: list[str], keys: str) -> None:
    path = lab.notebook("plain", "x = 1\n")
    job_id = create(lab, step("a", path), step("b", path, ["a"]), step("c", path, ["b"]), step("d", path))
    run = lab.ended(run_now(lab, job_id, only=only))
    assert "".join(sorted(latest(run))) == keys
    assert outcome(run) == ("TERMINATED", "SUCCESS")


def test_only_tasks_that_there_are(lab: Lab) -> None:
    job_id = create(lab, step("a", "/x"))
    answer = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, "only": ["z"]})
    assert refusal(answer) == invalid("Task 'z' does not exist in the job.")


def test_runs_of_jobs_of_22_wait_their_turn(lab: Lab) -> None:
    job_id = create(lab, step("a", lab.notebook("waits", WAITS)))
    assert settings_of(lab, job_id)["queue"] == {"enabled": True}
    first, second, third = (run_now(lab, job_id) for _ in range(3))
    lab.wait_for_task(first, "a", "RUNNING")
    queued = lab.get(GET, run_id=second).json()
    assert queued["state"]["life_cycle_state"] == "QUEUED"
    reason = "Queued due to reaching maximum concurrent runs of 1."
    assert queued["state"]["queue_reason"] == reason
    assert queued["status"] == {
        "state": "QUEUED",
        "queue_details": {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": reason},
    }
    active = lab.get("/api/2.2/jobs/runs/list", job_id=job_id, active_only="true").json()["runs"]
    assert [run["run_id"] for run in active] == [third, second, first]
    lab.sdk.jobs.cancel_run(first)
    lab.wait_for_task(second, "a", "RUNNING")
    assert lab.get(GET, run_id=second).json()["queue_duration"] > 0
    assert lab.get(GET, run_id=third).json()["state"]["life_cycle_state"] == "QUEUED"
    # Only those that are queued (docs: all_queued_runs).
    lab.sdk.jobs.cancel_all_runs(job_id=job_id, all_queued_runs=True)
    assert outcome(lab.get(GET, run_id=third).json()) == ("TERMINATED", "CANCELED")
    assert lab.get(GET, run_id=second).json()["state"]["life_cycle_state"] == "RUNNING"
    lab.sdk.jobs.cancel_all_runs(job_id=job_id)
    assert outcome(lab.ended(second)) == ("TERMINATED", "CANCELED")


@pytest.mark.parametrize(
    ("version", "settings", "request_fields"),
    [
        ("2.1", {}, {}),
        ("2.0", {}, {}),
        ("2.2", {"queue": {"enabled": False}}, {}),
        ("2.2", {}, {"queue": {"enabled": False}}),
    ],
)
def test_runs_over_the_limit_that_do_not_wait(
    lab: Lab, version: str, settings: dict[str, Any], request_fields: dict[str, Any]
) -> None:
    job_id = create(lab, step("a", lab.notebook("waits", WAITS)), version=version, **settings)
    first, second = run_now(lab, job_id), run_now(lab, job_id, **request_fields)
    run = lab.get(GET, run_id=second).json()
    message = "Skipping this run because the limit of 1 maximum concurrent runs has been reached."
    assert outcome(run) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    assert run["state"]["state_message"] == message
    assert run["status"]["termination_details"]["code"] == "MAX_CONCURRENT_RUNS_EXCEEDED"
    lab.sdk.jobs.cancel_run(first)
    lab.ended(first)


def test_no_runs_at_all(lab: Lab) -> None:
    job_id = create(lab, step("a", "/x"), max_concurrent_runs=0)
    run = lab.get(GET, run_id=run_now(lab, job_id)).json()
    assert outcome(run) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")


def test_more_room_lets_queued_runs_begin(lab: Lab) -> None:
    job_id = create(lab, step("a", lab.notebook("waits", WAITS)))
    _, second = run_now(lab, job_id), run_now(lab, job_id)
    lab.post("/api/2.2/jobs/update", {"job_id": job_id, "new_settings": {"max_concurrent_runs": 2}})
    lab.wait_for_task(second, "a", "RUNNING")
    lab.sdk.jobs.cancel_all_runs(job_id=job_id)
    lab.ended(second)


def test_export_is_the_page_of_a_notebook_run(lab: Lab) -> None:
    path = lab.notebook("exported", "print('<b>printed</b>')\n")
    run = run_job(lab, step("a", path), step("b", path))
    views = lab.sdk.jobs.export_run(run["tasks"][0]["run_id"]).views
    assert views is not None
    assert (views[0].name, views[0].type) == ("exported", jobs.ViewType.NOTEBOOK)
    assert "&lt;b&gt;printed&lt;/b&gt;" in str(views[0].content)
    dashboards = lab.get(
        "/api/2.0/jobs/runs/export", run_id=run["tasks"][0]["run_id"], views_to_export="DASHBOARDS"
    )
    assert dashboards.json() == {}
    assert refusal(lab.get("/api/2.2/jobs/runs/export", run_id=run["run_id"]))[0] == 400


def test_delete_of_runs(lab: Lab) -> None:
    run_id = run_now(lab, create(lab, step("a", lab.notebook("waits", WAITS))))
    lab.wait_for_task(run_id, "a", "RUNNING")
    active = lab.post("/api/2.2/jobs/runs/delete", {"run_id": run_id})
    assert refusal(active) == invalid(
        f"Run {run_id} is active. Only runs that are not active can be deleted."
    )
    lab.sdk.jobs.cancel_run(run_id)
    task_id = lab.ended(run_id)["tasks"][0]["run_id"]
    lab.sdk.jobs.delete_run(run_id)
    for path in (GET, "/api/2.2/jobs/runs/get-output"):
        for number in (run_id, task_id):
            assert refusal(lab.get(path, run_id=number)) == invalid(f"Run {number} does not exist.")
    assert refusal(lab.post("/api/2.2/jobs/runs/delete", {"run_id": run_id})) == invalid(
        f"Run {run_id} does not exist."
    )


def test_list_of_runs_by_job_and_type(lab: Lab) -> None:
    before = int(time.time() * 1000)
    path = lab.notebook("plain", "x = 1\n")
    job_id = create(lab, step("a", path), max_concurrent_runs=5)
    ids = [run_now(lab, job_id) for _ in range(3)]
    for run_id in ids:
        lab.ended(run_id)
    found = list(lab.sdk.jobs.list_runs(job_id=job_id, run_type=jobs.RunType.JOB_RUN, limit=2))
    assert [run.run_id for run in found] == list(reversed(ids))
    assert list(lab.sdk.jobs.list_runs(job_id=job_id, run_type=jobs.RunType.SUBMIT_RUN)) == []
    assert refusal(lab.get("/api/2.2/jobs/runs/list", active_only="true", completed_only="true")) == invalid(
        "Only one of active_only and completed_only can be true."
    )
    page = lab.get("/api/2.2/jobs/runs/list", job_id=job_id, start_time_from=before, limit=2).json()
    after = lab.get("/api/2.2/jobs/runs/list", job_id=job_id, limit=2, page_token=page["next_page_token"])
    assert [run["run_id"] for run in after.json()["runs"]] == [ids[0]]
    assert lab.get("/api/2.2/jobs/runs/list", job_id=job_id, start_time_to=before - 1).json() == {
        "has_more": False
    }


def test_limits_and_types_of_the_list_of_runs(lab: Lab) -> None:
    job_id = create(lab, step("a", lab.notebook("waits", WAITS)), max_concurrent_runs=40)
    ids = [run_now(lab, job_id) for _ in range(27)]

    def found(**query: Any) -> list[int]:
        answer = lab.get("/api/2.2/jobs/runs/list", job_id=job_id, **query)
        assert answer.status_code == 200, answer.text
        return [run["run_id"] for run in answer.json().get("runs", [])]

    newest_first = list(reversed(ids))
    assert found() == newest_first[:20]
    assert found(limit=0) == newest_first[:25]
    assert found(limit=2, offset=3) == newest_first[3:5]
    assert found(limit=25, active_only="true", run_type="JOB_RUN") == newest_first[:25]
    assert found(completed_only="true") == []
    assert found(run_type="WORKFLOW_RUN") == []
    assert found(start_time_from=2**62) == []
    for query in ({"limit": 26}, {"limit": -1}, {"run_type": "NONE"}, {"page_token": "x"}):
        answer = lab.get("/api/2.2/jobs/runs/list", job_id=job_id, **query)
        assert refusal(answer)[:2] == (400, "INVALID_PARAMETER_VALUE")
    lab.sdk.jobs.cancel_all_runs(job_id=job_id)
    for run_id in ids:
        lab.ended(run_id)
    assert found(limit=25, completed_only="true") == newest_first[:25]
    assert found(active_only="true") == []


def test_the_output_of_a_run_is_kept_where_it_can_be_read_again(lab: Lab) -> None:
    run = run_job(lab, step("a", lab.notebook("prints", "dbutils.notebook.exit('kept')\n")))
    for _ in range(2):
        assert output(lab, run["tasks"][0])["notebook_output"] == {"result": "kept", "truncated": False}


def test_clusters_of_a_job_end_with_the_run(lab: Lab) -> None:
    run = run_job(lab, step("a", lab.notebook("plain", "x = 1\n")))
    cluster_id = run["tasks"][0]["cluster_instance"]["cluster_id"]
    tasks = lab.workspace.log.parent / "tasks"
    until(lambda: not (tasks / f"{cluster_id}.log").exists(), seconds=5)
