"""A Databricks run that fails is repaired by itself, in the way that its launch allows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow
from prefect.client.schemas.objects import TaskRun

from blocks.databricks.cluster import JobCluster
from blocks.databricks.job_spec import JobSpecification, Launch
from blocks.databricks.repair import RepairPolicy
from blocks.databricks.results import DatabricksRunResult
from blocks.databricks.run_policy import RunPolicy
from blocks.databricks.tasks import notebook_task
from deployments.local.workspace.testing import Faults
from flows.databricks_job import run_databricks_job

from .conftest import ImportNotebook, Stack, task_runs

POLICY = RunPolicy(repair=RepairPolicy(max_repairs=2, wait_seconds=0))


def chain(first: str, second: str, name: str, launch: Launch = "submit", **fields: Any) -> JobSpecification:
    return JobSpecification(
        name=name,
        launch=launch,
        job_clusters={"shared": JobCluster().specification()},
        tasks=[
            notebook_task("join", first, job_cluster_key="shared"),
            notebook_task("plot", second, job_cluster_key="shared", depends_on=["join"]),
        ],
        **fields,
    )


def run(
    job: JobSpecification, policy: RunPolicy = POLICY
) -> tuple[DatabricksRunResult, dict[str, list[TaskRun]]]:
    seen: list[Any] = []

    @flow
    async def outer() -> DatabricksRunResult:
        result = await run_databricks_job(job, "workspace", policy)
        seen.append(result)
        return result

    state = asyncio.run(outer(return_state=True))
    return asyncio.run(state.aresult()), task_runs(state.state_details.flow_run_id)


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_a_task_that_failed_runs_again_with_those_after_it_and_the_others_do_not(
    stack: Stack, faults: Faults, notebook: ImportNotebook, launch: Launch
) -> None:
    fine = notebook("fine", "dbutils.notebook.exit('done')")
    faults.add(task_key="plot", run_name=f"repaired by {launch}", error="OSError: the source is away")
    result, mirrored = run(chain(fine, fine, f"repaired by {launch}", launch))
    assert {key: (task.state, task.attempts) for key, task in result.tasks.items()} == {
        "join": ("SUCCESS", 1),
        "plot": ("SUCCESS", 2),
    }
    runs = [r for r in stack.databricks().jobs.list_runs() if r.run_name == f"repaired by {launch}"]
    assert len(runs) == (2 if launch == "submit" else 1)
    assert {key: [(r.state_type.value, r.run_count) for r in runs] for key, runs in mirrored.items()} == {
        "join": [("COMPLETED", 1)],
        "plot": [("COMPLETED", 2)],
    }
