"""A server that has just begun knows the block types of this package, though nobody saved a block of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from .conftest import until

TYPES = {"databricks-job", "databricks-sql-warehouse", "databricks-workspace", "unity-catalog-volume"}


def test_one_entry_point_registers_all_types_and_imports_no_sdk() -> None:
    (entry_point,) = [
        found
        for found in metadata.entry_points(group="prefect.collections")
        if found.dist is not None and found.dist.name == "databricks-flows"
    ]
    code = (
        f"import sys, {entry_point.value}\n"
        "from prefect.blocks.core import Block\n"
        "from prefect.utilities.dispatch import get_registry_for_type\n"
        "print(*sorted(get_registry_for_type(Block)))\n"
        "print(*sorted({'databricks.sdk', 'pandas', 'sqlalchemy.dialects'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    registered, heavy = done.stdout.splitlines()
    assert set(registered.split()) >= TYPES
    assert heavy == ""


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[str]:
    """URL of the API of a Prefect server with a database of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--port", str(port), "--no-services"],
            env={**kept, "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}/api"
        until(lambda: is_ready(server, url, log), seconds=180)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def is_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert server.poll() is None, log.read_text()
    try:
        return httpx.get(f"{url}/ready").is_success
    except httpx.TransportError:
        return False


def test_a_fresh_server_has_them_in_its_catalog(fresh_server: str) -> None:
    found = {block["slug"]: block for block in httpx.post(f"{fresh_server}/block_types/filter").json()}
    assert found.keys() >= TYPES
    assert found["databricks-job"]["name"] == "Databricks Job"
    (schema,) = httpx.post(
        f"{fresh_server}/block_schemas/filter",
        json={"block_schemas": {"block_type_id": {"any_": [found["databricks-job"]["id"]]}}},
    ).json()
    assert {"workspace", "tasks", "policy"} <= schema["fields"]["properties"].keys()
