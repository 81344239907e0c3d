"""History holds: whatever becomes of a job, of the disk or of a record, the runs that were are there."""

import os
import resource
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from .job_lab import (
    GET,
    create,
    invalid,
    latest,
    output,
    own_workspace,
    refusal,
    results,
    run_now,
    step,
    value,
)
from .workspace_lab import CLUSTER, Lab, until

REPAIR = "/api/2.2/jobs/runs/repair"
FLAKY = "if dbutils.widgets.get('ok') == 'no':\n    raise ValueError('no')\ndbutils.notebook.exit('ok')\n"


def clusters(*keys: str) -> list[dict[str, Any]]:
    return [{"job_cluster_key": key, "new_cluster": CLUSTER} for key in keys]


def reset(lab: Lab, job_id: int, tasks: list[dict[str, Any]], *keys: str) -> None:
    settings = {"name": "a job", "tasks": tasks, "job_clusters": clusters(*keys)}
    answer = lab.post("/api/2.2/jobs/reset", {"job_id": job_id, "new_settings": settings})
    assert answer.status_code == 200, answer.text


def repair(lab: Lab, run_id: int, key: str, latest_repair_id: int = 0) -> int:
    body = {"run_id": run_id, "rerun_tasks": [key], "latest_repair_id": latest_repair_id}
    answer = lab.post(REPAIR, body)
    assert answer.status_code == 200, answer.text
    lab.ended(run_id)
    return int(answer.json()["repair_id"])


def shown(lab: Lab, run_id: int) -> dict[str, Any]:
    found = lab.get(GET, run_id=run_id, include_history="true").json()
    return {name: value for name, value in found.items() if name != "run_page_url"}


def kill(lab: Lab) -> None:
    lab.workspace.process.kill()
    lab.workspace.process.wait()


def without_links(run: dict[str, Any]) -> dict[str, Any]:
    tasks = [{name: each[name] for name in each if name != "run_page_url"} for each in run["tasks"]]
    return {**run, "tasks": tasks}


def test_runs_outlive_the_clusters_of_their_jobs(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root) as lab:
        path = lab.notebook("flaky", FLAKY)

        def tasks(cluster: str) -> list[dict[str, Any]]:
            second = step("second", path, ["first"], parameters={"ok": "yes"}, job_cluster_key=cluster)
            return [step("first", path, parameters={"ok": "yes"}, job_cluster_key="a"), second]

        job_id = create(lab, *tasks("b"), job_clusters=clusters("a", "b"))
        run_id = run_now(lab, job_id)
        assert results(lab.ended(run_id)) == {"first": "SUCCESS", "second": "SUCCESS"}
        first = repair(lab, run_id, "second")
        # The second cluster goes away, then the first one has another name.
        reset(lab, job_id, tasks("a"), "a")
        second = repair(lab, run_id, "second", first)
        renamed = [step("first", path, parameters={"ok": "yes"}, job_cluster_key="c")]
        reset(lab, job_id, renamed, "c")
        repair(lab, run_id, "first", second)
        before = without_links(shown(lab, run_id))
        assert len(before["tasks"]) == 5
        kill(lab)
    with own_workspace(root) as lab:
        assert without_links(shown(lab, run_id)) == before
        assert [run["run_id"] for run in lab.get("/api/2.2/jobs/runs/list").json()["runs"]] == [run_id]
        assert value(lab, lab.get(GET, run_id=run_id).json(), "first") == "ok"


def damage(root: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(root / "workspace.sqlite")) as database, database:
        assert database.execute(statement, values).rowcount == 1


