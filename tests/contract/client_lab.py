"""Clients that pin other versions of what we use run in environments of their own."""

import os
import subprocess
import sys
from pathlib import Path

from databricks_local import LocalWorkspace

SCRIPTS = Path(__file__).parent / "clients"
SECONDS = 240


def environment_with(directory: Path, *packages: str) -> Path:
    """An environment with these packages from the package index; its directory of programs."""
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(directory)], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", str(directory / "bin" / "python")]
    subprocess.run([*install, *packages], check=True)
    return directory / "bin"


def variables_of(workspace: LocalWorkspace, warehouse_id: str) -> dict[str, str]:
    """How the scripts find a warehouse."""
    host, port = workspace.url.removeprefix("https://").split(":")
    return {
        "PATH": os.environ["PATH"],
        "WORKSPACE_HOST": host,
        "WORKSPACE_PORT": port,
        "WORKSPACE_TOKEN": workspace.token,
        "WORKSPACE_CA": str(workspace.authority),
        "WORKSPACE_HTTP_PATH": f"/sql/1.0/warehouses/{warehouse_id}",
        "WORKSPACE_WAREHOUSE": warehouse_id,
        "REQUESTS_CA_BUNDLE": str(workspace.authority),
        "SSL_CERT_FILE": str(workspace.authority),
        "NO_PROXY": "127.0.0.1,localhost",
    }


def said(command: list[str], variables: dict[str, str], directory: Path) -> str:
    """What a program writes to stdout. It must succeed."""
    ended = subprocess.run(
        command, env=variables, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-8000:]
    return ended.stdout
