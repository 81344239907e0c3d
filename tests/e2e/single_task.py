"""A job of one task, and how its runs ended."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from databricks.sdk.service.jobs import Run, RunLifeCycleState
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.tasks import notebook_task

from .conftest import Stack


def single_task(path: str, launch: LaunchMode = "submit", **fields: Any) -> JobSpecification:
    """A job of a name of its own."""
    return JobSpecification(
        name=f"single {uuid4()}",
        launch=launch,
        job_clusters={"shared": JobCluster().specification()},
        tasks=[notebook_task("only", path, job_cluster_key="shared")],
        **fields,
    )


def runs_of(stack: Stack, job: JobSpecification) -> list[Run]:
    """The runs of a job, the latest first, with all attempts."""
    client = stack.databricks()
    found = [run.run_id for run in client.jobs.list_runs() if run.run_name == job.name]
    return [client.jobs.get_run(run_id, include_history=True) for run_id in found if run_id]


def outcome(run: Run) -> str:
    """How a run ended, or that it did not."""
    if run.state is None or run.state.result_state is None:
        return "not ended"
    return run.state.result_state.value


def is_running(stack: Stack, job: JobSpecification) -> bool:
    """Whether a run of the job works on its task."""
    return any(
        task.state is not None and task.state.life_cycle_state is RunLifeCycleState.RUNNING
        for run in runs_of(stack, job)
        for task in run.tasks or ()
    )
