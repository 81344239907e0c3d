"""The automations of `deployments/automations/`, made by the command of their comments, do what they say."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
import yaml
from databricks_blocks.csv.faults import InputError
from dbflow.run import send_what_is_queued
from prefect import flow, get_client
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun

from .conftest import Stack, analyse, until

FILES = Path(__file__).parents[2] / "deployments" / "automations"
NOT_SET = "00000000-0000-0000-0000-000000000000"
POOL = "after-update"
FOLLOWER = """
from pathlib import Path

from prefect import flow


@flow
def follower(rows: int) -> None:
    Path(__file__).with_name("rows").write_text(str(rows + 1))
"""


def prefect(stack: Stack, *arguments: str, directory: Path | None = None) -> str:
    """Run the command line of Prefect as a user of the stack does."""
    server = stack.endpoints.prefect
    environment = {
        **os.environ,
        "PREFECT_API_URL": server.api_url,
        "PREFECT_API_AUTH_STRING": server.auth_string,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def create(stack: Stack, name: str, directory: Path, **values: Any) -> None:
    """Make the automation of a file in which values of its action were set."""
    automation = yaml.safe_load((FILES / name).read_text(encoding="utf-8"))
    [action] = automation["actions"]
    assert [value for value in action.values() if value == NOT_SET] == [NOT_SET]
    action |= values
    assert NOT_SET not in action.values()
    (directory / name).write_text(yaml.safe_dump(automation))
    made = prefect(stack, "automation", "create", "--from-file", str(directory / name))
    assert automation["name"] in " ".join(made.split())


@pytest.fixture
def no_automations(stack: Stack) -> Iterator[Stack]:
    """Automations end with the test."""
    yield stack
    with get_client(sync_client=True) as client:
        for automation in client.request("POST", "/automations/filter", json={}).json():
            client.request("DELETE", "/automations/{id}", path_params={"id": automation["id"]})


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """URL of a web hook, and what it was sent."""
    received: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", received
        server.shutdown()


@flow
def something_else() -> None:
    """Fails, and is none of the automation's business."""
    raise ValueError("not to be told")


def test_people_are_told_of_a_run_that_failed(
    no_automations: Stack, inbox: tuple[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    url, received = inbox
    block = CustomWebhookNotificationBlock(
        name="alerts", url=url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
    )
    asyncio.run(block.asave("alerts", overwrite=True))
    shown = json.loads(prefect(no_automations, "block", "inspect", "custom-webhook/alerts", "-o", "json"))
    create(no_automations, "notify-of-failure.yaml", tmp_path, block_document_id=shown["id"])
    with suppress(ValueError):
        something_else()
    with pytest.raises(InputError):
        analyse(tmp_path, countries=["Atlantis"])
    until(lambda: bool(received))
    analyse(tmp_path, countries=["Peru"])
    assert [message["subject"] for message in received] == ["renewable-analysis Failed: Atlantis"]
    [message] = received
    assert "Atlantis" in message["body"]
    assert "/runs/flow-run/" in message["body"]


def flow_runs(deployment_id: UUID) -> list[FlowRun]:
    async def read() -> list[FlowRun]:
        async with get_client() as client:
            only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
            return await client.read_flow_runs(deployment_filter=only)

    return asyncio.run(read())


def test_another_deployment_runs_after_the_table_was_updated(no_automations: Stack, tmp_path: Path) -> None:
    (tmp_path / "follower.py").write_text(FOLLOWER)
    prefect(no_automations, "work-pool", "create", POOL, "--type", "process", "--overwrite")
    deploy = ["--no-prompt", "deploy", "follower.py:follower", "--name", "follower", "--pool", POOL]
    prefect(no_automations, *deploy, directory=tmp_path)
    shown = json.loads(prefect(no_automations, "deployment", "inspect", "follower/follower", "-o", "json"))
    rows = "{{ event.payload.rows }}"
    create(
        no_automations,
        "run-after-update.yaml",
        tmp_path,
        deployment_id=shown["id"],
        parameters={"rows": rows},
    )
    result = analyse(tmp_path / "out", countries=["Peru"])
    send_what_is_queued()
    until(lambda: bool(flow_runs(UUID(shown["id"]))))
    prefect(no_automations, "worker", "start", "--pool", POOL, "--run-once")
    [run] = flow_runs(UUID(shown["id"]))
    assert run.state_name == "Completed"
    assert (tmp_path / "rows").read_text() == str(result.rows + 1)
