"""What people start from the Prefect UI: repair a run, cancel one, run a saved job."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.service.jobs import RunResultState
from databricks_blocks.errors import (
    DatabricksRunCancelled,
    DatabricksRunFailed,
    DatabricksRunRefused,
)
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.launchers import launcher_of
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.run.results import DatabricksRunResult
from databricks_blocks.workspace.runs_api import get_run
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.on_demand.cancel import cancel_databricks_run
from databricks_flows.on_demand.existing_job import run_existing_job
from databricks_flows.on_demand.repair import cancel_repaired_run, repair_databricks_run
from databricks_local import Faults
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.states import Cancelled

from .conftest import ImportNotebook, Stack, own_task_runs, until

NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))
SAYS = "dbutils.notebook.exit(dbutils.widgets.get('say'))"


def chain(path: str, name: str, **fields: Any) -> JobSpecification:
    """A job whose second notebook says what the job parameter `word` is."""
    return JobSpecification(
        name=name,
        job_clusters={"shared": JobCluster().specification()},
        tasks=[
            notebook_task("join", path, job_cluster_key="shared", parameters={"say": "joined"}),
            notebook_task(
                "plot",
                path,
                job_cluster_key="shared",
                depends_on=["join"],
                parameters={"say": "{{job.parameters.word}}"},
            ),
        ],
        **fields,
    )


def failed_run(path: str, name: str, faults: Faults) -> tuple[int, str]:
    """Run a saved job, with a parameter, to its failure; ids of the Databricks run and of the flow run."""
    faults.add(task_key="plot", run_name=name, error="OSError: the source is away")
    job = chain(path, name, launch="run_now", job_parameters={"word": "default"})
    state = asyncio.run(
        run_databricks_job(job, "workspace", NO_REPAIR, job_parameters={"word": "given"}, return_state=True)
    )
    with pytest.raises(DatabricksRunFailed) as failed:
        asyncio.run(state.aresult())
    assert failed.value.run_id is not None
    return failed.value.run_id, str(state.state_details.flow_run_id)


def attempts(result: DatabricksRunResult) -> dict[str, tuple[str, int]]:
    return {key: (task.state, task.attempts) for key, task in result.tasks.items()}


@pytest.mark.parametrize("by", ["run id", "flow run id"])
def test_a_run_is_repaired_by_its_id_or_by_that_of_its_flow_run(
    stack: Stack, faults: Faults, notebook: ImportNotebook, by: str
) -> None:
    run_id, flow_run_id = failed_run(notebook("says", SAYS), f"repaired by {by}", faults)
    state = asyncio.run(
        repair_databricks_run(str(run_id) if by == "run id" else flow_run_id, return_state=True)
    )
    result = asyncio.run(state.aresult())
    assert result.run_id == run_id
    assert attempts(result) == {"join": ("SUCCESS", 1), "plot": ("SUCCESS", 2)}
    assert result.exit_values["plot"] == "given", "the parameters of the launch are sent again"
    mirrored = own_task_runs(state.state_details.flow_run_id)
    assert {
        key: [(run.state_type.value, run.run_count) for run in runs] for key, runs in mirrored.items()
    } == {
        "join": [("COMPLETED", 1)],
        "plot": [("COMPLETED", 2)],
    }


def test_one_task_is_repaired_with_another_parameter_and_those_after_it_only_if_wanted(
    stack: Stack, faults: Faults, notebook: ImportNotebook
) -> None:
    run_id, _ = failed_run(notebook("says", SAYS), "repaired in part", faults)
    first = asyncio.run(repair_databricks_run(str(run_id), job_parameters={"word": "new"}))
    assert first.exit_values["plot"] == "new"
    again = asyncio.run(repair_databricks_run(str(run_id), tasks=["join"], rerun_dependents=False))
    assert attempts(again) == {"join": ("SUCCESS", 2), "plot": ("SUCCESS", 2)}


def test_a_repair_that_fails_fails_the_flow(stack: Stack, faults: Faults, notebook: ImportNotebook) -> None:
    run_id, _ = failed_run(notebook("says", SAYS), "fails again", faults)
    faults.add(task_key="plot", run_name="fails again", error="OSError: still away")
    with pytest.raises(DatabricksRunFailed, match=r"^Task `plot` failed: OSError: still away \(attempt 2"):
        asyncio.run(repair_databricks_run(str(run_id)))
    assert len(get_run(stack.databricks(), run_id)["repair_history"]) == 2


def test_a_repair_whose_answer_is_lost_is_made_once(
    stack: Stack, faults: Faults, notebook: ImportNotebook
) -> None:
    run_id, _ = failed_run(notebook("says", SAYS), "answer lost", faults)
    faults.add(path="/api/*/jobs/runs/repair", status=500, when="after")
    result = asyncio.run(repair_databricks_run(str(run_id)))
    assert attempts(result)["plot"] == ("SUCCESS", 2)
    assert len(get_run(stack.databricks(), run_id)["repair_history"]) == 2


def submitted(stack: Stack, path: str, name: str) -> int:
    job = JobSpecification(
        name=name, tasks=[notebook_task("only", path, new_cluster=JobCluster().specification())]
    )
    return launcher_of(stack.databricks(), job, lambda _: uuid4().hex).start(0)


def test_what_the_workspace_does_not_repair_is_told_in_one_line(
    stack: Stack, notebook: ImportNotebook
) -> None:
    run_id = submitted(stack, notebook("fails", "1 / 0"), "one time")
    until(lambda: get_run(stack.databricks(), run_id)["state"]["life_cycle_state"] == "INTERNAL_ERROR")
    with pytest.raises(DatabricksRunRefused, match=r"refused jobs/runs/repair: .+") as refused:
        asyncio.run(repair_databricks_run(str(run_id)))
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("4711", "refused jobs/runs/get: .*4711 does not exist"),
        ("00000000-0000-4000-8000-000000000000", "no flow run 00000000-0000-4000-8000-000000000000"),
        ("last one", "`last one` is neither the id of a Databricks run"),
    ],
)
@pytest.mark.usefixtures("stack")
def test_an_unknown_run_is_told_in_one_line(run: str, message: str) -> None:
    for flow in (repair_databricks_run, cancel_databricks_run):
        with pytest.raises(DatabricksRunRefused, match=message):
            asyncio.run(flow(run))


def test_a_flow_run_with_two_runs_has_to_be_told_which(notebook: ImportNotebook) -> None:
    from prefect import flow

    job = chain(notebook("says", SAYS), "one of two", launch="run_now", job_parameters={"word": "x"})

    @flow
    async def twice() -> None:
        for _ in range(2):
            await run_databricks_job(job, "workspace")

    state = asyncio.run(twice(return_state=True))
    with pytest.raises(
        DatabricksRunRefused, match=r"launched 2 runs \(\d+, \d+\) in Databricks: give the id"
    ):
        asyncio.run(cancel_databricks_run(str(state.state_details.flow_run_id)))


def test_a_run_is_cancelled_and_its_end_waited_for_and_one_that_ended_is_left_alone(
    stack: Stack, notebook: ImportNotebook
) -> None:
    run_id = submitted(stack, notebook("sleeps", "import time; time.sleep(600)"), "to be cancelled by hand")
    assert asyncio.run(cancel_databricks_run(str(run_id))).state == "CANCELED"
    run = stack.databricks().jobs.get_run(run_id)
    assert run.state is not None
    assert run.state.result_state is RunResultState.CANCELED
    stack.workspace.clear_requests()
    assert asyncio.run(cancel_databricks_run(str(run_id))).state == "CANCELED"
    assert [r for r in stack.workspace.requests() if r["path"].endswith("runs/cancel")] == []


@pytest.mark.parametrize("by", ["Ctrl-C", "another process"])
def test_cancelling_a_repair_cancels_the_run(
    stack: Stack, faults: Faults, notebook: ImportNotebook, tmp_path: Path, by: str
) -> None:
    marker = tmp_path / "again"
    slow = notebook(
        "slow when repaired",
        "import os, time\n"
        f"flag = {str(marker)!r} + dbutils.widgets.get('say')\n"
        "if os.path.exists(flag): open(flag + ' runs', 'w').close(); time.sleep(600)\n"
        "open(flag, 'w').close()\n"
        "if dbutils.widgets.get('say') == 'given': raise OSError('away')\n",
    )
    job = chain(slow, f"repair cancelled by {by}", launch="run_now", job_parameters={"word": "given"})
    with pytest.raises(DatabricksRunFailed) as failed:
        asyncio.run(run_databricks_job(job, "workspace", NO_REPAIR))
    run_id = failed.value.run_id
    assert run_id is not None

    async def cancel_when_running() -> None:
        repair = asyncio.create_task(repair_databricks_run(str(run_id)))
        await asyncio.to_thread(until, Path(f"{marker}given runs").exists)
        if by == "Ctrl-C":
            repair.cancel()
            with pytest.raises(asyncio.CancelledError):
                await repair
            return
        async with get_client() as client:
            named = FlowRunFilter(name=FlowRunFilterName(any_=[f"repair {run_id}"]))
            [flow_run] = await client.read_flow_runs(flow_run_filter=named)
        await cancel_repaired_run(repair_databricks_run, flow_run, Cancelled())
        with pytest.raises(DatabricksRunCancelled, match="Task `plot` was cancelled"):
            await repair

    asyncio.run(cancel_when_running())
    assert get_run(stack.databricks(), run_id)["state"]["result_state"] == "CANCELED"


def test_a_saved_job_runs_by_id_or_by_name_unless_the_name_has_a_twin(
    stack: Stack, notebook: ImportNotebook
) -> None:
    from databricks_blocks.job.request_bodies import create_body

    client = stack.databricks()
    body = create_body(chain(notebook("says", SAYS), "saved", job_parameters={"word": "default"}))
    job_id = client.api_client.do("POST", "/api/2.2/jobs/create", body=body)["job_id"]
    assert asyncio.run(run_existing_job("saved")).exit_values["plot"] == "default"
    assert asyncio.run(run_existing_job(str(job_id), {"word": "mine"})).exit_values["plot"] == "mine"
    client.api_client.do("POST", "/api/2.2/jobs/create", body=body)
    with pytest.raises(DatabricksRunRefused, match=r"2 jobs \(\d+, \d+\) named `saved` .*; give its id"):
        asyncio.run(run_existing_job("saved"))
    with pytest.raises(DatabricksRunRefused, match="no job named `nowhere`"):
        asyncio.run(run_existing_job("nowhere"))
    with pytest.raises(DatabricksRunRefused, match="4711 does not exist"):
        asyncio.run(run_existing_job("4711"))
