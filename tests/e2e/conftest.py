"""One local stack for all end-to-end tests, and Prefect in this process pointed at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
from databricks.sdk import WorkspaceClient

from deployments.local.endpoints import StackEndpoints
from deployments.local.stack import LocalStack


@dataclass(frozen=True)
class Stack:
    """The running stack, seen from outside the project's own code."""

    endpoints: StackEndpoints

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

    def databricks(self) -> WorkspaceClient:
        workspace = self.endpoints.workspace
        return WorkspaceClient(host=workspace.url, token=workspace.token)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with its blocks and notebooks, in a directory with a name that is not plain."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    local = LocalStack(tmp_path_factory.mktemp("Stapel für Läufe") / ".dbflow")
    try:
        endpoints = local.start()
        server = endpoints.prefect
        with temporary_settings(
            {PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.auth_string}
        ):
            from deployments.run import prepare, send_what_is_queued

            prepare(endpoints, local.root, lambda service, state: None)
            yield Stack(endpoints)
            send_what_is_queued()
    finally:
        local.stop()


@pytest.fixture
def clean_stack(stack: Stack) -> Iterator[Stack]:
    """The stack, with the check that the test left nothing behind."""
    assert stack.left_behind() == []
    yield stack
    assert stack.left_behind() == []


def analyse(output: Path, **parameters: Any) -> Any:
    """Run the renewable analysis in this process."""
    from flows.renewable_analysis import renewable_analysis

    return asyncio.run(renewable_analysis(output_directory=str(output), **parameters))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has come true, and fail if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        time.sleep(0.05)
