"""The block `DatabricksJob`: saved, loaded, edited, run by the subflow, cancelled by another process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.errors import DatabricksRunCancelled
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.workspace.block import DatabricksWorkspace, load_workspace
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.subflow import run_databricks_job
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled

from .conftest import ImportNotebook, Stack, until

CLUSTER = JobCluster().specification()
SAYS = "dbutils.notebook.exit(dbutils.widgets.get('say'))"


def block_of(path: str, name: str, **fields: Any) -> DatabricksJob:
    tasks = [
        notebook_task("load", path, job_cluster_key="small"),
        notebook_task("train", path, job_cluster_key="small", depends_on=["load"]),
    ]
    return DatabricksJob(
        **{
            "name": name,
            "workspace": load_workspace("workspace"),
            "job_clusters": {"small": CLUSTER},
            "notebook_params": {"say": "hello"},
            "tasks": tasks,
            **fields,
        }
    )


def saved(block: DatabricksJob, name: str) -> DatabricksJob:
    cast(Any, block).save(name, overwrite=True, _sync=True)
    return cast(DatabricksJob, cast(Any, DatabricksJob).load(name, _sync=True))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that is for another workspace than the block."""
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "of another workspace")


@pytest.mark.usefixtures("elsewhere")
def test_a_saved_block_is_edited_and_runs_by_its_name_or_itself_in_its_own_workspace(
    stack: Stack, notebook: ImportNotebook
) -> None:
    block = saved(block_of(notebook("says", SAYS), "edited"), "edited")
    assert block.specification == block_of("/Shared/tests/says", "edited").specification
    block.notebook_params = {"say": "edited"}
    edited = saved(block, "edited")
    by_name = asyncio.run(run_databricks_job("edited"))
    by_itself = asyncio.run(run_databricks_job(edited))
    assert by_name.exit_values == by_itself.exit_values == {"load": "edited", "train": "edited"}
    assert by_name.run_id != by_itself.run_id


def test_a_block_is_made_from_settings_and_tells_its_plan_without_a_call() -> None:
    block = block_of("/Shared/says", "kept", workspace=DatabricksWorkspace(**UNREACHABLE), launch="run_now")
    settings = dict(block.plan().launches[0].requests[0][1])
    again, notes = DatabricksJob.from_settings(
        {**settings, "schedule": {"quartz_cron_expression": "0 0 0 * * ?"}},
        launch="run_now",
        workspace=block.workspace,
        policy=RunPolicy(accept_failures=True),
    )
    assert again.plan().launches[0] == block.plan().launches[0]
    assert again.plan().launches[0].cluster_count == "1 cluster"
    assert again.workspace == block.workspace
    assert again.policy.accept_failures
    assert notes == ["`schedule` is not taken over: what starts the job is the deployment of the flow."]


UNREACHABLE = {"databricks_instance": "http://127.0.0.1:9", "token": "t"}


def test_a_block_is_made_from_a_bundle(tmp_path: Path) -> None:
    job = {"name": "nightly", "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/a"}}]}
    bundle = tmp_path / "databricks.yml"
    bundle.write_text(json.dumps({"bundle": {"name": "b"}, "resources": {"jobs": {"nightly": job}}}))
    block, _ = DatabricksJob.from_bundle(bundle, workspace=DatabricksWorkspace(**UNREACHABLE))
    assert [task.task_key for task in block.tasks] == ["a"]


@pytest.mark.usefixtures("elsewhere")
def test_another_process_cancels_the_run_of_a_saved_block(stack: Stack, notebook: ImportNotebook) -> None:
    path = notebook("sleeps", "import time; time.sleep(600)")
    block = saved(block_of(path, "cancelled elsewhere"), "cancelled-elsewhere")

    async def cancel_when_running() -> None:
        running = asyncio.create_task(run_databricks_job(block))
        await asyncio.to_thread(until, lambda: stack_runs(stack, block.name) == ["RUNNING"])
        await cancel_databricks_runs(run_databricks_job, await flow_run_named(block.name), Cancelled())
        with pytest.raises(DatabricksRunCancelled):
            await running

    asyncio.run(cancel_when_running())


def stack_runs(stack: Stack, name: str) -> list[str]:
    """The states of the runs of a name."""
    runs = [run for run in stack.databricks().jobs.list_runs() if run.run_name == name]
    return [run.state.life_cycle_state.value for run in runs if run.state and run.state.life_cycle_state]


async def flow_run_named(name: str) -> FlowRun:
    async with get_client() as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        [flow_run] = await client.read_flow_runs(flow_run_filter=named)
    return flow_run
