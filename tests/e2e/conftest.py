"""One local stack for all end-to-end tests, and Prefect in this process pointed at it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import psycopg2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import Faults, WorkspaceAccess
from dbflow.local.endpoints import StackEndpoints
from dbflow.local.stack import LocalStack
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterTags,
)
from prefect.client.schemas.objects import TaskRun

ImportNotebook = Callable[[str, str], str]


@dataclass(frozen=True)
class Stack:
    """The running stack, seen from outside the project's own code."""

    endpoints: StackEndpoints
    directory: Path

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        postgres = self.endpoints.postgres
        connection = psycopg2.connect(
            host=postgres.host,
            port=postgres.port,
            user=postgres.user,
            password=postgres.password,
            dbname=postgres.database,
        )
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @property
    def s3(self) -> Any:
        storage = self.endpoints.s3
        return boto3.client(
            "s3",
            endpoint_url=storage.endpoint_url,
            region_name=storage.region,
            aws_access_key_id=storage.access_key,
            aws_secret_access_key=storage.secret_key,
        )

    def objects(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.endpoints.s3.bucket)
        return [content["Key"] for page in pages for content in page.get("Contents", ())]

    def left_behind(self) -> list[str]:
        """Schemas and objects of runs."""
        schemas = self.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'run\\_%%'")
        return [name for (name,) in schemas] + self.objects()

    def remove_kept(self) -> dict[str, Any]:
        """Remove what one failed run keeps, after a check that it is all there; the note on it."""
        [schema, *objects] = self.left_behind()
        prefix = str(UUID(schema.removeprefix("run_")))
        assert {name.partition("/")[0] for name in objects} == {prefix}
        storage = {"Bucket": self.endpoints.s3.bucket}
        note: dict[str, Any] = json.loads(
            self.s3.get_object(**storage, Key=f"{prefix}/staged.json")["Body"].read()
        )
        assert note["keep_until"]
        self.query(f"DROP SCHEMA {schema} CASCADE")
        for name in objects:
            self.s3.delete_object(**storage, Key=name)
        return note

    def databricks(self) -> WorkspaceClient:
        return self.workspace.client()

    @cached_property
    def workspace(self) -> WorkspaceAccess:
        """The workspace's own controls: faults, and the requests that were made."""
        return WorkspaceAccess(self.endpoints.workspace.url, self.endpoints.workspace.token)


@contextmanager
def running_stack(directory: Path) -> Iterator[Stack]:
    """A stack with its blocks and notebooks; Prefect in this process uses it inside the block."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    local = LocalStack(directory / ".dbflow")
    try:
        endpoints = local.start()
        server = endpoints.prefect
        with temporary_settings(
            {PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.auth_string}
        ):
            from dbflow.run import prepare, send_what_is_queued

            prepare(endpoints, local.root, lambda service, state: None)
            yield Stack(endpoints, local.root.parent)
            send_what_is_queued()
    finally:
        local.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of all tests, in a directory with a name that is not plain."""
    with running_stack(tmp_path_factory.mktemp("Stapel für Läufe")) as stack:
        yield stack


@pytest.fixture
def clean_stack(stack: Stack) -> Iterator[Stack]:
    """The stack, with the check that the test left nothing behind. What it left is removed."""
    yield stack
    left = stack.left_behind()
    for name in left:
        if name.startswith("run_"):
            stack.query(f"DROP SCHEMA {name} CASCADE")
        else:
            stack.s3.delete_object(Bucket=stack.endpoints.s3.bucket, Key=name)
    assert left == []


@pytest.fixture
def objects_as_before(stack: Stack) -> Iterator[None]:
    """What a test uploads is gone afterwards."""
    before = set(stack.objects())
    yield
    for name in set(stack.objects()) - before:
        stack.s3.delete_object(Bucket=stack.endpoints.s3.bucket, Key=name)


@pytest.fixture
def notebook(stack: Stack) -> ImportNotebook:
    """Imports a notebook and returns its path."""
    client = stack.databricks()
    client.workspace.mkdirs("/Shared/tests")

    def import_notebook(name: str, body: str) -> str:
        client.workspace.import_(
            f"/Shared/tests/{name}",
            content=base64.b64encode(f"# Databricks notebook source\n{body}\n".encode()).decode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )
        return f"/Shared/tests/{name}"

    return import_notebook


@pytest.fixture
def faults(stack: Stack) -> Iterator[Faults]:
    """Faults of the workspace, gone after the test."""
    yield stack.workspace.faults
    stack.workspace.faults.clear()


def task_runs(flow_run_id: UUID) -> dict[str, list[TaskRun]]:
    """The mirrored tasks of the Databricks subflows of a flow run, by key, once all are recorded."""
    parent = FlowRunFilterParentFlowRunId(any_=[flow_run_id])
    return asyncio.run(_task_runs(FlowRunFilter(parent_flow_run_id=parent)))


def own_task_runs(flow_run_id: UUID) -> dict[str, list[TaskRun]]:
    """The mirrored tasks of a flow run itself, by key, once all are recorded."""
    return asyncio.run(_task_runs(FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))))


async def _task_runs(flow_runs: FlowRunFilter) -> dict[str, list[TaskRun]]:
    async with get_client() as client:
        for _ in range(200):
            found = await client.read_task_runs(
                flow_run_filter=flow_runs,
                task_run_filter=TaskRunFilter(tags=TaskRunFilterTags(all_=["databricks"])),
            )
            if all(run.state and run.state.is_final() for run in found):
                break
            await asyncio.sleep(0.05)
    by_key: dict[str, list[TaskRun]] = {}
    for run in sorted(found, key=lambda run: run.created or 0):
        by_key.setdefault(run.name, []).append(run)
    return by_key


def analyse(output: Path, **parameters: Any) -> Any:
    """Run the renewable analysis in this process."""
    from databricks_flows.renewable.analysis import renewable_analysis

    return asyncio.run(renewable_analysis(output_directory=str(output), **parameters))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has come true, and fail if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        time.sleep(0.05)
