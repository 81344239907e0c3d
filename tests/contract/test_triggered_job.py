"""A job block outside of flows: triggered, waited for, summed up, repaired, cancelled; sync and async."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.errors import (
    DatabricksJobError,
    DatabricksRunCancelled,
    DatabricksRunFailed,
    DatabricksRunRefused,
    InvalidJob,
)
from databricks_blocks.job.specification import LaunchMode
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.results import DatabricksRunResult
from databricks_blocks.workspace.block import DatabricksWorkspace

from .job_lab import GET
from .workspace_lab import CLUSTER, Lab, until

NEEDS = (
    "import os\nif not os.path.exists(dbutils.widgets.get('needs')):\n    raise RuntimeError('not yet')\n"
    "dbutils.notebook.exit('found')"
)
LAUNCHES = pytest.mark.parametrize("launch", ["submit", "run_now"])


def job(
    lab: Lab, paths: dict[str, str], launch: LaunchMode = "run_now", after: str = "", **fields: Any
) -> DatabricksJob:
    tasks = [
        notebook_task(
            key, path, job_cluster_key="shared", depends_on=[after] if after not in ("", key) else []
        )
        for key, path in paths.items()
    ]
    workspace = DatabricksWorkspace(databricks_instance=lab.workspace.url, token=lab.workspace.token)
    return DatabricksJob(
        workspace=workspace,
        name="block",
        launch=launch,
        tasks=tasks,
        job_clusters={"shared": CLUSTER},
        **fields,
    )


@LAUNCHES
def test_a_run_is_summed_up(lab: Lab, launch: LaunchMode) -> None:
    path = lab.notebook("block_says", "dbutils.notebook.exit(dbutils.widgets.get('say'))")
    run = job(lab, {"only": path}, launch, notebook_params={"say": "hello"}).trigger()
    run.wait_for_completion()
    result = run.fetch_result()
    assert type(result) is DatabricksRunResult
    assert (result.run_id, result.run_page_url, result.state) == (run.run_id, run.url, "SUCCESS")
    task = result.tasks["only"]
    assert (task.state, task.attempts, task.exit_value) == ("SUCCESS", 1, "hello")
    assert task.run_seconds > 0
    assert str(task.run_id) in task.run_page_url
    assert result.exit_values == {"only": "hello"}


def test_the_same_in_async_code(lab: Lab) -> None:
    path = lab.notebook("block_async", "dbutils.notebook.exit('hello')")

    async def use() -> dict[str, str]:
        run = await job(lab, {"only": path}).trigger()
        await run.wait_for_completion()
        return (await run.fetch_result()).exit_values

    assert asyncio.run(use()) == {"only": "hello"}


def test_the_async_methods_have_names_of_their_own(lab: Lab, tmp_path: Path) -> None:
    needed = tmp_path / "needed"
    path = lab.notebook("block_needs", NEEDS)

    async def use() -> dict[str, str]:
        run = await job(lab, {"only": path}, notebook_params={"needs": str(needed)}).atrigger()
        await run.await_for_completion()
        needed.touch()
        await run.arepair()
        await run.await_for_completion()
        return (await run.afetch_result()).exit_values

    assert asyncio.run(use()) == {"only": "found"}


@LAUNCHES
def test_a_failed_run_tells_why(lab: Lab, launch: LaunchMode) -> None:
    path = lab.notebook("block_fails", "raise ValueError('no such column')")
    run = job(lab, {"join": path, "plot": path}, launch, after="join").trigger()
    run.wait_for_completion()
    with pytest.raises(DatabricksRunFailed) as failed:
        run.fetch_result()
    first = str(failed.value).splitlines()[0]
    assert first.startswith("Task `join` failed: ValueError: no such column (attempt 1, http")
    assert (failed.value.run_id, failed.value.run_page_url) == (run.run_id, run.url)


def test_a_repair_is_waited_for_and_its_result_believed_only_then(lab: Lab, tmp_path: Path) -> None:
    needed = tmp_path / "needed"
    fine = lab.notebook("block_fine", "dbutils.notebook.exit('fine')")
    needs = lab.notebook("block_needs", NEEDS)
    params = {"needs": str(needed)}
    run = job(
        lab, {"fine": fine, "join": needs, "plot": fine}, notebook_params=params, after="join"
    ).trigger()
    run.wait_for_completion()
    for _ in range(2):
        run.repair()
        run.wait_for_completion()
    needed.touch()
    repair_id = run.repair(["join"])
    run.wait_for_completion()
    result = run.fetch_result()
    assert result.exit_values == {"fine": "fine", "join": "found", "plot": "fine"}
    assert result.tasks["join"].attempts == 4
    assert result.tasks["plot"].attempts == 1, "it never ran before"
    history = lab.get(GET, run_id=run.run_id, include_history="true").json()["repair_history"]
    assert history[-1]["id"] == repair_id
    assert len(history) == 4


def test_a_repair_without_dependents_leaves_them(lab: Lab) -> None:
    fine = lab.notebook("block_fine", "dbutils.notebook.exit('fine')")
    run = job(lab, {"join": fine, "plot": fine}, after="join").trigger()
    run.wait_for_completion()
    run.repair(["join"], dependents=False)
    run.wait_for_completion()
    assert {key: task.attempts for key, task in run.fetch_result().tasks.items()} == {"join": 2, "plot": 1}


def test_job_parameters_are_those_of_the_launch_in_a_repair_too(lab: Lab, tmp_path: Path) -> None:
    needed = tmp_path / "needed"
    path = lab.notebook("block_needs", NEEDS)
    run = job(lab, {"only": path}, job_parameters={"needs": str(needed)}).trigger()
    run.wait_for_completion()
    needed.touch()
    run.repair()
    run.wait_for_completion()
    assert run.fetch_result().exit_values == {"only": "found"}


def test_what_is_active_has_no_result_and_no_repair_until_it_is_cancelled(lab: Lab) -> None:
    path = lab.notebook("block_sleeps", "import time; time.sleep(600)")
    run = job(lab, {"only": path}).trigger()
    until(lambda: asyncio.run(run.aread()).state.life_cycle_state == "RUNNING")
    with pytest.raises(DatabricksJobError, match="has not ended: wait_for_completion") as active:
        run.fetch_result()
    assert active.value.run_page_url == run.url != ""
    with pytest.raises(DatabricksRunRefused, match="active"):
        run.repair()
    run.cancel()
    run.wait_for_completion()
    with pytest.raises(DatabricksRunCancelled):
        run.fetch_result()


def test_a_repair_of_a_submitted_run_is_refused_as_there(lab: Lab) -> None:
    path = lab.notebook("block_fails", "raise ValueError('no such column')")
    run = job(lab, {"only": path}, "submit").trigger()
    run.wait_for_completion()
    with pytest.raises(DatabricksRunRefused, match="jobs/runs/repair"):
        run.repair()


@pytest.mark.parametrize("accept", [True, False])
def test_a_success_with_failures_is_what_the_policy_says(lab: Lab, accept: bool) -> None:
    fine = lab.notebook("block_fine", "dbutils.notebook.exit('fine')")
    fails = lab.notebook("block_fails", "raise ValueError('no such column')")
    block = job(lab, {"join": fails, "tidy": fine}, after="join", policy=RunPolicy(accept_failures=accept))
    tidy = block.tasks[1].model_copy(update={"run_if": "ALL_DONE"})
    run = block.model_copy(update={"tasks": [block.tasks[0], tidy]}).trigger()
    run.wait_for_completion()
    if accept:
        result = run.fetch_result()
        assert result.state == "SUCCESS_WITH_FAILURES"
        assert {key: task.state for key, task in result.tasks.items()} == {
            "join": "FAILED",
            "tidy": "SUCCESS",
        }
    else:
        with pytest.raises(DatabricksRunFailed, match="`join`"):
            run.fetch_result()


def test_an_answer_to_the_trigger_that_is_lost_starts_no_second_run(lab: Lab) -> None:
    path = lab.notebook("block_once", "dbutils.notebook.exit('x')")
    before = len(list(lab.sdk.jobs.list_runs()))
    with lab.workspace.faults.injected(path="/api/*/jobs/run-now", when="after", effect="reset", count=1):
        run = job(lab, {"only": path}).trigger()
    run.wait_for_completion()
    assert len(list(lab.sdk.jobs.list_runs())) == before + 1


def test_an_invalid_job_is_refused_before_any_call(lab: Lab) -> None:
    lab.workspace.clear_requests()
    with pytest.raises(InvalidJob, match="depends on `nowhere`"):
        job(lab, {"only": "/Shared/x"}, after="nowhere").trigger()
    assert lab.workspace.requests("/api/2.2/jobs") == []


def test_blips_while_waiting_are_outlived(lab: Lab) -> None:
    path = lab.notebook("block_blips", "dbutils.notebook.exit('x')")
    run = job(lab, {"only": path}).trigger()
    faults = lab.workspace.faults
    with (
        faults.injected(path="/api/*/jobs/runs/get", status=500, count=2),
        faults.injected(path="/api/*/jobs/runs/get", effect="half", count=1, offset=2),
    ):
        run.wait_for_completion()
    assert run.fetch_result().exit_values == {"only": "x"}
