"""Repairs of for-each tasks: which iterations run again."""

import json
from pathlib import Path
from typing import Any

from .job_lab import GET, create, history_of, latest, own_workspace, results, run_now, step
from .workspace_lab import Lab

# Notes each time that it runs, and fails for those inputs for which there is no file.
COUNTS = """import pathlib
place, name = pathlib.Path(dbutils.widgets.get('place')), dbutils.widgets.get('name')
with open(place / 'ran', 'a') as ran:
    ran.write(name)
if not (place / name).exists():
    raise RuntimeError('not yet: ' + name)
"""
GIVES = "dbutils.jobs.taskValues.set('inputs', ['a', 'b', 'c'])\n"


def repair(lab: Lab, run_id: int, **fields: Any) -> dict[str, Any]:
    answer = lab.post("/api/2.2/jobs/runs/repair", {"run_id": run_id, **fields})
    assert answer.status_code == 200, answer.text
    return lab.ended(run_id)


def failed_loop(lab: Lab, place: Path) -> dict[str, Any]:
    """A run whose loop succeeded for `a` and failed for `b` and `c`."""
    (place / "a").touch()
    path = lab.notebook("counts", COUNTS)
    nested = step("each", path, parameters={"place": str(place), "name": "{{input}}"})
    inputs = "{{tasks.gives.values.inputs}}"
    loop = {
        "task_key": "loop",
        "depends_on": [{"task_key": "gives"}],
        "for_each_task": {"inputs": inputs, "task": nested},
    }
    run = lab.ended(run_now(lab, create(lab, step("gives", lab.notebook("gives", GIVES)), loop)))
    assert results(run) == {"gives": "SUCCESS", "loop": "FAILED"}
    assert latest(run)["loop"]["state"]["state_message"].startswith("2 of 3 iterations failed")
    assert ran(place) == "abc"
    return run


def ran(place: Path) -> str:
    """The inputs that ran since this was asked before."""
    names = (place / "ran").read_text()
    (place / "ran").unlink()
    return names


def iterations(lab: Lab, task: dict[str, Any]) -> list[tuple[int, str]]:
    found = lab.get(GET, run_id=task["run_id"]).json()["iterations"]
    return [(each["attempt_number"], each["state"]["result_state"]) for each in found]


def test_only_iterations_that_failed_run_again(lab: Lab, tmp_path: Path) -> None:
    run = failed_loop(lab, tmp_path)
    original = latest(run)["loop"]
    (tmp_path / "b").touch()
    run = repair(lab, run["run_id"], rerun_all_failed_tasks=True)
    first = latest(run)["loop"]
    assert ran(tmp_path) == "bc"
    assert first["state"]["state_message"].startswith("1 of 3 iterations failed")
    assert iterations(lab, first) == [(0, "SUCCESS"), (1, "SUCCESS"), (1, "FAILED")]
    stats = first["for_each_task"]["stats"]["task_run_stats"]
    assert (stats["total_iterations"], stats["succeeded_iterations"], stats["failed_iterations"]) == (3, 2, 1)

    (tmp_path / "c").touch()
    history = history_of(lab, run["run_id"])
    run = repair(lab, run["run_id"], rerun_tasks=["loop"], latest_repair_id=history[-1]["id"])
    second = latest(run)["loop"]
    assert ran(tmp_path) == "c"
    assert results(run) == {"gives": "SUCCESS", "loop": "SUCCESS"}
    assert iterations(lab, second) == [(0, "SUCCESS"), (1, "SUCCESS"), (2, "SUCCESS")]
    assert (second["attempt_number"], second["original_attempt_run_id"]) == (2, original["run_id"])
    # What the earlier attempts were is left as it was.
    assert iterations(lab, original) == [(0, "SUCCESS"), (0, "FAILED"), (0, "FAILED")]
    shown = [item["task_run_ids"] for item in history_of(lab, run["run_id"])]
    assert shown[1:] == [[first["run_id"]], [second["run_id"]]]


def test_all_iterations_run_again_after_a_task_before_them(lab: Lab, tmp_path: Path) -> None:
    run = failed_loop(lab, tmp_path)
    for name in "bc":
        (tmp_path / name).touch()
    run = repair(lab, run["run_id"], rerun_tasks=["gives"], rerun_dependent_tasks=True)
    assert ran(tmp_path) == "abc"
    assert iterations(lab, latest(run)["loop"]) == [(1, "SUCCESS")] * 3
    history = history_of(lab, run["run_id"])
    run = repair(lab, run["run_id"], rerun_tasks=["loop"], latest_repair_id=history[-1]["id"])
    assert ran(tmp_path) == "abc"
    assert results(run) == {"gives": "SUCCESS", "loop": "SUCCESS"}


def test_other_inputs_run_from_the_start(lab: Lab, tmp_path: Path) -> None:
    run = failed_loop(lab, tmp_path)
    job = lab.get("/api/2.2/jobs/get", job_id=run["job_id"]).json()["settings"]
    loop = next(task for task in job["tasks"] if task["task_key"] == "loop")
    loop["for_each_task"]["inputs"] = json.dumps(["c", "a"])
    body = {"job_id": run["job_id"], "new_settings": {"tasks": [loop]}}
    assert lab.post("/api/2.2/jobs/update", body).status_code == 200
    (tmp_path / "c").touch()
    run = repair(lab, run["run_id"], rerun_all_failed_tasks=True)
    assert ran(tmp_path) == "ca"
    assert iterations(lab, latest(run)["loop"]) == [(0, "SUCCESS")] * 2


def test_kept_iterations_survive_a_restart(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root") as lab:
        run = failed_loop(lab, tmp_path)
        (tmp_path / "b").touch()
        run = repair(lab, run["run_id"], rerun_all_failed_tasks=True)
        assert ran(tmp_path) == "bc"
        before = lab.get(GET, run_id=latest(run)["loop"]["run_id"]).json()["iterations"]
    with own_workspace(tmp_path / "root") as lab:
        after = lab.get(GET, run_id=latest(run)["loop"]["run_id"]).json()["iterations"]
        assert [each["run_id"] for each in after] == [each["run_id"] for each in before]
        (tmp_path / "c").touch()
        history = history_of(lab, run["run_id"])
        repair(lab, run["run_id"], rerun_all_failed_tasks=True, latest_repair_id=history[-1]["id"])
        assert ran(tmp_path) == "c"
