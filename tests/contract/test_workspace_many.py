"""Many tasks in a run, many runs at once."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from databricks.sdk.service import jobs

from .job_lab import GET, create, outcome, own_workspace, run_now, step
from .workspace_lab import Lab

MEGABYTE = 1024 * 1024


def condition(number: int, after: int | None = None) -> dict[str, Any]:
    depends_on = [] if after is None else [{"task_key": f"t{after}"}]
    body = {"op": "EQUAL_TO", "left": "{{job.id}}", "right": "1"}
    return {"task_key": f"t{number}", "condition_task": body, "depends_on": depends_on}


def test_a_thousand_tasks(lab: Lab) -> None:
    for tasks in (
        [condition(n) for n in range(1_000)],
        [condition(n, n - 1 if n else None) for n in range(1_000)],
    ):
        started = time.monotonic()
        run_id = run_now(lab, create(lab, *tasks))
        run = lab.ended(run_id)
        assert outcome(run) == ("TERMINATED", "SUCCESS")
        assert time.monotonic() - started < 10
        assert len(run["tasks"]) == 100
        whole = lab.sdk.jobs.get_run(run_id, include_history=True)
        assert {task.task_key for task in whole.tasks or []} == {f"t{n}" for n in range(1_000)}
        assert len((whole.repair_history or [])[0].task_run_ids or []) == 1_000
        assert all(
            task.state and task.state.result_state == jobs.RunResultState.SUCCESS
            for task in whole.tasks or []
        )


class Watch:
    """The most memory and the most processes that a server was seen with."""

    def __init__(self, server: int) -> None:
        self.server = psutil.Process(server)
        self.memory = self.processes = 0

    def look(self) -> None:
        self.memory = max(self.memory, self.server.memory_info().rss)
        self.processes = max(self.processes, len(self.server.children(recursive=True)))


def test_two_hundred_runs_of_two_notebooks_at_once(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root") as lab:
        first = lab.notebook("first", "dbutils.jobs.taskValues.set('n', spark.range(5).count())\n")
        second = lab.notebook("second", "dbutils.notebook.exit(str(dbutils.jobs.taskValues.get('a', 'n')))\n")
        job_id = create(lab, step("a", first), step("b", second, ["a"]), max_concurrent_runs=1_000)
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda _: run_now(lab, job_id), range(200)))
        watch = Watch(lab.workspace.process.pid)
        deadline = time.monotonic() + 150
        waiting = set(ids)
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} runs have not ended"
            watch.look()
            listed = lab.sdk.jobs.list_runs(job_id=job_id, active_only=True)
            waiting = {run.run_id for run in listed if run.run_id is not None}
        runs = [lab.get(GET, run_id=run_id).json() for run_id in ids]
        assert {outcome(run) for run in runs} == {("TERMINATED", "SUCCESS")}
        exits = {
            json.dumps(
                lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json()["notebook_output"]
            )
            for run in runs
            for task in run["tasks"]
            if task["task_key"] == "b"
        }
        assert exits == {'{"result": "5", "truncated": false}'}
        # A process each for 16 clusters and 16 notebooks, the one they are forked from, and those that guard.
        assert watch.processes <= 2 * 16 + 8
        assert watch.memory < 400 * MEGABYTE
        assert list((tmp_path / "root" / "tasks").iterdir()) == []
