"""What code with the unmodified `dagster-pipes` says reaches the flow while it runs."""

from __future__ import annotations

import asyncio
import io
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import prefect.runtime
import pytest
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks_blocks.errors import AssetChecksFailed, DatabricksRunRefused
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.pipes.channel import channel_of
from databricks_blocks.pipes.pipes import Pipes
from databricks_flows.pipes.open_session import open_pipes
from dbflow.notebooks import import_notebooks, packaged_sources
from prefect import flow, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
)
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger

from .conftest import ImportNotebook, Stack, own_task_runs, until
from .hearing import (
    FOLDER,
    called,
    events,
    folder_left_empty,
    has_flow_run,
    lines_of,
    pipes,
    run,
    run_while,
    said_in,
    speaking,
    tables,
    waits_for,
)
from .single_task import is_running, runs_of, single_task


@pytest.fixture
def volume(stack: Stack) -> Iterator[None]:
    with folder_left_empty(stack):
        yield


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
    pipes.report_asset_check(
        asset_key="main/sales/daily", check_name="no_nulls", passed=False, severity="WARN"
    )
    pipes.report_custom_message({"done": 1})
"""


@pytest.mark.usefixtures("volume")
def test_what_code_says_is_in_prefect_before_it_ends(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    job = single_task(notebook("says_all", speaking(SAYS_ALL + waits_for(str(go)))))
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
    related = {(one["prefect.resource.role"], one["prefect.resource.id"]) for one in event["related"]}
    # Prefect adds those of the context that it finds.
    assert related >= {
        ("asset", f"databricks://{host}/main/raw"),
        ("task-run", f"prefect.task-run.{task_run.id}"),
    }
    (row,) = tables(flow_run_id, "databricks-assets")
    assert row["asset"] == "main/sales/daily"
    assert "rows: 3" in row["metadata"]
    assert "[https\\://example.com/a](https://example.com/a)" in row["metadata"]
    assert tables(flow_run_id, "databricks-main-sales-daily-first") == [{"day": "1"}]


@pytest.mark.usefixtures("volume")
@pytest.mark.parametrize("writer", ["dagster-pipes", "databricks_pipes"])
def test_ten_tasks_at_once_stay_apart_and_within_the_budget(
    stack: Stack, notebook: ImportNotebook, writer: str
) -> None:
    """Looks at each task, and all requests for files, those that read and delete what was said, too."""
    ours = """
        for number in range(3):
            pipes.message(f"{dbutils.widgets.get('n')} {number}")
            pipes.log.info("%s %s", dbutils.widgets.get("n"), number)
            for _ in range(20):
                pipes.log.debug("sent, and below the level of Prefect's log")
                time.sleep(0.1)
    """
    body = """
        for number in range(3):
            pipes.report_custom_message(f"{dbutils.widgets.get('n')} {number}")
            pipes.log.info("%s %s", dbutils.widgets.get("n"), number)
            time.sleep(2)
    """
    if writer == "dagster-pipes":
        path = notebook("says_its_name", speaking(body))
    else:
        source = "# Databricks notebook source\nimport time\nfrom databricks_pipes import pipes\n"
        helper = packaged_sources()["databricks_pipes.py"]
        sources = {
            "says_its_name": f"{source}{textwrap.dedent(ours)}".encode(),
            "databricks_pipes.py": helper,
        }
        import_notebooks(stack.databricks(), "/Shared/speaking", sources)
        path = "/Shared/speaking/says_its_name"
    serverless = [notebook_task(f"t{n}", path, parameters={"n": f"t{n}"}) for n in range(10)]
    job = JobSpecification(name=f"ten {uuid4()}", tasks=serverless)
    first = max((request["id"] for request in stack.workspace.requests()), default=0)
    result = run(job, pipes())
    assert sorted(result.messages) == sorted(f"t{n} {number}" for n in range(10) for number in range(3))
    flow_run_id = called(job)
    lines = {(log.name, log.message) for log in lines_of(flow_run_id) if log.name.startswith("databricks.")}
    wanted = {(f"databricks.t{n}", f"t{n} {number}") for n in range(10) for number in range(3)}
    assert wanted <= lines
    assert {name.removeprefix("databricks.") for name, text in lines - wanted} == set()
    looks = [
        request
        for request in stack.workspace.requests("/api/2.0/fs/directories", since_id=first)
        if request["method"] == "GET" and "/t" in request["path"]
    ]
    for key in (f"t{n}" for n in range(10)):
        at = sorted(request["time"] for request in looks if request["path"].endswith(f"/{key}"))
        # The clean-up at the end looks once more.
        assert len(at) > 3
        assert all(later - sooner >= 1.9 for sooner, later in pairwise(at[:-2])), (key, at)
        if writer == "databricks_pipes":
            # Each file that is read is one more request to delete it, so ten tasks send every two seconds.
            read = [
                request["path"]
                for request in stack.workspace.requests("/api/2.0/fs/files", since_id=first)
                if request["method"] == "GET" and f"/{key}/" in request["path"]
            ]
            assert len(set(read)) <= (at[-1] - at[0]) / 2 + 3, (read, at)


@pytest.mark.usefixtures("volume")
def test_a_check_starts_an_automation(stack: Stack, notebook: ImportNotebook) -> None:
    body = """
        pipes.report_asset_check(asset_key="main/daily", check_name="has_rows", passed=False)
    """
    job = single_task(notebook("checks", speaking(body)))

    @flow
    def follower(check: str) -> None:
        """Started by the automation."""

    with get_client(sync_client=True) as client:
        deployment_id = client.create_deployment(client.create_flow(follower), name="after a failed check")
    trigger = EventTrigger(
        expect={"databricks.asset.check.failed"},
        match={"databricks.check.severity": "ERROR"},
        posture="Reactive",
        threshold=1,
    )
    action = RunDeployment(
        deployment_id=deployment_id, parameters={"check": "{{ event.payload.check_name }}"}
    )

    async def create() -> UUID:
        async with get_client() as client:
            core = AutomationCore(name=f"check {uuid4()}", trigger=trigger, actions=[action])
            return await client.create_automation(core)

    automation_id = asyncio.run(create())
    # The server takes up automations in the background.
    with pytest.raises(AssetChecksFailed, match="has_rows of main/daily"):
        run(job, pipes(blocking_checks=True))
    assert len(tables(called(job), "databricks-checks")) == 1
    of_the_deployment = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]))

    def is_started() -> bool:
        with get_client(sync_client=True) as client:
            found = client.read_flow_runs(flow_run_filter=of_the_deployment)
        return [one.parameters for one in found] == [{"check": "has_rows"}]

    until(is_started)

    async def delete() -> None:
        async with get_client() as client:
            await client.delete_automation(automation_id)

    asyncio.run(delete())


@pytest.mark.usefixtures("volume")
def test_output_comes_as_whole_lines_and_once(stack: Stack, notebook: ImportNotebook) -> None:
    source = """
        import sys, time
        from dagster_pipes import *
        with open_dagster_pipes(params_loader=PipesCliArgsParamsLoader(),
                context_loader=PipesUnityCatalogVolumesContextLoader(),
                message_writer=PipesUnityCatalogVolumesMessageWriter(interval=0.2)) as pipes:
            print("one ", end="", flush=True)
            time.sleep(1.5)
            print("line")
            print("oh no", file=sys.stderr)
    """
    stack.databricks().workspace.upload(
        "/Shared/tests/prints.py", io.BytesIO(textwrap.dedent(source).encode()), overwrite=True
    )
    body = {"python_file": "/Workspace/Shared/tests/prints.py"}
    task = DatabricksTask(task_key="only", body={"spark_python_task": body}, environment_key="default")
    job = JobSpecification(
        name=f"prints {uuid4()}", tasks=[task], environments={"default": {"environment_version": "2"}}
    )
    run(job, pipes(include_stdio=True))
    lines = [(log.name, log.message) for log in lines_of(called(job))]
    assert [name for name, text in lines if "one line" in text] == ["databricks.only.stdout"]
    # Their package sends a line of stderr twice; if the copy in stdout comes first, that one is told.
    assert len([name for name, text in lines if "oh no" in text]) == 1


@pytest.mark.usefixtures("volume")
def test_a_session_hears_code_that_somebody_else_launches(stack: Stack, notebook: ImportNotebook) -> None:
    path = notebook("alone", speaking("pipes.log.info('from afar')\npipes.report_custom_message(1)"))
    client = stack.databricks()

    @flow(name="launches by itself")
    async def launches() -> tuple[tuple[Any, ...], UUID]:
        async with open_pipes(pipes(extras={"day": 1}), "workspace") as session:
            notebook = NotebookTask(notebook_path=path, base_parameters=session.parameters)
            waiting = client.jobs.submit(tasks=[SubmitTask(task_key="mine", notebook_task=notebook)])
            await asyncio.to_thread(waiting.result)
        return session.result.messages, UUID(prefect.runtime.flow_run.id)

    messages, flow_run_id = asyncio.run(launches())
    assert messages == (1,)
    until(lambda: "from afar" in [log.message for log in lines_of(flow_run_id)])


@pytest.mark.usefixtures("volume")
def test_the_driver_of_code_that_says_nothing_is_heard(stack: Stack, notebook: ImportNotebook) -> None:
    """Delivered by the cluster, so late; nobody deletes it, as Databricks delivers after the end, too."""
    job = single_task(notebook("plain", "import os\nos.write(1, b'plain words\\n')"))
    run(job, pipes(driver_logs=True))
    lines = [(log.name, log.message) for log in lines_of(called(job))]
    assert [name for name, text in lines if "plain words" in text] == ["databricks.only.stdout"]
    channel_of(stack.databricks(), FOLDER).clean(f"{FOLDER}/logs")


def test_a_folder_that_is_not_there_is_told_before_anything_is_launched(
    stack: Stack, notebook: ImportNotebook
) -> None:
    job = single_task(notebook("never", "pass"))
    with pytest.raises(DatabricksRunRefused, match="cannot be used for messages, so nothing was launched"):
        run(job, Pipes(volume="/Volumes/main/default/no_such_volume"))
    assert runs_of(stack, job) == []


@pytest.mark.usefixtures("volume")
def test_code_that_says_nothing_and_code_that_is_silent_are_told(notebook: ImportNotebook) -> None:
    job = single_task(notebook("silent", "pass"))
    assert run(job, pipes()).messages == ()
    (warning,) = [log.message for log in lines_of(called(job)) if "nothing was heard" in log.message]
    assert "PipesDatabricksNotebookWidgetsParamsLoader(dbutils.widgets)" in warning