def test_unreadable_records_are_shown_and_never_keep_the_server_from_starting(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root) as lab:
        path = lab.notebook("fine", "dbutils.notebook.exit('ok')\n")
        job_id, other_job = create(lab, step("a", path)), create(lab, step("a", path))
        runs = [run_now(lab, job_id), run_now(lab, other_job), run_now(lab, other_job)]
        for run_id in runs:
            lab.ended(run_id)
        task_id = latest(lab.get(GET, run_id=runs[1]).json())["a"]["run_id"]
        cluster_id = lab.sdk.clusters.create(cluster_name="c", **CLUSTER).cluster_id
    damage(root, "UPDATE records SET data = '{' WHERE kind = 'run' AND id = ?", str(runs[0]))
    damage(
        root,
        "UPDATE records SET data = json_remove(data, '$.resolved_spec.body') WHERE kind = 'task' AND id = ?",
        str(task_id),
    )
    damage(
        root,
        "UPDATE records SET data = json_remove(data, '$.resolved_spec.name') WHERE kind = 'job' AND id = ?",
        str(job_id),
    )
    with closing(sqlite3.connect(root / "objects.sqlite")) as database, database:
        database.execute("UPDATE documents SET content = '' WHERE kind = 'cluster'")
    with own_workspace(root) as lab:
        listed = {run.run_id: run for run in lab.sdk.jobs.list_runs()}
        assert sorted(listed) == sorted(runs)
        assert listed[runs[0]].state.state_message.startswith("Its record cannot be read: ")
        (task,) = lab.sdk.jobs.get_run(runs[1]).tasks
        assert task.state.state_message.startswith("Its record cannot be read: ")
        assert value(lab, lab.get(GET, run_id=runs[2]).json(), "a") == "ok"
        lab.http.post("/login", data={"token": lab.workspace.token})
        of_runs = [f"/jobs/0/runs/{runs[0]}", f"/jobs/{other_job}/runs/{runs[1]}"]
        for page in ("/", "/jobs", f"/jobs/{job_id}", *of_runs):
            assert lab.get(page).status_code == 200
        assert lab.get(GET, run_id=runs[0], include_history="true").json()["run_name"] == "(unreadable)"
        reason = "its record is damaged, or of an unknown version."
        assert reason in lab.get(f"/jobs/{job_id}").text
        assert refusal(lab.post("/api/2.2/jobs/run-now", {"job_id": job_id})) == (
            400,
            "INVALID_STATE",
            f"The settings of job {job_id} cannot be read: {reason} Reset or delete the job.",
        )
        assert lab.post(REPAIR, {"run_id": runs[0], "rerun_all_failed_tasks": True}).status_code == 400
        cluster = lab.sdk.clusters.get(cluster_id)
        assert cluster.state_message == "Its record cannot be read. Edit or delete the cluster."
        reset(lab, job_id, [step("a", path, job_cluster_key="here")], "here")
        assert results(lab.ended(run_now(lab, job_id))) == {"a": "SUCCESS"}


def test_a_refused_repair_leaves_the_run_as_it_was(lab: Lab) -> None:
    path = lab.notebook("flaky", FLAKY)
    job_id = create(lab, step("a", path, parameters={"ok": "no"}))
    run_id = run_now(lab, job_id)
    lab.ended(run_id)
    before = shown(lab, run_id)
    reset(lab, job_id, [step("a", path, job_cluster_key="other")], "other")
    body = {"run_id": run_id, "rerun_tasks": ["nobody"]}
    assert refusal(lab.post(REPAIR, body)) == invalid("Task 'nobody' does not exist in the run.")
    mixed = {"run_id": run_id, "rerun_tasks": ["a"], "job_parameters": {"p": "q"}, "jar_params": ["x"]}
    assert refusal(lab.post(REPAIR, mixed)) == invalid(
        "Only one of job_parameters and jar_params can be specified."
    )
    assert shown(lab, run_id) == before


def test_what_a_full_disk_refused_is_there_when_it_has_room_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root) as lab:
        path = lab.notebook("says", "print('x' * 100_000)\ndbutils.notebook.exit('out')\n")
        job_id = create(lab, step("a", path))
        server = lab.workspace.process.pid
        limits = resource.prlimit(server, resource.RLIMIT_FSIZE)
        # No file of the server grows any more. Tasks are forked from another process, which has no limit.
        resource.prlimit(server, resource.RLIMIT_FSIZE, (1, limits[1]))
        refused = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, "idempotency_token": "t"})
        status, code, message = refusal(refused)
        assert (status, code) == (500, "INTERNAL_ERROR")
        assert message.startswith("The local workspace cannot keep the change yet: ")
        # The run goes on meanwhile, and its output can be read.
        (run,) = lab.get("/api/2.2/jobs/runs/list").json()["runs"]
        ended = lab.ended(run["run_id"])
        assert output(lab, latest(ended)["a"])["notebook_output"]["result"] == "out"
        resource.prlimit(server, resource.RLIMIT_FSIZE, limits)
        again = until(
            lambda: (
                (
                    answer := lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, "idempotency_token": "t"})
                ).status_code
                == 200
                and answer
            )
        )
        assert again.json()["run_id"] == run["run_id"]
        os.kill(server, signal.SIGKILL)
        lab.workspace.process.wait()
    with own_workspace(root) as lab:
        assert value(lab, lab.get(GET, run_id=run["run_id"]).json(), "a") == "out"
        task_id = latest(lab.get(GET, run_id=run["run_id"]).json())["a"]["run_id"]
        export = lab.get("/api/2.2/jobs/runs/export", run_id=task_id).json()
        assert "x" * 100_000 in export["views"][0]["content"]
