"""Repairs: what runs again, in which words they are refused, what becomes of the run."""

import json
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs

from .job_lab import (
    GET,
    create,
    invalid,
    latest,
    outcome,
    own_workspace,
    refusal,
    results,
    run_job,
    run_now,
    step,
    value,
)
from .workspace_lab import Lab, until

LATEST_MISSING = "The latest repair ID needs to be provided in order to create a new repair"
# Fails as long as the file that it is named is not there.
NEEDS = "import os\nif not os.path.exists(dbutils.widgets.get('needs')):\n    raise RuntimeError('not yet')\n"


def repair(lab: Lab, run_id: int, **fields: Any) -> int:
    answer = lab.post("/api/2.2/jobs/runs/repair", {"run_id": run_id, **fields})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["repair_id"])


def refused(lab: Lab, run_id: int, **fields: Any) -> tuple[int, str, str]:
    return refusal(lab.post("/api/2.2/jobs/runs/repair", {"run_id": run_id, **fields}))


def history(lab: Lab, run_id: int) -> list[dict[str, Any]]:
    found = lab.get(GET, run_id=run_id, include_history="true").json()["repair_history"]
    assert isinstance(found, list)
    return found


def failed_run(lab: Lab, needs: Path, **settings: Any) -> dict[str, Any]:
    """A run of a job in which `b` failed and `c` after it was skipped."""
    plain, broken = lab.notebook("plain", "x = 1\n"), lab.notebook("needs", NEEDS)
    run = run_job(
        lab,
        step("a", plain),
        step("b", broken, ["a"], parameters={"needs": str(needs)}),
        step("c", plain, ["b"]),
        **settings,
    )
    assert results(run) == {"a": "SUCCESS", "b": "FAILED", "c": "UPSTREAM_FAILED"}
    return run


def test_a_repair_of_all_that_failed(lab: Lab, tmp_path: Path) -> None:
    run = failed_run(lab, tmp_path / "needs")
    run_id = run["run_id"]
    assert "repair_history" not in run
    (tmp_path / "needs").touch()
    waiter = lab.sdk.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    repair_id = waiter.response.repair_id
    after = lab.get(GET, run_id=run_id).json()
    assert after["state"]["life_cycle_state"] not in ("TERMINATED", "INTERNAL_ERROR")
    assert after["end_time"] == 0
    repaired = lab.ended(run_id)
    assert outcome(repaired) == ("TERMINATED", "SUCCESS")
    assert results(repaired) == {"a": "SUCCESS", "b": "SUCCESS", "c": "SUCCESS"}
    assert repaired["run_id"] == run_id
    assert [(task["task_key"], task["attempt_number"]) for task in repaired["tasks"]] == [
        ("a", 0),
        ("b", 0),
        ("c", 0),
        ("b", 1),
        ("c", 1),
    ]
    first, second = (task for task in repaired["tasks"] if task["task_key"] == "b")
    assert second["original_attempt_run_id"] == first["run_id"]
    original, entry = history(lab, run_id)
    assert original["type"] == "ORIGINAL"
    assert "id" not in original
    assert original["state"]["result_state"] == "FAILED"
    assert original["task_run_ids"] == [task["run_id"] for task in run["tasks"]]
    assert (entry["type"], entry["id"], entry["state"]["result_state"]) == ("REPAIR", repair_id, "SUCCESS")
    assert entry["task_run_ids"] == [task["run_id"] for task in repaired["tasks"][3:]]
    assert original["end_time"] <= entry["start_time"] <= entry["end_time"] == repaired["end_time"]


def test_the_shared_cluster_is_started_again_for_a_repair(lab: Lab, tmp_path: Path) -> None:
    run = failed_run(lab, tmp_path / "needs")
    (tmp_path / "needs").touch()
    repair(lab, run["run_id"], rerun_all_failed_tasks=True)
    tasks = lab.ended(run["run_id"])["tasks"]
    clusters = {
        task["run_id"]: task["cluster_instance"]["cluster_id"] for task in tasks if "cluster_instance" in task
    }
    before, after = clusters[tasks[0]["run_id"]], {clusters[task["run_id"]] for task in tasks[3:]}
    assert len(after) == 1
    assert before not in after


