"""A workspace for tests: a real server in a process of its own, on a free port.

with running_workspace(tmp_path) as workspace:
    client = WorkspaceClient(host=workspace.url, token=workspace.token)
"""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.local.workspace.serve import TOKEN_VARIABLE

START_SECONDS = 30
STOP_SECONDS = 10

_READY = re.compile(r"workspace ready at (http://\S+)")


@dataclass(frozen=True)
class RunningWorkspace:
    """A workspace that answers at `url` to who shows `token`."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def running_workspace(root: Path, environment: Mapping[str, str] | None = None) -> Iterator[RunningWorkspace]:
    """Start a workspace, and stop it at the end.

    Args:
        root: The directory in which it keeps its files.
        environment: Variables of the server besides those of this process.

    Yields:
        Where it is, and its token.

    Raises:
        RuntimeError: If it does not come up; with what it said.
    """
    root.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    log = root / "server.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - this package, and no shell
            [sys.executable, "-m", "deployments.local.workspace", "--root", str(root)],
            env={**os.environ, **(environment or {}), TOKEN_VARIABLE: token},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
        )
    try:
        yield RunningWorkspace(_wait_until_ready(process, log), token, process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        ready = _READY.search(log.read_text(errors="replace"))
        if ready is not None:
            return ready[1]
        time.sleep(0.02)
    raise RuntimeError(f"The workspace did not start:\n{log.read_text(errors='replace')}")
