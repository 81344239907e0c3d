"""What code with the unmodified `dagster-pipes` says reaches the flow while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.errors import AssetChecksFailed, DatabricksRunRefused
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.job.subflow import DatabricksRunResult, run_databricks_job
from databricks_local import Faults
from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from .conftest import ImportNotebook, Stack, own_task_runs, until
from .hearing import FOLDER, events, left_in_the_volume, lines_of, pipes, said_in, speaking, tables, waits_for
from .single_task import is_running, single_task

POLICY = RunPolicy(repair=RepairPolicy(max_repairs=1, wait_seconds=0))


@pytest.fixture
def volume(stack: Stack) -> Iterator[None]:
    """A volume for messages, with nothing in it at the end."""
    client = stack.databricks()
    made = client.volumes.create("main", "default", "pipes", VolumeType.MANAGED)
    client.files.create_directory(FOLDER)
    yield
    left = left_in_the_volume(stack)
    client.volumes.delete(made.full_name or "")
    assert left == []


def called(job: JobSpecification) -> UUID:
    """The flow run that runs a job."""
    named = FlowRunFilter(name=FlowRunFilterName(any_=[job.name]))
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(flow_run_filter=named)
    return run.id


def has_flow_run(job: JobSpecification) -> bool:
    named = FlowRunFilter(name=FlowRunFilterName(any_=[job.name]))
    with get_client(sync_client=True) as client:
        return bool(client.read_flow_runs(flow_run_filter=named))


def run(job: JobSpecification, wanted: Pipes, policy: RunPolicy = POLICY) -> DatabricksRunResult:
    return asyncio.run(run_databricks_job(job, "workspace", policy, pipes=wanted))


def run_while(
    job: JobSpecification, wanted: Pipes, look: Callable[[], None], policy: RunPolicy = POLICY
) -> DatabricksRunResult:
    """Run a job, and look at it from outside meanwhile."""

    async def both() -> DatabricksRunResult:
        running = asyncio.create_task(run_databricks_job(job, "workspace", policy, pipes=wanted))
        await asyncio.to_thread(look)
        result: DatabricksRunResult = await running
        return result

    return asyncio.run(both())


SAYS_ALL = """
    pipes.log.warning("hello %s", pipes.get_extra("word"))
    pipes.report_asset_materialization(
        asset_key="main/sales/daily",
        data_version="v1",
        metadata={
            "rows": 3,
            "page": {"raw_value": "https://example.com/a", "type": "url"},
            "first": {"raw_value": {"records": [{"day": "1"}], "schema": [{"name": "day"}]}, "type": "table"},
            "lineage": {
                "raw_value": {"deps_by_column": {"day": [{"asset_key": "main/raw", "column_name": "d"}]}},
                "type": "table_column_lineage",
            },
        },
    )
    pipes.report_asset_check(asset_key="main/sales/daily", check_name="no_nulls", passed=False, severity="WARN")
    pipes.report_custom_message({"done": 1})
"""


@pytest.mark.usefixtures("volume")
def test_what_code_says_is_in_prefect_before_it_ends(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    job = single_task(notebook("says_all", speaking(f"{SAYS_ALL}\n{_indented(waits_for(str(go)))}")))
    messages: list[Any] = []

    def look() -> None:
        until(lambda: has_flow_run(job))
        flow_run_id = called(job)
        until(lambda: "hello Ada" in said_in(flow_run_id))
        until(lambda: bool(tables(flow_run_id, "databricks-checks")))
        until(lambda: bool(events(stack, "prefect.asset.materialization.succeeded", str(flow_run_id))))
        until(lambda: messages == [{"done": 1}])
        assert is_running(stack, job)
        go.touch()

    result = run_while(job, pipes(extras={"word": "Ada"}, on_message=messages.append), look)
    (made,), (check,) = result.assets, result.checks
    assert (made.asset_key, made.task_key, made.metadata["rows"].plain) == ("main/sales/daily", "only", 3)
    assert (check.check_name, check.passed) == ("no_nulls", False)
    assert result.messages == ({"done": 1},)
    flow_run_id = called(job)
    (task_run,) = own_task_runs(flow_run_id)["only"]
    (hello,) = [log for log in lines_of(flow_run_id) if log.message == "hello Ada"]
    assert (hello.name, hello.level, hello.task_run_id) == ("databricks.only", 30, task_run.id)
    (event,) = events(stack, "prefect.asset.materialization.succeeded", str(flow_run_id))
    host = stack.endpoints.workspace.url.removeprefix("http://")
    assert event["resource"]["prefect.resource.id"] == f"databricks://{host}/main/sales/daily"
    assert event["resource"]["prefect.asset.url"] == result.tasks["only"].run_page_url
    assert event["payload"]["rows"] == 3
    related = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in event["related"]}
    assert related["asset"] == f"databricks://{host}/main/raw"
    assert related["task-run"] == f"prefect.task-run.{task_run.id}"
    (row,) = tables(flow_run_id, "databricks-assets")
    assert row["asset"] == "main/sales/daily"
    assert "rows: 3" in row["metadata"]
    assert "[https\\://example.com/a](https://example.com/a)" in row["metadata"]
    assert tables(flow_run_id, "databricks-main-sales-daily-first") == [{"day": "1"}]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