def test_further_repairs_name_the_one_before(lab: Lab, tmp_path: Path) -> None:
    run_id = failed_run(lab, tmp_path / "needs")["run_id"]
    first = repair(lab, run_id, rerun_tasks=["b"])
    run = lab.ended(run_id)
    assert results(run) == {"a": "SUCCESS", "b": "FAILED", "c": "UPSTREAM_FAILED"}
    assert outcome(run) == ("INTERNAL_ERROR", "FAILED")
    for fields in ({}, {"latest_repair_id": 4711}):
        assert refused(lab, run_id, rerun_tasks=["b"], **fields) == invalid(LATEST_MISSING)
    (tmp_path / "needs").touch()
    second = repair(lab, run_id, rerun_tasks=["b"], rerun_dependent_tasks=True, latest_repair_id=first)
    run = lab.ended(run_id)
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert sorted(task["attempt_number"] for task in run["tasks"] if task["task_key"] == "b") == [0, 1, 2]
    assert [entry.get("id") for entry in history(lab, run_id)] == [None, first, second]


def test_one_task_alone_leaves_what_was_skipped(lab: Lab, tmp_path: Path) -> None:
    run_id = failed_run(lab, tmp_path / "needs")["run_id"]
    (tmp_path / "needs").touch()
    repair(lab, run_id, rerun_tasks=["b"])
    run = lab.ended(run_id)
    assert results(run) == {"a": "SUCCESS", "b": "SUCCESS", "c": "UPSTREAM_FAILED"}
    assert outcome(run) == ("INTERNAL_ERROR", "FAILED")
    assert run["state"]["state_message"] == "Task c failed with message: An upstream task failed."


def test_dependents_run_again_even_if_they_succeeded(lab: Lab) -> None:
    path = lab.notebook("plain", "x = 1\n")
    run = run_job(lab, step("a", path), step("b", path, ["a"]), step("c", path))
    repair(lab, run["run_id"], rerun_tasks=["a"], rerun_dependent_tasks=True)
    run = lab.ended(run["run_id"])
    assert sorted((task["task_key"], task["attempt_number"]) for task in run["tasks"]) == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
        ("c", 0),
    ]


def test_what_a_repair_refuses(lab: Lab, tmp_path: Path) -> None:
    run_id = failed_run(lab, tmp_path / "needs")["run_id"]
    assert refused(lab, 4711, rerun_tasks=["a"]) == invalid("Run 4711 does not exist.")
    assert refused(lab, run_id, rerun_tasks=["b", "b"]) == invalid(
        "rerun_tasks cannot contain duplicate task keys."
    )
    assert refused(lab, run_id, rerun_tasks=["b"], rerun_all_failed_tasks=True) == invalid(
        "Only one of rerun_tasks or rerun_all_failed_tasks can be used."
    )
    assert refused(lab, run_id) == invalid("One of rerun_tasks or rerun_all_failed_tasks must be specified.")
    assert refused(lab, run_id, rerun_tasks=["z"]) == invalid("Task 'z' does not exist in the run.")
    assert len(history(lab, run_id)) == 1


def test_an_active_run_is_not_repaired(lab: Lab) -> None:
    path = lab.notebook("waits", "import time\ntime.sleep(600)\n")
    run_id = run_now(lab, create(lab, step("a", path)))
    lab.wait_for_task(run_id, "a", "RUNNING")
    assert refused(lab, run_id, rerun_tasks=["a"]) == invalid(
        f"Run {run_id} is active. Only runs that are not active can be repaired."
    )
    lab.sdk.jobs.cancel_run(run_id)
    lab.ended(run_id)
    repair(lab, run_id, rerun_all_failed_tasks=True)
    until(lambda: lab.get(GET, run_id=run_id).json()["tasks"][-1]["state"]["life_cycle_state"] == "RUNNING")
    lab.sdk.jobs.cancel_run(run_id)
    run = lab.ended(run_id)
    assert [task["state"]["result_state"] for task in run["tasks"]] == ["CANCELED", "CANCELED"]


def test_a_repair_takes_the_settings_of_the_job_as_they_are_now(lab: Lab, tmp_path: Path) -> None:
    run = failed_run(lab, tmp_path / "needs")
    fixed = step("b", lab.notebook("fixed", "dbutils.notebook.exit('fixed')\n"), ["a"])
    body = {"job_id": run["job_id"], "new_settings": {"tasks": [fixed]}}
    assert lab.post("/api/2.2/jobs/update", body).status_code == 200
    repair(lab, run["run_id"], rerun_all_failed_tasks=True)
    run = lab.ended(run["run_id"])
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert value(lab, run, "b") == "fixed"
    lab.sdk.jobs.delete(run["job_id"])
    repair_id = history(lab, run["run_id"])[-1]["id"]
    assert refused(lab, run["run_id"], rerun_tasks=["a"], latest_repair_id=repair_id) == invalid(
        f"Job {run['job_id']} does not exist."
    )


