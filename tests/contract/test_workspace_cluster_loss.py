"""What a shared job cluster takes with it when it is lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks_local import Faults

from .job_lab import create, latest, output, results, run_now, step
from .workspace_lab import CLUSTER, Lab, until

# Waits in its first attempt; the next one, on the cluster that was started again, uses Spark.
WAITS_ONCE = """import pathlib, time
mark = pathlib.Path(dbutils.widgets.get('mark'))
if not mark.exists():
    mark.touch()
    time.sleep(600)
dbutils.notebook.exit(str(spark.range(3).count()))
"""


@pytest.fixture
def faults(lab: Lab) -> Iterator[Faults]:
    yield lab.workspace.faults
    lab.workspace.faults.clear()


def start(lab: Lab, marks: Path, name: str) -> int:
    """A run of two tasks at once on one cluster, one of them with a retry, and one after both."""
    path = lab.notebook("waits once", WAITS_ONCE)
    given = {key: {"mark": str(marks / key)} for key in ("a", "b", "after")}
    (marks / "after").touch()
    return run_now(
        lab,
        create(
            lab,
            step("a", path, parameters=given["a"]),
            step("b", path, parameters=given["b"], max_retries=1),
            step("after", path, ["a", "b"], parameters=given["after"], run_if="ALL_DONE"),
            name=name,
        ),
    )


def both_wait(lab: Lab, run_id: int, marks: Path) -> None:
    until(lambda: (marks / "a").exists() and (marks / "b").exists())
    assert (
        lab.wait_for_task(run_id, "a", "RUNNING")["cluster_instance"]["cluster_id"]
        == f"local-{run_id}-shared"
    )


def first(run: dict[str, Any], key: str) -> dict[str, Any]:
    return next(task for task in run["tasks"] if (task["task_key"], task["attempt_number"]) == (key, 0))


def servers(lab: Lab) -> set[int]:
    return {child.pid for child in psutil.Process(lab.workspace.process.pid).children(recursive=True)}


@pytest.mark.parametrize(
    ("effect", "code", "message"),
    [
        ("spot_loss", "CLOUD_FAILURE", "SPOT_INSTANCE_TERMINATION(CLOUD_FAILURE)"),
        ("driver_lost", "DRIVER_ERROR", "Driver of the cluster was lost"),
    ],
)
def test_all_tasks_of_a_lost_cluster_end(
    lab: Lab, faults: Faults, tmp_path: Path, effect: str, code: str, message: str
) -> None:
    faults.add(run_name=effect, task_key="a", effect=effect, after_seconds=2)
    run_id = start(lab, tmp_path, effect)
    both_wait(lab, run_id, tmp_path)
    run = lab.ended(run_id)
    for key in ("a", "b"):
        lost = first(run, key)
        assert (lost["state"]["life_cycle_state"], lost["state"]["result_state"]) == (
            "INTERNAL_ERROR",
            "FAILED",
        )
        assert lost["status"]["termination_details"]["code"] == code
        assert message in lost["state"]["state_message"]
        assert message in output(lab, lost)["error"]
    assert results(run) == {"a": "FAILED", "b": "SUCCESS", "after": "SUCCESS"}
    for key in ("b", "after"):
        assert output(lab, latest(run)[key])["notebook_output"]["result"] == "3"


def test_all_tasks_of_a_lost_all_purpose_cluster_end(lab: Lab, faults: Faults, tmp_path: Path) -> None:
    faults.add(run_name="all-purpose", task_key="a", effect="spot_loss", after_seconds=2)
    path = lab.notebook("waits once", WAITS_ONCE)
    created = lab.sdk.clusters.create(**CLUSTER).result()  # type: ignore[arg-type]
    cluster_id = created.cluster_id or ""
    of_cluster = {"job_cluster_key": None, "existing_cluster_id": cluster_id}
    marks = {key: {"mark": str(tmp_path / key)} for key in ("a", "b")}
    tasks = (
        step("a", path, parameters=marks["a"], **of_cluster),
        step("b", path, parameters=marks["b"], max_retries=1, **of_cluster),
    )
    run = lab.ended(run_now(lab, create(lab, *tasks, name="all-purpose")))
    assert {first(run, key)["status"]["termination_details"]["code"] for key in ("a", "b")} == {
        "CLOUD_FAILURE"
    }
    # The retry started the cluster again.
    assert results(run) == {"a": "FAILED", "b": "SUCCESS"}
    kinds = [str(event.type).rpartition(".")[2] for event in lab.sdk.clusters.events(cluster_id)]
    assert kinds[::-1] == ["CREATING", "RUNNING", "TERMINATING", "STARTING", "RUNNING"]
    lab.sdk.clusters.permanent_delete(cluster_id)


def test_a_cluster_whose_process_is_killed(lab: Lab, tmp_path: Path) -> None:
    before = servers(lab)
    run_id = start(lab, tmp_path, "killed")
    both_wait(lab, run_id, tmp_path)
    # The first that came after is the Spark server: the tasks waited for it.
    started = sorted(servers(lab) - before, key=lambda pid: psutil.Process(pid).create_time())
    os.kill(started[0], signal.SIGKILL)
    run = lab.ended(run_id)
    assert {first(run, key)["status"]["termination_details"]["code"] for key in ("a", "b")} == {
        "DRIVER_ERROR"
    }
    assert results(run) == {"a": "FAILED", "b": "SUCCESS", "after": "SUCCESS"}
    until(lambda: not servers(lab) - before)
