"""The Databricks workspace of the stack: `databricks_local` as a service."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from databricks_local.jobs.engines import SAIL

from dbflow.local import ports
from dbflow.local.packages import IMPORT_ROOT
from dbflow.local.service import Clock, Service, ServiceCommand, answers_ok

_ME = "/api/2.0/preview/scim/v2/Me"


class DatabricksService(Service):
    """The local workspace, told where the storage is so that notebooks find it."""

    name = "databricks"
    stop_grace_s = 5.0

    def __init__(
        self,
        root: Path,
        token: str,
        storage: Callable[[], dict[str, str]],
        engine: str = SAIL,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(root, clock)
        self.token = token
        self._engine = engine
        self._storage = storage

    def command(self, chosen: Mapping[str, int]) -> ServiceCommand:
        """A Python process; token and keys travel in its environment."""
        command = [sys.executable, "-m", "databricks_local", "--host", ports.HOST]
        command += ["--port", str(chosen["main"]), "--root", str(self.directory)]
        command += ["--engine", self._engine]
        storage = self._storage()
        environment = {"DBFLOW_WORKSPACE_TOKEN": self.token, **storage}
        # `python -m` finds the package in its working directory, installed or not.
        return ServiceCommand(command, environment, IMPORT_ROOT, depends_on=storage["AWS_ENDPOINT"])

    def url(self, chosen: Mapping[str, int]) -> str:
        """The host that a Databricks client is given."""
        return f"http://{ports.HOST}:{chosen['main']}"

    def healthy(self, chosen: Mapping[str, int]) -> bool:
        """Asks who it is, as the SDK does."""
        return answers_ok(chosen["main"], _ME, {"Authorization": f"Bearer {self.token}"})


def storage_environment(endpoint: str, access_key: str, secret_key: str, region: str) -> dict[str, str]:
    """What Spark (Sail) reads to find the storage."""
    return {
        "AWS_ENDPOINT": endpoint,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": region,
        "AWS_ALLOW_HTTP": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
    }
