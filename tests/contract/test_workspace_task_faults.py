"""Faults of tasks: notebooks that fail, drivers and clusters that are lost."""

from collections.abc import Iterator
from typing import Any

import pytest
from databricks_local import Faults

from .workspace_lab import Lab

QUICK = "print('done')\n"
SLOW = "import time\nprint('begun')\n\n# COMMAND ----------\n\ntime.sleep(600)\n"


@pytest.fixture
def faults(lab: Lab) -> Iterator[Faults]:
    yield lab.workspace.faults
    lab.workspace.faults.clear()


def output(lab: Lab, task: dict[str, Any]) -> dict[str, Any]:
    return dict(lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json())


def attempts(run: dict[str, Any]) -> list[tuple[int, str]]:
    found = [(task["attempt_number"], task["state"]["result_state"]) for task in run["tasks"]]
    return sorted(found)


def test_fail_twice_then_succeed(lab: Lab, faults: Faults) -> None:
    faults.add(task_key="fla*", error="ValueError: as told", count=2)
    task = lab.task("flaky", lab.notebook("quick", QUICK), max_retries=3)
    other = lab.task("steady", lab.notebook("quick", QUICK))
    run = lab.run(task, other)
    assert attempts(run) == [(0, "FAILED"), (0, "SUCCESS"), (1, "FAILED"), (2, "SUCCESS")]
    failed = next(task for task in run["tasks"] if task["state"]["result_state"] == "FAILED")
    assert failed["state"]["life_cycle_state"] == "TERMINATED"
    assert failed["status"]["termination_details"]["code"] == "RUN_EXECUTION_ERROR"
    assert output(lab, failed)["error"] == "ValueError: as told"
    assert run["state"]["result_state"] == "SUCCESS"


def test_a_cluster_that_cannot_start(lab: Lab, faults: Faults) -> None:
    faults.add(run_name="no capacity", effect="cluster_failure")
    run = lab.run(lab.task("a", lab.notebook("quick", QUICK)), run_name="no capacity")
    task = run["tasks"][0]
    assert task["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert task["state"]["result_state"] == "FAILED"
    details = task["status"]["termination_details"]
    assert (details["code"], details["type"]) == ("CLOUD_FAILURE", "CLOUD_FAILURE")
    cluster = f"local-{task['run_id']}"
    assert details["message"] == (
        f"Unexpected failure while waiting for the cluster ({cluster}) to be ready.Cause Unexpected state "
        f"for cluster ({cluster}): AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE(CLIENT_ERROR): "
        "aws_api_error_code:InsufficientInstanceCapacity,aws_error_message:There is no Spot capacity "
        "available that matches your request."
    )
    assert output(lab, task)["error"] == details["message"]
    assert task["setup_duration"] + task["execution_duration"] < 1_000


@pytest.mark.parametrize(
    ("effect", "code", "kind", "message"),
    [
        ("driver_lost", "DRIVER_ERROR", "INTERNAL_ERROR", "Driver of the cluster was lost"),
        ("spot_loss", "CLOUD_FAILURE", "CLOUD_FAILURE", "SPOT_INSTANCE_TERMINATION(CLOUD_FAILURE)"),
    ],
)
def test_a_driver_that_is_lost_in_the_middle(
    lab: Lab, faults: Faults, effect: str, code: str, kind: str, message: str
) -> None:
    faults.add(task_key="long", effect=effect, after_seconds=0.5)
    run = lab.run(lab.task("long", lab.notebook("slow", SLOW)))
    task = run["tasks"][0]
    details = task["status"]["termination_details"]
    assert (details["code"], details["type"]) == (code, kind)
    assert message in details["message"]
    assert task["execution_duration"] >= 400
    assert "result" not in output(lab, task)["notebook_output"]


def test_a_task_that_hangs_until_its_time_is_over(lab: Lab, faults: Faults) -> None:
    faults.add(task_key="stuck", effect="hang")
    run = lab.run(lab.task("stuck", lab.notebook("quick", QUICK), timeout_seconds=2))
    assert run["tasks"][0]["state"]["result_state"] == "TIMEDOUT"


def test_a_task_that_hangs_can_be_canceled(lab: Lab, faults: Faults) -> None:
    faults.add(task_key="stuck", effect="hang")
    run_id = lab.submit(lab.task("stuck", lab.notebook("quick", QUICK)))
    lab.wait_for_task(run_id, "stuck", "RUNNING")
    lab.sdk.jobs.cancel_run(run_id)
    assert lab.ended(run_id)["state"]["result_state"] == "CANCELED"
