"""What tests of pipes look at: lines, events and artifacts in Prefect, and what is left in the volume."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.pipes.channel import channel_of
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.job.subflow import DatabricksRunResult, run_databricks_job
from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Log
from prefect.client.schemas.sorting import LogSort

from .conftest import Stack

FOLDER = "/Volumes/main/default/pipes/messages"
POLICY = RunPolicy(repair=RepairPolicy(max_repairs=1, wait_seconds=0))
WIDGETS = "PipesDatabricksNotebookWidgetsParamsLoader(dbutils.widgets)"


def speaking(body: str, *, before: str = "") -> str:
    """A notebook with the unmodified `dagster-pipes` that does what `body` says with `pipes`."""
    lines = [
        "import os, pathlib, sys, time",
        "from dagster_pipes import *",
        before,
        f"with open_dagster_pipes(params_loader={WIDGETS},",
        "        context_loader=PipesUnityCatalogVolumesContextLoader(),",
        "        message_writer=PipesUnityCatalogVolumesMessageWriter(interval=0.2)) as pipes:",
        textwrap.indent(textwrap.dedent(body), "    "),
    ]
    return "\n".join(lines)


def waits_for(path: str) -> str:
    """A line of a body, that waits for a file."""
    return f"    while not os.path.exists({path!r}): time.sleep(.05)"


def pipes(**fields: Any) -> Pipes:
    return Pipes(volume=FOLDER, **fields)


def lines_of(flow_run_id: UUID) -> list[Log]:
    """The lines of the log of a flow run and its tasks, in the order in which a person sees them."""
    of_the_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_logs(log_filter=of_the_run, limit=200, sort=LogSort.TIMESTAMP_ASC)


def said_in(flow_run_id: UUID) -> list[str]:
    """The lines that came over pipes."""
    return [log.message for log in lines_of(flow_run_id) if log.name.startswith("databricks.")]


def events(stack: Stack, name: str, text: str) -> list[dict[str, Any]]:
    """The events of a name that have a text in them."""
    server = stack.endpoints.prefect
    user, _, password = server.auth_string.partition(":")
    answer = httpx.post(
        f"{server.api_url}/events/filter",
        json={"filter": {"event": {"name": [name]}}, "limit": 50},
        auth=(user, password),
        timeout=30,
    )
    found: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
    return [event for event in found if text in json.dumps(event)]


def tables(flow_run_id: UUID, key: str) -> list[Any]:
    """The rows of the latest artifact of a key."""
    wanted = ArtifactFilter(
        key=ArtifactFilterKey(any_=[key]), flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id])
    )
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=wanted)
    rows: list[Any] = json.loads(str(found[-1].data)) if found else []
    return rows


def left_in_the_volume(stack: Stack) -> list[str]:
    return [str(entry.path) for entry in stack.databricks().files.list_directory_contents(FOLDER)]


@contextmanager
def folder_left_empty(stack: Stack) -> Iterator[None]:
    """The folder for messages, with the check that nothing is in it at the end."""
    channel = channel_of(stack.databricks(), FOLDER)
    channel.make(FOLDER)
    yield
    left = left_in_the_volume(stack)
    channel.clean(FOLDER)
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


def make_volume(stack: Stack, schema: str) -> None:
    """A volume `pipes` in a schema, if it is not there yet."""
    client = stack.databricks()
    if schema not in [found.name for found in client.schemas.list("main")]:
        client.schemas.create(schema, "main")
        client.volumes.create("main", schema, "pipes", VolumeType.MANAGED)
