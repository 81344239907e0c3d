"""What one task, one name of a file, or one request does is not the trouble of the others."""

import json
import os
import stat
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service.compute import State

from .job_lab import GET, create, latest, output, own_workspace, put_file, results, run_now, step
from .workspace_lab import CLUSTER, Lab, until


@pytest.mark.parametrize(
    "path", ["/Shared/../x", "/Shared/" + "x" * 300, "/Shared/\u200b", "/" + "a/" * 600 + "b"]
)
def test_an_impossible_path_is_the_error_of_its_task_alone(lab: Lab, path: str) -> None:
    fine = lab.notebook("fine", "dbutils.notebook.exit('ok')\n")
    run = lab.ended(
        run_now(lab, create(lab, step("bad", path), step("fine", fine), step("after", fine, ["bad"])))
    )
    assert results(run) == {"bad": "FAILED", "fine": "SUCCESS", "after": "UPSTREAM_FAILED"}
    tasks = latest(run)
    assert tasks["bad"]["status"]["termination_details"]["code"] == "RESOURCE_NOT_FOUND"
    assert tasks["bad"]["state"]["state_message"].startswith(f'Unable to access the notebook "{path}"')
    assert output(lab, tasks["fine"])["notebook_output"]["result"] == "ok"


UNDECODABLE = r"""
import os
place = os.fsencode(os.getcwd()) + b"/caf\xe9"
print(os.fsdecode(place))
display(os.fsdecode(place))
dbutils.jobs.taskValues.set("name", os.fsdecode(b"caf\xe9"))
open(os.fsdecode(place))
"""


def test_an_error_that_is_not_utf_8_can_be_read(lab: Lab) -> None:
    path, shows = lab.notebook("undecodable", UNDECODABLE), lab.notebook("fine", "pass\n")
    after = step("after", shows, ["bad"], run_if="ALL_DONE", parameters={"p": "{{tasks.bad.values.name}}"})
    run = lab.ended(run_now(lab, create(lab, step("bad", path), after)))
    task = latest(run)["bad"]
    found = lab.sdk.jobs.get_run_output(task["run_id"])
    assert found.error.startswith("FileNotFoundError: [Errno 2] No such file or directory: ")
    assert "caf\\udce9" in found.error_trace
    export = lab.get("/api/2.2/jobs/runs/export", run_id=task["run_id"])
    assert export.status_code == 200
    assert "caf\\udce9" in export.json()["views"][0]["content"]
    assert lab.get(GET, run_id=run["run_id"], include_resolved_values="true").status_code == 200
    lab.http.post("/login", data={"token": lab.workspace.token})
    pages = (
        "/",
        f"/jobs/{run['job_id']}/runs/{run['run_id']}",
        f"/jobs/{run['job_id']}/runs/{task['run_id']}",
    )
    assert [lab.get(page).status_code for page in pages] == [200, 200, 200]


LEAVES = r"""
import os
for folder in (b"/dbfs/tmp/left", b"/Workspace/Shared/left", b"/Volumes/main/default/left"):
    os.makedirs(folder, exist_ok=True)
    open(folder + b"/caf\xe9", "w").close()
    os.mkfifo(folder + b"/pipe")
    os.mkdir(folder + b"/real")
    open(folder + b"/real/kept", "w").close()
    os.symlink("real", folder + b"/link")
"""


def test_what_a_task_leaves_in_the_trees_can_be_listed_and_deleted(lab: Lab) -> None:
    task, found = lab.run_source("leaves", LEAVES)
    assert task["state"]["result_state"] == "SUCCESS", found
    lists = {
        "/api/2.0/dbfs/list?path=/tmp/left": "files",
        "/api/2.0/workspace/list?path=/Shared/left": "objects",
        "/api/2.0/fs/directories/Volumes/main/default/left": "contents",
    }
    for path, field in lists.items():
        answer = lab.http.get(path)
        assert answer.status_code == 200, answer.text
        names = [item["path"].rpartition("/")[2] for item in answer.json()[field]]
        assert sorted(names) == ["caf?", "link", "real"]
    link = "/api/2.0/fs/directories/Volumes/main/default/left/link"
    assert lab.http.delete(link).status_code == 204
    for path in ("/tmp/left/link", "/tmp/left"):
        lab.sdk.dbfs.delete(path, recursive=True)
    for path in ("/Shared/left/link", "/Shared/left"):
        lab.sdk.workspace.delete(path, recursive=True)
    lab.sdk.volumes.delete("main.default.left")
    root = lab.workspace.root
    assert root is not None
    for place in ("dbfs/tmp/left", "files/Shared/left", "volumes/main/default/left"):
        assert not (root / place).exists()


def test_the_time_of_a_loop_holds_though_its_task_is_tried_again(lab: Lab) -> None:
    path = lab.notebook("waits", "import time\ntime.sleep(600)\n")
    nested = step("each", path, max_retries=5, retry_on_timeout=True)
    loop = {"inputs": "[1, 2]", "concurrency": 2, "task": nested}
    job_id = create(lab, {"task_key": "loop", "for_each_task": loop, "timeout_seconds": 3})
    run = lab.ended(run_now(lab, job_id))
    task = latest(run)["loop"]
    assert task["state"]["result_state"] == "TIMEDOUT"
    assert task["end_time"] - task["start_time"] < 10_000
    iterations = lab.get(GET, run_id=task["run_id"]).json()["iterations"]
    assert [each["state"]["result_state"] for each in iterations] == ["TIMEDOUT"] * 2


