"""A workspace for tests: a real server in a process of its own, on a free port.

with running_workspace(tmp_path) as workspace:
    client = WorkspaceClient(host=workspace.url, token=workspace.token)
    workspace.faults.add(path="/api/*/jobs/runs/submit", status=503, retry_after=1)
"""

import json
import os
import re
import secrets
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from databricks_local.server.variables import TOKEN_VARIABLE

START_SECONDS = 30
STOP_SECONDS = 10
ANSWER_SECONDS = 30

_READY = re.compile(r"workspace ready at (https?://\S+)")


class Faults:
    """The faults of a running workspace."""

    def __init__(self, workspace: "WorkspaceAccess") -> None:
        self._workspace = workspace

    def add(self, **rule: Any) -> int:
        """Add a fault; its fields are those of `POST /local/faults`.

        Returns:
            Its id.

        Raises:
            ValueError: If the workspace refuses it.
        """
        return int(self._workspace.ask("POST", "/local/faults", rule)["fault_id"])

    def show(self) -> list[dict[str, Any]]:
        """The faults, and how often each matched (`seen`) and happened (`applied`)."""
        return cast("list[dict[str, Any]]", self._workspace.ask("GET", "/local/faults")["faults"])

    def remove(self, fault_id: int) -> None:
        """Remove one fault."""
        self._workspace.ask("DELETE", f"/local/faults?fault_id={fault_id}")

    def clear(self) -> None:
        """Remove all faults."""
        self._workspace.ask("DELETE", "/local/faults")

    @contextmanager
    def injected(self, **rule: Any) -> Iterator[int]:
        """A fault for as long as a `with` block lasts."""
        fault_id = self.add(**rule)
        try:
            yield fault_id
        finally:
            self.remove(fault_id)


@dataclass(frozen=True)
class WorkspaceAccess:
    """A workspace that answers at `url` to who shows `token`, such as that of a local stack.

    Attributes:
        url: Where it is.
        token: What requests have to show.
        authority: With TLS, the file that clients have to trust, as in `SSL_CERT_FILE`.
    """

    url: str
    token: str
    authority: Path | None = None

    @cached_property
    def faults(self) -> Faults:
        """The faults that requests and tasks have."""
        return Faults(self)

    def requests(self, path_prefix: str = "", since_id: int = 0) -> list[dict[str, Any]]:
        """The requests that were made, the oldest first.

        Args:
            path_prefix: What their path begins with.
            since_id: The `id` of the last one that is known already.
        """
        query = urlencode({"path_prefix": path_prefix, "since_id": since_id})
        answer = self.ask("GET", f"/local/requests?{query}")
        return cast("list[dict[str, Any]]", answer["requests"])

    def clear_requests(self) -> None:
        """Forget the requests that were made."""
        self.ask("DELETE", "/local/requests")

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Make a request of its own, past the proxies of the environment.

        Raises:
            ValueError: If the workspace refuses it.
        """
        trust = ssl.create_default_context(cafile=self.authority) if self.authority else None
        opener = build_opener(ProxyHandler({}), *([HTTPSHandler(context=trust)] if trust else []))
        headers = {"Authorization": f"Bearer {self.token}"}
        content = None if body is None else json.dumps(body).encode()
        try:
            with opener.open(
                Request(self.url + path, content, headers, method=method),  # noqa: S310 - our own server
                timeout=ANSWER_SECONDS,
            ) as answer:
                return cast("dict[str, Any]", json.load(answer))
        except HTTPError as error:
            with error:
                raise ValueError(error.read().decode(errors="replace")) from error


@dataclass(frozen=True, kw_only=True)
class RunningWorkspace(WorkspaceAccess):
    """A workspace that was started for a test.

    Attributes:
        process: The server.
        log: What the server wrote.
    """

    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def running_workspace(
    root: Path, environment: Mapping[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[RunningWorkspace]:
    """Start a workspace, and stop it at the end.

    Args:
        root: The directory in which it keeps its files.
        environment: Variables of the server besides those of this process.
        options: Further options of `python -m databricks_local`, as `--tls`.

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
            [sys.executable, "-m", "databricks_local", "--root", str(root), *options],
            env={**os.environ, **(environment or {}), TOKEN_VARIABLE: token},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
        )
    try:
        url = _wait_until_ready(process, log)
        authority = root / "tls" / "ca.pem" if url.startswith("https:") else None
        yield RunningWorkspace(url, token, authority, process=process, log=log)
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
