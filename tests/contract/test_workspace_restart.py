"""What a workspace keeps when its server ends, and what becomes of what was active then."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from .job_lab import GET, create, history_of, latest, outcome, output, own_workspace, results, run_now, step
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab

WHEEL = "colour-1.0-py3-none-any.whl"
WAITS = "import time\ntime.sleep(600)\n"


def everything(lab: Lab, run_id: int, job_id: int) -> list[Any]:
    """All that can be read about a run and its job, without the port in its links."""
    run = lab.get(GET, run_id=run_id, include_history="true", include_resolved_values="true").json()
    shown = [
        run,
        lab.get("/api/2.2/jobs/get", job_id=job_id).json(),
        [output(lab, task) for task in run["tasks"]],
        lab.get("/api/2.2/jobs/runs/list", expand_tasks="true").json(),
    ]
    return list(json.loads(json.dumps(shown).replace(lab.workspace.url, "")))


def test_jobs_runs_and_outputs_survive_a_kill(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root) as lab:
        sets = lab.notebook(
            "sets", "dbutils.jobs.taskValues.set('v', 'kept')\ndbutils.notebook.exit('out')\n"
        )
        fails = lab.notebook("fails", "print('before')\nraise ValueError('no')\n")
        shows = lab.notebook("shows", "dbutils.notebook.exit(dbutils.widgets.get('v'))\n")
        loop = {"inputs": "[1, 2]", "task": step("each", sets)}
        job_id = create(
            lab,
            step("sets", sets),
            step("fails", fails, ["sets"], max_retries=1),
            step("shows", shows, ["sets", "fails"], parameters={"v": "{{tasks.sets.values.v}}"}),
            {"task_key": "loop", "for_each_task": loop},
            parameters=[{"name": "p", "default": "d"}],
        )
        run_id = run_now(lab, job_id, idempotency_token="kept", job_parameters={"p": "q"})
        before = lab.ended(run_id)
        kept = everything(lab, run_id, job_id)
        iterations = lab.get(GET, run_id=latest(before)["loop"]["run_id"]).json()["iterations"]
        deleted = run_now(lab, job_id, idempotency_token="deleted")
        lab.ended(deleted)
        lab.sdk.jobs.delete_run(deleted)
        assert stat.S_IMODE((root / "workspace.sqlite").stat().st_mode) == 0o600
        lab.workspace.process.kill()
        lab.workspace.process.wait()
    with own_workspace(root) as lab:
        assert everything(lab, run_id, job_id) == kept
        again = lab.get(GET, run_id=latest(before)["loop"]["run_id"]).json()["iterations"]
        assert [task["run_id"] for task in again] == [task["run_id"] for task in iterations]
        assert run_now(lab, job_id, idempotency_token="kept") == run_id
        answer = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, "idempotency_token": "deleted"})
        assert answer.json()["message"] == f"Run {deleted} of this idempotency_token was deleted."
        export = lab.get("/api/2.2/jobs/runs/export", run_id=latest(before)["fails"]["run_id"]).json()
        assert "before" in export["views"][0]["content"]
        # A repair goes on where the run ended, with the task values of before.
        body = {"run_id": run_id, "rerun_tasks": ["shows"]}
        fixed = {
            "job_id": job_id,
            "new_settings": {
                "tasks": [
                    step("shows", "/Shared/shows", ["sets"], parameters={"v": "{{tasks.sets.values.v}}"})
                ]
            },
        }
        assert lab.post("/api/2.2/jobs/update", fixed).status_code == 200
        assert lab.post("/api/2.2/jobs/runs/repair", body).status_code == 200
        repaired = lab.ended(run_id)
        assert results(repaired)["shows"] == "SUCCESS"
        assert output(lab, latest(repaired)["shows"])["notebook_output"]["result"] == "kept"


def test_what_was_active_ends_as_a_lost_driver_does(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root) as lab:
        waits = lab.notebook("waits", WAITS)
        job_id = create(lab, step("a", waits), step("b", waits, ["a"]))
        active, queued = run_now(lab, job_id, idempotency_token="active"), run_now(lab, job_id)
        lab.wait_for_task(active, "a", "RUNNING")
        lab.workspace.process.kill()
        lab.workspace.process.wait()
    with own_workspace(root) as lab:
        for run_id in (active, queued):
            run = lab.get(GET, run_id=run_id).json()
            assert outcome(run) == ("INTERNAL_ERROR", "FAILED")
            assert run["state"]["state_message"] == "Driver of the cluster was lost"
            assert run["status"]["termination_details"]["code"] == "DRIVER_ERROR"
            assert results(run) == {"a": "FAILED", "b": "UPSTREAM_FAILED"}
            assert latest(run)["a"]["state"]["life_cycle_state"] == "INTERNAL_ERROR"
            assert run["end_time"] >= run["start_time"] > 0
        assert output(lab, latest(lab.get(GET, run_id=active).json())["a"])["error"] == (
            "Driver of the cluster was lost"
        )
        assert run_now(lab, job_id, idempotency_token="active") == active
        assert len(history_of(lab, active)) == 1


def test_a_polite_stop_loses_what_is_active_too(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root) as lab:
        run_id = run_now(lab, create(lab, step("a", lab.notebook("waits", WAITS))))
        lab.wait_for_task(run_id, "a", "RUNNING")
    with own_workspace(root) as lab:
        assert outcome(lab.get(GET, run_id=run_id).json()) == ("INTERNAL_ERROR", "FAILED")


def test_a_repair_that_was_not_visible_yet_is_lost_visibly(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root, repair_visible_after=600) as lab:
        job_id = create(lab, step("a", lab.notebook("plain", "x = 1\n")))
        run_id = run_now(lab, job_id)
        lab.ended(run_id)
        body = {"run_id": run_id, "rerun_tasks": ["a"]}
        repair_id = lab.post("/api/2.2/jobs/runs/repair", body).json()["repair_id"]
        lab.workspace.process.kill()
        lab.workspace.process.wait()
    with own_workspace(root) as lab:
        original, repair = history_of(lab, run_id)
        assert original["state"]["result_state"] == "SUCCESS"
        assert (repair["id"], repair["state"]["life_cycle_state"]) == (repair_id, "INTERNAL_ERROR")


def test_two_servers_do_not_share_a_root(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root"):
        second = subprocess.run(
            [
                sys.executable,
                "-m",
                "databricks_local",
                "--token",
                "x",
                "--root",
                str(tmp_path / "root"),
            ],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert second.returncode == 2
    assert second.stderr == f"workspace: another workspace uses {tmp_path / 'root'}\n"


def test_logs_environments_and_libraries_survive_a_kill(tmp_path: Path) -> None:
    root = tmp_path / "root"
    build_wheel(tmp_path, "colour", "1.0", "VERSION = '1.0'\n")
    program = {"python_file": "/Shared/program.py"}
    with own_workspace(root) as lab:
        (root / "files" / "Shared" / "program.py").write_text("print('kept')\n")
        shutil.copy(tmp_path / WHEEL, root / "files" / "Shared")
        created = lab.sdk.clusters.create(**CLUSTER).result()  # type: ignore[arg-type]
        cluster_id = created.cluster_id or ""
        library = {"whl": f"/Workspace/Shared/{WHEEL}"}
        lab.post("/api/2.0/libraries/install", {"cluster_id": cluster_id, "libraries": [library]})
        uses = lab.notebook("uses", "import colour\ndbutils.notebook.exit(colour.VERSION)\n")
        serverless = {"task_key": "file", "spark_python_task": program, "environment_key": "tools"}
        existing = {
            "task_key": "uses",
            "notebook_task": {"notebook_path": uses},
            "existing_cluster_id": cluster_id,
        }
        environments = [{"environment_key": "tools", "spec": {"environment_version": "3"}}]
        job_id = create(lab, serverless, existing, environments=environments)
        run_id = run_now(lab, job_id)
        assert results(lab.ended(run_id)) == {"file": "SUCCESS", "uses": "SUCCESS"}
        kept = everything(lab, run_id, job_id)
        lab.workspace.process.kill()
        lab.workspace.process.wait()
    assert list((root / "tasks").iterdir())
    for name in ("tasks", "parts", "checkouts"):
        (root / name / "mine").mkdir(parents=True)
    (root / "parts" / "part-01234567").touch()
    with own_workspace(root) as lab:
        for name in ("tasks", "parts", "checkouts"):
            assert [place.name for place in (root / name).iterdir()] == ["mine"]
        assert everything(lab, run_id, job_id) == kept
        statuses = lab.get("/api/2.0/libraries/cluster-status", cluster_id=cluster_id).json()
        assert [each["status"] for each in statuses["library_statuses"]] == ["PENDING"]
        # The cluster starts again, with its library.
        again = latest(lab.ended(run_now(lab, job_id)))
        assert output(lab, again["uses"])["notebook_output"]["result"] == "1.0"
        assert output(lab, again["file"])["logs"] == "kept\n"
