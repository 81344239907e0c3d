"""A Databricks run that fails is repaired by itself, in the way that its launch allows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from databricks.sdk.service.compute import AwsAvailability
from databricks.sdk.service.jobs import BaseRun
from databricks_blocks.errors import DatabricksRunFailed
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import NewSettings, RepairPolicy
from databricks_blocks.run.results import DatabricksRunResult
from databricks_flows.job.subflow import run_databricks_job
from databricks_local import Faults
from prefect import flow, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import TaskRun
from prefect.flow_runs import resume_flow_run

from .conftest import ImportNotebook, Stack, task_runs

POLICY = RunPolicy(repair=RepairPolicy(max_repairs=2, wait_seconds=0))
NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))
DONE = "dbutils.notebook.exit('done')"


def chain(path: str, name: str, launch: LaunchMode = "submit") -> JobSpecification:
    return JobSpecification(
        name=name,
        launch=launch,
        job_clusters={"shared": JobCluster().specification()},
        tasks=[
            notebook_task("join", path, job_cluster_key="shared"),
            notebook_task("plot", path, job_cluster_key="shared", depends_on=["join"]),
        ],
    )


def run(
    job: JobSpecification, policy: RunPolicy = POLICY, **options: Any
) -> tuple[DatabricksRunResult, dict[str, list[TaskRun]]]:
    """Run a job in a flow; its result, and the mirrored task runs."""

    @flow
    async def outer() -> DatabricksRunResult:
        result: DatabricksRunResult = await run_databricks_job(job, "workspace", policy, **options)
        return result

    state = asyncio.run(outer(return_state=True))
    assert state.state_details.flow_run_id is not None
    return asyncio.run(state.aresult()), task_runs(state.state_details.flow_run_id)


def runs_named(stack: Stack, name: str) -> list[BaseRun]:
    return [run for run in stack.databricks().jobs.list_runs() if run.run_name == name]


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_a_task_that_failed_runs_again_and_the_one_before_it_does_not(
    stack: Stack, faults: Faults, notebook: ImportNotebook, launch: LaunchMode
) -> None:
    name = f"repaired by {launch}"
    faults.add(task_key="plot", run_name=name, error="OSError: the source is away")
    result, mirrored = run(chain(notebook("done", DONE), name, launch))
    assert {key: (task.state, task.attempts) for key, task in result.tasks.items()} == {
        "join": ("SUCCESS", 1),
        "plot": ("SUCCESS", 2),
    }
    # A one-time run is not repaired: what failed runs again in another one.
    assert len(runs_named(stack, name)) == (2 if launch == "submit" else 1)
    assert {key: [(r.state_name, r.run_count) for r in runs] for key, runs in mirrored.items()} == {
        "join": [("Completed", 1)],
        "plot": [("Completed", 2)],
    }


def test_several_failures_are_one_repair_with_the_same_parameters(
    stack: Stack, faults: Faults, notebook: ImportNotebook
) -> None:
    says = notebook("says", "dbutils.notebook.exit(dbutils.widgets.get('day'))")
    job = JobSpecification(
        name="two at once",
        launch="run_now",
        job_clusters={"shared": JobCluster().specification()},
        job_parameters={"day": "monday"},
        tasks=[notebook_task(key, says, job_cluster_key="shared") for key in ("one", "two", "three")],
    )
    faults.add(task_key="one", error="OSError: away")
    faults.add(task_key="two", error="OSError: away")
    stack.workspace.clear_requests()
    result, _ = run(job, job_parameters={"day": "sunday"})
    assert result.exit_values == {"one": "sunday", "two": "sunday", "three": "sunday"}
    assert len(stack.workspace.requests("/api/2.2/jobs/runs/repair")) == 1


def test_a_saved_job_is_made_once(stack: Stack, notebook: ImportNotebook) -> None:
    for _ in range(2):
        run(chain(notebook("done", DONE), "saved once", "run_now"))
    assert len(list(stack.databricks().jobs.list(name="saved once"))) == 1
    assert len(runs_named(stack, "saved once")) == 2


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_settings_change_for_the_repair_after_certain_errors_and_only_for_it(
    stack: Stack, faults: Faults, notebook: ImportNotebook, launch: LaunchMode
) -> None:
    name = f"on demand by {launch}"
    on_demand = NewSettings(cluster={"aws_attributes": {"availability": "ON_DEMAND"}})
    faults.add(task_key="plot", run_name=name, effect="cluster_failure")
    stack.workspace.clear_requests()
    repair = RepairPolicy(max_repairs=1, wait_seconds=0, new_settings=(on_demand,))
    run(chain(notebook("done", DONE), name, launch), RunPolicy(repair=repair))
    if launch == "submit":
        latest = stack.databricks().jobs.get_run(runs_named(stack, name)[0].run_id or 0)
        clusters = [task.new_cluster for task in latest.tasks or ()]
        assert [c and c.aws_attributes and c.aws_attributes.availability for c in clusters] == [
            AwsAvailability.ON_DEMAND
        ]
    else:
        assert [r["status"] for r in stack.workspace.requests("/api/2.2/jobs/reset")] == [200, 200]
        (job,) = stack.databricks().jobs.list(name=name)
        settings = stack.databricks().jobs.get(job.job_id or 0).settings
        assert settings is not None
        (cluster,) = settings.job_clusters or []
        assert cluster.new_cluster.aws_attributes is None


def test_an_error_that_no_repair_mends_is_not_repaired(stack: Stack, notebook: ImportNotebook) -> None:
    wrong = notebook("wrong", "raise NameError('spork')")
    with pytest.raises(DatabricksRunFailed, match="Task `join` failed: NameError: spork"):
        run(chain(wrong, "beyond repair"))
    assert len(runs_named(stack, "beyond repair")) == 1


def test_a_retry_of_the_flow_repairs_the_run_that_failed(
    stack: Stack, faults: Faults, notebook: ImportNotebook
) -> None:
    job = chain(notebook("done", DONE), "retried", "run_now")
    faults.add(task_key="plot", run_name="retried", error="OSError: away")

    @flow(retries=1)
    async def outer() -> DatabricksRunResult:
        result: DatabricksRunResult = await run_databricks_job(job, "workspace", NO_REPAIR)
        return result

    assert asyncio.run(outer()).exit_values == {"join": "done", "plot": "done"}
    (found,) = runs_named(stack, "retried")
    repaired = stack.databricks().jobs.get_run(found.run_id or 0, include_history=True)
    assert sorted(task.task_key for task in repaired.tasks or ()) == ["join", "plot", "plot"]
    assert len(repaired.repair_history or ()) == 2


@pytest.mark.parametrize("fails_first", [True, False])
def test_in_a_retry_with_new_inputs_all_tasks_run_again(
    stack: Stack, faults: Faults, notebook: ImportNotebook, fails_first: bool
) -> None:
    name = f"new inputs {fails_first}"
    job = chain(notebook("done", DONE), name, "run_now")
    if fails_first:
        faults.add(task_key="plot", run_name=name, error="OSError: away")
    starts: list[datetime] = []

    @flow(retries=1)
    async def outer() -> None:
        starts.append(datetime.now(UTC))
        await run_databricks_job(job, "workspace", NO_REPAIR, inputs_since=starts[-1])
        if len(starts) == 1:
            raise RuntimeError("something later went wrong")

    asyncio.run(outer())
    attempts = [
        task.task_key
        for found in runs_named(stack, name)
        for task in stack.databricks().jobs.get_run(found.run_id or 0).tasks or ()
    ]
    assert sorted(attempts) == ["join", "join", "plot", "plot"]
    # A run that failed is repaired; one that succeeded cannot be.
    assert len(runs_named(stack, name)) == (1 if fails_first else 2)


@pytest.mark.parametrize("action", ["repair all that failed", "give up"])
def test_a_person_is_asked_before_a_run_is_given_up(
    notebook: ImportNotebook, faults: Faults, action: str
) -> None:
    name = f"asked to {action}"
    faults.add(task_key="plot", run_name=name, error="NameError: spork")
    policy = RunPolicy(repair=RepairPolicy(max_repairs=1, ask=True, ask_timeout_seconds=60))
    job = chain(notebook("done", DONE), name, "run_now")

    async def answer_when_paused() -> None:
        paused = FlowRunFilter(
            name=FlowRunFilterName(any_=[name]),
            state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])),
        )
        async with get_client() as client:
            found = []
            while not found:
                await asyncio.sleep(0.1)
                found = await client.read_flow_runs(flow_run_filter=paused)
        await resume_flow_run(found[0].id, run_input={"action": action})

    async def both() -> DatabricksRunResult:
        _, result = await asyncio.gather(
            answer_when_paused(), run_databricks_job(job, "workspace", policy), return_exceptions=True
        )
        if isinstance(result, BaseException):
            raise result
        return result

    if action == "give up":
        with pytest.raises(DatabricksRunFailed, match="NameError: spork"):
            asyncio.run(both())
    else:
        assert asyncio.run(both()).exit_values == {"join": "done", "plot": "done"}
