"""Tasks for the runs of a Databricks workspace: get, list, output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from databricks_blocks.run.results import DatabricksRunResult, run_result
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from databricks_blocks.workspace.runs_api import get_run, get_run_output, list_runs
from prefect import task
from prefect.cache_policies import NO_CACHE


@dataclass(frozen=True)
class RunSummary:
    """A run in a list.

    Attributes:
        run_id: Id of the run.
        run_name: Name of the run.
        job_id: Id of its job.
        state: Result state as the API spells it; of an active run its life cycle state, such as `RUNNING`.
        start_time: When it started, in epoch milliseconds.
        end_time: When it ended, in epoch milliseconds; 0 while it is active.
        run_page_url: Its page in the workspace.
    """

    run_id: int
    run_name: str
    job_id: int
    state: str
    start_time: int
    end_time: int
    run_page_url: str


@dataclass(frozen=True)
class RunOutput:
    """The output of one attempt at a task.

    Attributes:
        exit_value: What a notebook passed to `dbutils.notebook.exit`.
        logs: Output of a Python, wheel or jar task.
        error: Last line of the exception, if it failed.
        error_trace: The traceback.
    """

    exit_value: str
    logs: str
    error: str
    error_trace: str


@task(cache_policy=NO_CACHE)
def get_databricks_run(run_id: int, workspace: str = WORKSPACE_BLOCK) -> DatabricksRunResult:
    """Get the state of a run and of its tasks.

    Args:
        run_id: Id of the run.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such run, or no permission.
    """
    return run_result(RunSnapshot.from_json(get_run(named_client(workspace), run_id)), {})


@task(cache_policy=NO_CACHE)
def list_databricks_runs(
    job_id: int | None = None,
    active_only: bool = False,
    limit: int = 25,
    workspace: str = WORKSPACE_BLOCK,
) -> list[RunSummary]:
    """List runs, the latest one first.

    Args:
        job_id: Id of the job; empty for the runs of all jobs and one-time runs.
        active_only: Leave out the runs that have ended.
        limit: How many runs to list, at most.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such job, or no permission.
    """
    runs = list_runs(named_client(workspace), limit=limit, job_id=job_id, active_only=active_only)
    return [_summary(run) for run in map(RunSnapshot.from_json, runs)]


@task(cache_policy=NO_CACHE)
def get_databricks_run_output(task_run_id: int, workspace: str = WORKSPACE_BLOCK) -> RunOutput:
    """Get the output of one attempt at a task.

    Args:
        task_run_id: Id of the attempt, which `get_databricks_run` gives for each task. A run of several tasks
            has no output of its own.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such attempt, or it has no output.
    """
    output: dict[str, Any] = get_run_output(named_client(workspace), task_run_id)
    return RunOutput(
        exit_value=(output.get("notebook_output") or {}).get("result") or "",
        logs=output.get("logs") or "",
        error=output.get("error") or "",
        error_trace=output.get("error_trace") or "",
    )


def _summary(run: RunSnapshot) -> RunSummary:
    return RunSummary(
        run_id=run.run_id,
        run_name=run.run_name,
        job_id=run.job_id,
        state=str(run.state),
        start_time=run.start_time,
        end_time=run.end_time,
        run_page_url=run.run_page_url,
    )
