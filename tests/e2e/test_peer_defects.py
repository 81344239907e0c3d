"""What other orchestrators get wrong and only a Prefect server shows; named after who was measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from databricks.sdk.service.jobs import RunResultState
from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import NewSettings, RepairPolicy
from databricks_blocks.workspace.block import load_workspace
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_flows.job.subflow import run_databricks_job
from databricks_local import Faults
from prefect import flow, get_client, task
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings

from .conftest import ImportNotebook, Stack, task_runs, until

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
QUICK = RunPolicy(repair=RepairPolicy(wait_seconds=0))


def job(name: str, path: str, **fields: Any) -> JobSpecification:
    return JobSpecification(name=name, tasks=[notebook_task("only", path, new_cluster=CLUSTER)], **fields)


def runs_of(stack: Stack, name: str) -> list[Any]:
    return [run for run in stack.databricks().jobs.list_runs() if run.run_name == name]


def subflow_of(flow_run_id: UUID) -> FlowRun:
    async def read() -> FlowRun:
        children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]))
        async with get_client() as client:
            (subflow,) = await client.read_flow_runs(flow_run_filter=children)
        return subflow

    return asyncio.run(read())


@pytest.fixture
def persisting() -> Iterator[None]:
    with temporary_settings({PREFECT_RESULTS_PERSIST_BY_DEFAULT: True}):
        yield


@pytest.mark.usefixtures("persisting")
@pytest.mark.parametrize("parent_persists", [None, True])
def test_prefect_databricks_d3_results_may_be_persisted_and_nothing_is_cached(
    stack: Stack, notebook: ImportNotebook, faults: Faults, parent_persists: bool | None
) -> None:
    name = f"persisted {parent_persists}"
    path = notebook("slow", "import time; time.sleep(1); dbutils.notebook.exit('x')")
    faults.add(task_key="only", run_name=name, error="OSError: the source is away")

    @flow(persist_result=parent_persists)
    async def twice() -> list[int]:
        return [(await run_databricks_job(job(name, path), "workspace", QUICK)).run_id for _ in range(2)]

    state = asyncio.run(twice(return_state=True))
    first, second = asyncio.run(state.aresult())
    assert first != second
    assert len(runs_of(stack, name)) == 3, "two calls, one of them repaired by another submit"
    states = [run.state_name for runs in task_runs(state.state_details.flow_run_id).values() for run in runs]
    assert states == ["Completed", "Completed"]


@pytest.mark.parametrize("parent", ["flow", "task in a flow"])
def test_prefect_databricks_d5_a_sync_flow_gets_the_result_and_not_a_coroutine(
    stack: Stack, notebook: ImportNotebook, parent: str
) -> None:
    name = f"from a sync {parent}"
    path = notebook("says", "dbutils.notebook.exit('hello')")

    def call() -> Any:
        return run_databricks_job(job(name, path), "workspace").exit_values

    @flow
    def outer() -> Any:
        return call() if parent == "flow" else task(call)()

    state = outer(return_state=True)
    assert state.result() == {"only": "hello"}
    assert len(runs_of(stack, name)) == 1


def test_prefect_databricks_d5_a_failure_fails_the_sync_flow(notebook: ImportNotebook) -> None:
    path = notebook("fails", "raise ValueError('no such column')")

    @flow
    def outer() -> None:
        run_databricks_job(
            job("fails a sync flow", path), "workspace", RunPolicy(repair=RepairPolicy(max_repairs=0))
        )

    state = outer(return_state=True)
    assert state.is_failed()
    assert "Task `only` failed: ValueError: no such column" in (state.message or "")


def test_prefect_databricks_d9_no_credentials_are_in_what_the_server_keeps_of_a_run(
    stack: Stack, notebook: ImportNotebook
) -> None:
    path = notebook("says", "dbutils.notebook.exit('hello')")
    block = DatabricksJob(
        workspace=load_workspace("workspace"), **job("from a block", path).model_dump(exclude={"launch"})
    )
    block.save("from-a-block", overwrite=True)

    @flow
    async def outer() -> None:
        await run_databricks_job("from-a-block")

    state = asyncio.run(outer(return_state=True))
    assert state.is_completed()
    subflow = subflow_of(state.state_details.flow_run_id)
    assert subflow.parameters["job"] == "from-a-block"
    assert stack.endpoints.workspace.token not in subflow.model_dump_json()


def test_prefect_databricks_d11_the_run_is_linked_when_it_fails_too(
    stack: Stack, notebook: ImportNotebook
) -> None:
    path = notebook("fails", "raise ValueError('no such column')")

    @flow
    async def outer() -> None:
        wishes = RunPolicy(repair=RepairPolicy(max_repairs=0))
        await run_databricks_job(job("linked", path), "workspace", wishes)

    state = asyncio.run(outer(return_state=True))
    subflow = subflow_of(state.state_details.flow_run_id)

    async def artifacts() -> dict[str, str]:
        async with get_client() as client:
            only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[subflow.id]))
            found = await client.read_artifacts(artifact_filter=only)
        return {item.key: str(item.data) for item in found if item.key}

    shown = asyncio.run(artifacts())
    (run,) = runs_of(stack, "linked")
    assert run.run_page_url in shown["databricks-run"]
    assert "ValueError: no such column" in shown["databricks-failure"]
    assert "FAILED" in shown["databricks-tasks"]


def test_prefect_databricks_d13_and_aqueduct_a_flow_that_times_out_cancels_the_run(
    stack: Stack, notebook: ImportNotebook
) -> None:
    path = notebook("sleeps", "import time; time.sleep(600)")

    @flow(timeout_seconds=6)
    async def outer() -> None:
        await run_databricks_job(job("timed out", path), "workspace")

    state = asyncio.run(outer(return_state=True))
    assert state.name == "TimedOut"
    (run,) = runs_of(stack, "timed out")
    assert run.state.result_state is RunResultState.CANCELED


def test_dagster_d1_an_interrupt_is_no_success_and_the_run_is_cancelled(
    stack: Stack, notebook: ImportNotebook
) -> None:
    path = notebook("sleeps", "import time; time.sleep(600)")
    seen: list[Any] = []

    @flow
    async def outer() -> None:
        subflow = asyncio.create_task(
            run_databricks_job(job("interrupted", path), "workspace", return_state=True)
        )
        await asyncio.to_thread(until, lambda: bool(runs_of(stack, "interrupted")))
        subflow.cancel()
        seen.append((await asyncio.gather(subflow, return_exceptions=True))[0])

    asyncio.run(outer())
    assert isinstance(seen[0], asyncio.CancelledError) or not seen[0].is_completed()
    (run,) = runs_of(stack, "interrupted")
    assert run.state.result_state is RunResultState.CANCELED


def test_prefect_13128_errors_while_polling_do_not_fail_the_flow(
    stack: Stack, notebook: ImportNotebook, faults: Faults
) -> None:
    path = notebook("slow", "import time; time.sleep(2); dbutils.notebook.exit('x')")
    for fault in (
        {"status": 500},
        {"effect": "reset"},
        {"effect": "half"},
        {"status": 502, "body": "<html>"},
    ):
        faults.add(path="/api/*/jobs/runs/get", probability=0.15, seed=7, **fault)

    @flow
    async def outer() -> str:
        return (await run_databricks_job(job("through blips", path), "workspace")).exit_values["only"]

    assert asyncio.run(outer()) == "x"
    assert len(runs_of(stack, "through blips")) == 1


# The block on a server.


def stored(stack: Stack, name: str) -> dict[str, Any]:
    """The document of a job block, as the server gives it to whoever does not ask for secrets."""
    server = stack.endpoints.prefect
    user, _, password = (server.auth_string or "").partition(":")
    answer = httpx.get(
        f"{server.api_url}/block_types/slug/databricks-job/block_documents/name/{name}",
        auth=(user, password),
        trust_env=False,
    )
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def test_a_block_is_stored_as_json_without_its_token_and_loaded_as_it_was(stack: Stack) -> None:
    policy = RunPolicy(
        repair=RepairPolicy(max_repairs=1, new_settings=(NewSettings(cluster={"num_workers": 2}),)),
        polling=PollingPolicy(cap=9),
    )
    block = DatabricksJob(
        workspace=load_workspace("workspace"),
        policy=policy,
        **{**job("stored", "/Shared/x", job_parameters={"day": "1"}).model_dump(), "launch": "run_now"},
    )
    block.save("stored", overwrite=True)
    document = stored(stack, "stored")
    assert stack.endpoints.workspace.token not in json.dumps(document)
    assert document["data"]["launch"] == "run_now"
    assert document["data"]["tasks"][0]["body"] == {"notebook_task": {"notebook_path": "/Shared/x"}}
    assert set(document["block_document_references"]) == {"workspace"}
    loaded = DatabricksJob.load("stored")
    assert loaded.specification == block.specification
    assert loaded.policy == policy
    assert loaded.workspace.host == stack.endpoints.workspace.url
    assert stack.endpoints.workspace.token not in repr(loaded)


def test_a_loaded_block_runs_outside_of_flows(stack: Stack, notebook: ImportNotebook) -> None:
    path = notebook("says", "dbutils.notebook.exit('hello')")
    specification = job("loaded and run", path).model_dump()
    DatabricksJob(workspace=load_workspace("workspace"), **specification).save(
        "loaded-and-run", overwrite=True
    )
    run = DatabricksJob.load("loaded-and-run").trigger()
    run.wait_for_completion()
    assert run.fetch_result().exit_values == {"only": "hello"}