def test_runs_that_begin_while_pages_are_read_come_on_none_twice(lab: Lab) -> None:
    path = lab.notebook("fine", "pass\n")
    job_id = create(lab, step("a", path), max_concurrent_runs=0)
    runs = [run_now(lab, job_id) for _ in range(5)]
    seen: list[int] = []
    for run in lab.sdk.jobs.list_runs(job_id=job_id, limit=2):
        seen.append(run.run_id)
        run_now(lab, job_id)
    assert seen == runs[::-1]


def test_jobs_that_are_made_while_pages_are_read_come_on_none_twice(lab: Lab) -> None:
    path = lab.notebook("fine", "pass\n")
    made = [create(lab, step("a", path), name="paged job") for _ in range(5)]
    seen: list[int] = []
    for job in lab.sdk.jobs.list(name="paged job", limit=2):
        seen.append(job.job_id)
        create(lab, step("a", path), name="paged job")
    assert seen == made[::-1]


def test_a_cluster_is_created_once_for_a_token(lab: Lab) -> None:
    settings = {"cluster_name": "once", "idempotency_token": "once", **CLUSTER}

    def ask() -> str:
        return str(lab.post("/api/2.1/clusters/create", settings).json()["cluster_id"])

    first = ask()
    assert ask() == first
    until(lambda: lab.sdk.clusters.get(first).state is State.RUNNING)
    assert ask() == first
    assert len([each for each in lab.sdk.clusters.list() if each.cluster_name == "once"]) == 1
    # The token is free again once the cluster is terminated.
    lab.sdk.clusters.delete(first).result()
    second = ask()
    assert second != first
    too_long = {**settings, "idempotency_token": "x" * 65}
    assert lab.post("/api/2.1/clusters/create", too_long).status_code == 400
    for cluster_id in (first, second):
        lab.sdk.clusters.permanent_delete(cluster_id)


def test_only_its_user_reads_what_a_workspace_keeps(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with own_workspace(tmp_path / "root") as lab:
            lab.sdk.secrets.create_scope("s")
            lab.sdk.clusters.create(cluster_name="c", spark_env_vars={"PASSWORD": "x"}, **CLUSTER)
            files = [file for file in (tmp_path / "root").rglob("*.sqlite*") if file.is_file()]
            assert {file.name.partition(".")[0] for file in files} == {"workspace", "objects", "secrets"}
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(before)


def test_limits_in_bytes_are_counted_in_utf_8(lab: Lab) -> None:
    source = (
        "dbutils.jobs.taskValues.set('fits', 'é' * 24_000)\n"
        "try:\n    dbutils.jobs.taskValues.set('large', 'é' * 25_000)\n"
        "except ValueError as error:\n    dbutils.notebook.exit(str(error))\n"
    )
    job_id = create(lab, step("a", lab.notebook("accents", source)))
    run_id = run_now(lab, job_id, notebook_params={"p": "é" * 4_500})
    found = output(lab, latest(lab.ended(run_id))["a"])
    assert found["notebook_output"]["result"] == "The JSON of the task value large is larger than 48 KiB."
    answer = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, "notebook_params": {"p": "é" * 5_000}})
    assert answer.json()["message"] == "notebook_params must be at most 10000 bytes as JSON."


LOUD = """\
import json, resource, sys, time

def used():
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = used()

# COMMAND ----------

for number in range(200_000):
    print("line", number)
    print("line", number, file=sys.stderr)

# COMMAND ----------

dbutils.notebook.exit(json.dumps([now - then for now, then in zip(used(), before)]))
"""


def test_a_cell_that_writes_400_000_lines_in_turn_ends_and_is_shown(lab: Lab) -> None:
    server = psutil.Process(lab.workspace.process.pid)
    before = server.memory_info().rss
    run = lab.ended(run_now(lab, create(lab, step("a", lab.notebook("loud", LOUD)))))
    task = latest(run)["a"]
    seconds, megabytes = json.loads(output(lab, task)["notebook_output"]["result"])
    # Of the processor: what else the machine does is no matter.
    assert seconds < 5
    assert megabytes < 50
    export = lab.get("/api/2.2/jobs/runs/export", run_id=task["run_id"]).json()["views"][0]["content"]
    assert "line 4999" in export
    assert "There was more; it is left out." in export
    assert server.memory_info().rss - before < 100_000_000


def test_the_logs_of_programs_do_not_stay_in_memory(lab: Lab) -> None:
    path = put_file(lab, "/Shared/loud.py", "print(('x' * 1023 + '\\n') * 5_000)\n")
    program = {"spark_python_task": {"python_file": path}, "job_cluster_key": "shared"}
    job_id = create(lab, *({"task_key": f"p{number}", **program} for number in range(6)))
    server = psutil.Process(lab.workspace.process.pid)
    used = []
    # The first two runs show what the server needs for its work.
    for _ in range(6):
        run = lab.ended(run_now(lab, job_id))
        assert set(results(run).values()) == {"SUCCESS"}
        assert len(output(lab, latest(run)["p0"])["logs"]) > 5_000_000
        used.append(server.memory_info().rss / 1_000_000)
    # 24 logs of 5 MB came to it.
    assert used[-1] - used[1] < 60, used
