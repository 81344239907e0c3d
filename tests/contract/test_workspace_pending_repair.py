"""What becomes of a repair that was accepted and does not show yet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .job_lab import GET, create, history_of, latest, outcome, own_workspace, results, run_job, run_now, step
from .workspace_lab import Lab, until

# Says that it ran, by a file that only the repair can make.
MARK = "import pathlib\npathlib.Path(dbutils.widgets.get('mark')).touch()\n"


@pytest.fixture(scope="module")
def slow_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with own_workspace(tmp_path_factory.mktemp("slow"), repair_visible_after=600) as lab:
        yield lab


def repaired(lab: Lab, mark: Path, keys: tuple[str, ...] = ("a", "b")) -> tuple[dict[str, Any], int]:
    """A run of two tasks whose repair does not show yet; and the id of the repair."""
    path = lab.notebook("mark", MARK)
    parameters = {"mark": str(mark)}
    run = run_job(lab, step("a", path, parameters=parameters), step("b", path, parameters=parameters))
    mark.unlink()
    answer = lab.post("/api/2.2/jobs/runs/repair", {"run_id": run["run_id"], "rerun_tasks": list(keys)})
    assert answer.status_code == 200, answer.text
    return run, int(answer.json()["repair_id"])


@pytest.mark.parametrize("call", ["cancel", "cancel-all", "delete the job"])
def test_a_cancel_of_the_run_ends_the_repair(slow_lab: Lab, tmp_path: Path, call: str) -> None:
    run, repair_id = repaired(slow_lab, tmp_path / "mark")
    run_id, job = run["run_id"], {"job_id": run["job_id"]}
    path, body = {
        "cancel": ("runs/cancel", {"run_id": run_id}),
        "cancel-all": ("runs/cancel-all", job),
        "delete the job": ("delete", job),
    }[call]
    assert slow_lab.post(f"/api/2.2/jobs/{path}", body).status_code == 200
    ended = slow_lab.ended(run_id)
    assert outcome(ended) == ("TERMINATED", "CANCELED")
    assert results(ended) == {"a": "CANCELED", "b": "CANCELED"}
    original, repair = history_of(slow_lab, run_id)
    assert original["state"]["result_state"] == "SUCCESS"
    assert (repair["id"], repair["state"]["result_state"]) == (repair_id, "CANCELED")
    assert len(repair["task_run_ids"]) == 2
    assert not (tmp_path / "mark").exists()


def test_a_cancel_of_a_task_ends_it_in_the_repair(slow_lab: Lab, tmp_path: Path) -> None:
    run, _ = repaired(slow_lab, tmp_path / "mark")
    old = latest(run)["a"]["run_id"]
    assert slow_lab.post("/api/2.2/jobs/runs/cancel", {"run_id": old}).status_code == 200
    until(lambda: len(history_of(slow_lab, run["run_id"])) == 2)
    ended = slow_lab.ended(run["run_id"])
    assert results(ended) == {"a": "CANCELED", "b": "SUCCESS"}
    # The attempt that the id belongs to has ended, and is left as it was.
    assert slow_lab.get(GET, run_id=old).json()["state"]["result_state"] == "SUCCESS"


def test_a_cancel_of_a_task_that_is_kept_lets_the_repair_run(slow_lab: Lab, tmp_path: Path) -> None:
    run, _ = repaired(slow_lab, tmp_path / "mark", ("b",))
    old = latest(run)["a"]["run_id"]
    assert slow_lab.post("/api/2.2/jobs/runs/cancel", {"run_id": old}).status_code == 200
    until(lambda: len(history_of(slow_lab, run["run_id"])) == 2)
    assert outcome(slow_lab.ended(run["run_id"])) == ("TERMINATED", "SUCCESS")


def test_the_run_cannot_be_deleted(slow_lab: Lab, tmp_path: Path) -> None:
    run, _ = repaired(slow_lab, tmp_path / "mark")
    refused = slow_lab.post("/api/2.2/jobs/runs/delete", {"run_id": run["run_id"]})
    assert (refused.status_code, "is active" in refused.json()["message"]) == (400, True)
    slow_lab.sdk.jobs.cancel_run(run["run_id"])
    until(lambda: len(history_of(slow_lab, run["run_id"])) == 2)
    slow_lab.ended(run["run_id"])
    assert slow_lab.post("/api/2.2/jobs/runs/delete", {"run_id": run["run_id"]}).json() == {}


def test_a_polite_stop_loses_it_visibly(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with own_workspace(root, repair_visible_after=600) as lab:
        run_id = run_now(lab, create(lab, step("a", lab.notebook("plain", "x = 1\n"))))
        lab.ended(run_id)
        repair = lab.post("/api/2.2/jobs/runs/repair", {"run_id": run_id, "rerun_tasks": ["a"]}).json()
    with own_workspace(root) as lab:
        assert outcome(lab.get(GET, run_id=run_id).json()) == ("INTERNAL_ERROR", "FAILED")
        assert history_of(lab, run_id)[-1]["id"] == repair["repair_id"]
