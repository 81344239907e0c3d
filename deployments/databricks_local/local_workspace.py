"""A workspace for tests: a server in a process of its own, on a free port."""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Self

from databricks_local.execution.cluster import Machine
from databricks_local.execution.engines.installation import SparkInstallationError, ensure_spark
from databricks_local.execution.environment import server_environment, without_proxy_here
from databricks_local.execution.provisioning.log_delivery import DELIVERY_SECONDS
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.server.variables import CLIENT_ID_VARIABLE, CLIENT_SECRET_VARIABLE, TOKEN_VARIABLE
from databricks_local.workspace_access import WorkspaceAccess

START_SECONDS = 30
STOP_SECONDS = 10

_READY = re.compile(r"workspace ready at (https?://\S+)")
_POLL_SECONDS = 0.02


class DirectAccess:
    """Lets clients in this process, too, reach what is on this machine without a proxy, for a while."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._users = 0
        self._before: dict[str, str | None] = {}
        self._ours: dict[str, str] = {}

    def begin(self) -> None:
        """Change the environment. Each call needs an `end`."""
        with self._lock:
            self._users += 1
            wanted = without_proxy_here(self._environment)
            for name, value in wanted.items():
                if self._environment.get(name) != value:
                    self._before[name] = self._environment.get(name)
                    self._ours[name] = self._environment[name] = value

    def end(self) -> None:
        """Undo it, if nobody else needs it. What was changed by somebody else meanwhile stays."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for name, value in self._before.items():
                if self._environment.get(name) == self._ours[name]:
                    if value is None:
                        del self._environment[name]
                    else:
                        self._environment[name] = value
            self._before.clear()


_DIRECT_ACCESS = DirectAccess(os.environ)


class LocalWorkspace(WorkspaceAccess):
    """A workspace that lives as long as a `with` block. It can be entered again, on the same root.

    Attributes:
        url: Where it is; empty while it is not running.
        token: What requests have to send.
        authority: With TLS, the file of the certificate authority that clients have to trust.
        faults: The faults that requests and tasks suffer.
        root: The directory with its files; None while it is not running and has no root of its own.
        process: The server; None while it is not running.

    Example:
        >>> from databricks_local import LocalWorkspace
        >>> with LocalWorkspace() as workspace:
        ...     client = workspace.client()
        ...     client.workspace.mkdirs("/Shared/reports")
        ...     [folder.path for folder in client.workspace.list("/Shared")]
        ['/Shared/reports']
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        tls: bool = False,
        engine: str = SAIL,
        spark_spare: bool = True,
        spark_remote: str = "",
        token: str = "",
        client_id: str = "",
        client_secret: str = "",
        repair_one_time_runs: bool = False,
        repair_visible_after: float = 0,
        limit_repairs: bool = False,
        cluster_start_seconds: float = 0,
        warehouse_start_seconds: float = 0,
        log_delivery_seconds: float = DELIVERY_SECONDS,
        mount_namespaces: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Say what it should be like; it starts with the `with` block.

        Args:
            root: The directory in which it keeps its files. `None`: a temporary one, removed at the end.
            tls: Whether it is reached by https.
            engine: What runs Spark: `sail`, or `spark` for Apache Spark itself, which is installed at its
                first use. A cluster with the custom tag `local_engine` has its own.
            spark_spare: Whether a spare server of Apache Spark waits for the next cluster, if `engine` is
                `spark` and memory allows.
            spark_remote: A Spark Connect server, as `sc://host:15002`, that all clusters use. Empty: each
                cluster starts its own.
            token: What requests have to send. Empty: a new one.
            client_id: A service principal that gets tokens by OAuth.
            client_secret: Its secret.
            repair_one_time_runs: Whether `runs/repair` takes a run made by `runs/submit`.
            repair_visible_after: Seconds for which a repaired run still looks terminal.
            limit_repairs: Whether `runs/repair` keeps to the job's `max_concurrent_runs`.
            cluster_start_seconds: Seconds that a cluster takes to start, as it would in the cloud.
            warehouse_start_seconds: Seconds that a SQL warehouse takes to start.
            log_delivery_seconds: How often the logs of a cluster go to its `cluster_log_conf`; at least every
                0.1 seconds.
            mount_namespaces: Whether tasks see `/dbfs`, `/Volumes` and `/Workspace` as directories.
            environment: Variables of the server. Of those of this process it gets only what has no secrets
                (the README says what), so that notebooks do not see yours. Clusters get those that begin
                with `AWS_`.
        """
        # Refuses at once what the server would refuse.
        Machine(log_delivery_seconds=log_delivery_seconds)
        super().__init__("", token or secrets.token_urlsafe(24))
        self.root = Path(root) if root is not None else None
        self.process: subprocess.Popen[bytes] | None = None
        self._tls = tls
        self._options = {
            "--engine": engine,
            "--spark-spare": "auto" if spark_spare else "off",
            "--spark-remote": spark_remote,
            "--repair-one-time-runs": "accept" if repair_one_time_runs else "refuse",
            "--repair-visible-after": str(repair_visible_after),
            "--repairs": "limited" if limit_repairs else "unlimited",
            "--cluster-start-seconds": str(cluster_start_seconds),
            "--warehouse-start-seconds": str(warehouse_start_seconds),
            "--log-delivery-seconds": str(log_delivery_seconds),
            "--mount-namespaces": "auto" if mount_namespaces else "off",
        }
        client = {CLIENT_ID_VARIABLE: client_id, CLIENT_SECRET_VARIABLE: client_secret}
        self._environment = {**(environment or {}), **client, TOKEN_VARIABLE: self.token}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def log(self) -> Path:
        """The file with what the server wrote.

        Raises:
            RuntimeError: If the workspace was not started, so that there is none.
        """
        if self.root is None:
            raise RuntimeError("This workspace is not running: use it in a with statement.")
        return self.root / "server.log"

    def __enter__(self) -> Self:
        if self.process is not None:
            raise RuntimeError("This workspace is running already.")
        if self.root is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="databricks-local-")
            self.root = Path(self._temporary.name)
        self.root.mkdir(parents=True, exist_ok=True)
        self._install_engine()
        command = [sys.executable, "-m", "databricks_local", "--root", str(self.root)]
        command += ["--tls"] if self._tls else []
        command += [part for option in self._options.items() for part in option]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - this package, and no shell
                command,
                env={**server_environment(os.environ), **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        _DIRECT_ACCESS.begin()
        try:
            self.url = self._wait_until_ready(self.process)
        except BaseException:
            self._stop()
            raise
        self.authority = self.root / "tls" / "ca.pem" if self._tls else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _install_engine(self) -> None:
        """Install Apache Spark if it is asked for: the server would have to start within seconds."""
        if self._options["--engine"] == SPARK and not self._options["--spark-remote"]:
            try:
                ensure_spark(
                    {**os.environ, **self._environment},
                    lambda line: print(f"LocalWorkspace: {line}", file=sys.stderr),  # noqa: T201 - for people
                )
            except SparkInstallationError as error:
                raise RuntimeError(f"The workspace did not start: {error}") from error

    def _stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            _DIRECT_ACCESS.end()
        self.process, self.url = None, ""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = self.root = None

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            ready = _READY.search(self.log.read_text(errors="replace"))
            if ready is not None:
                return ready[1]
            time.sleep(_POLL_SECONDS)
        raise RuntimeError(f"The workspace did not start:\n{self.log.read_text(errors='replace')}")