def test_job_parameters_are_not_inherited(lab: Lab) -> None:
    path = lab.notebook("shows", "import json\ndbutils.notebook.exit(json.dumps(dbutils.widgets.getAll()))\n")
    job_id = create(lab, step("a", path), parameters=[{"name": "p", "default": "default"}])
    run = lab.ended(run_now(lab, job_id, job_parameters={"p": "sent", "n": "1"}))
    assert json.loads(value(lab, run, "a")) == {"p": "sent", "n": "1"}
    first = repair(lab, run["run_id"], rerun_tasks=["a"])
    run = lab.ended(run["run_id"])
    assert json.loads(value(lab, run, "a")) == {"p": "default"}
    repair(lab, run["run_id"], rerun_tasks=["a"], latest_repair_id=first, job_parameters={"p": "again"})
    run = lab.ended(run["run_id"])
    assert json.loads(value(lab, run, "a")) == {"p": "again"}


def test_references_count_repairs_and_executions(lab: Lab, tmp_path: Path) -> None:
    source = "dbutils.notebook.exit(dbutils.widgets.get('counts'))\n"
    counts = "{{job.repair_count}} {{task.execution_count}}"
    run = run_job(lab, step("a", lab.notebook("counts", source), parameters={"counts": counts}))
    assert value(lab, run, "a") == "0 1"
    repair(lab, run["run_id"], rerun_tasks=["a"])
    assert value(lab, lab.ended(run["run_id"]), "a") == "1 2"


def test_a_repair_has_all_its_retries_again(lab: Lab) -> None:
    run = run_job(lab, step("a", lab.notebook("fails", "raise ValueError('no')\n"), max_retries=1))
    repair(lab, run["run_id"], rerun_all_failed_tasks=True)
    run = lab.ended(run["run_id"])
    assert sorted(task["attempt_number"] for task in run["tasks"]) == [0, 1, 2, 3]


def test_a_submitted_run_is_not_repaired(lab: Lab) -> None:
    run = lab.run(lab.task("a", lab.notebook("fails", "raise ValueError('no')\n")))
    assert refused(lab, run["run_id"], rerun_all_failed_tasks=True) == invalid(
        "Only runs of a job can be repaired, not runs made by runs/submit."
    )


@pytest.fixture(scope="module")
def other_lab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("other")
    with own_workspace(root, repair_one_time_runs=True, repair_visible_after=1) as other:
        yield other


def test_a_submitted_run_is_repaired_where_the_workspace_does_so(other_lab: Lab, tmp_path: Path) -> None:
    path = other_lab.notebook("needs", NEEDS)
    needs = tmp_path / "needs"
    run = other_lab.run(other_lab.task("a", path, parameters={"needs": str(needs)}))
    needs.touch()
    repair_id = repair(other_lab, run["run_id"], rerun_all_failed_tasks=True)
    until(lambda: history(other_lab, run["run_id"])[-1].get("id") == repair_id)
    assert outcome(other_lab.ended(run["run_id"])) == ("TERMINATED", "SUCCESS")


def test_a_repaired_run_that_still_looks_terminal(other_lab: Lab) -> None:
    run = run_job(other_lab, step("a", other_lab.notebook("plain", "x = 1\n")))
    run_id = run["run_id"]
    repair_id = repair(other_lab, run_id, rerun_tasks=["a"])
    assert other_lab.get(GET, run_id=run_id).json() == run
    assert len(history(other_lab, run_id)) == 1
    assert refused(other_lab, run_id, rerun_tasks=["a"], latest_repair_id=repair_id)[2].startswith(
        f"Run {run_id} is active."
    )
    # The SDK's waiter is misled by it, which is the point of the switch (facts, section 6).
    stale = other_lab.sdk.jobs.wait_get_run_job_terminated_or_skipped(run_id)
    assert stale.state is not None
    assert stale.state.life_cycle_state == jobs.RunLifeCycleState.TERMINATED
    until(lambda: history(other_lab, run_id)[-1].get("id") == repair_id)
    assert len(latest(other_lab.ended(run_id))) == 1
