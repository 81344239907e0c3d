"""Starts and ends the processes of clusters and tasks."""

import asyncio
import base64
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployments.local.workspace.children import LOOPBACK, ClusterLaunch, TaskLaunch, cluster_main, task_main
from deployments.local.workspace.driver_log import end_of_log
from deployments.local.workspace.following import OnCall, TaskResult, follow
from deployments.local.workspace.installing import ClusterLibraries, Installer
from deployments.local.workspace.libraries import Library
from deployments.local.workspace.machine import Machine
from deployments.local.workspace.models import ClusterSpec, NotebookSpec
from deployments.local.workspace.mounts import Mounts
from deployments.local.workspace.processes import Child, Processes
from deployments.local.workspace.programs import ProgramSpec
from deployments.local.workspace.runtime.outputs import CellResult
from deployments.local.workspace.runtime.secret_values import Redactor
from deployments.local.workspace.secret_access import CALLS, UnresolvedSecretError, answer, resolve
from deployments.local.workspace.secret_store import SecretStore

_LOG = logging.getLogger(__name__)

CLUSTER_START_SECONDS = 60
MAX_LOG_CHARACTERS = 20_000


class DriverLostError(Exception):
    """Raised when a process ended without having said how its work went; carries the end of its log."""


class ClusterError(Exception):
    """Raised when a cluster cannot be started."""


@dataclass
class Cluster:
    """A Spark Connect server in a process of its own."""

    child: Child
    cluster_id: str
    spec: ClusterSpec
    port: int
    lost: "asyncio.Task[None]"
    libraries: ClusterLibraries = field(default_factory=ClusterLibraries)
    ended_by_user: bool = False

    @property
    def remote(self) -> str:
        """The URL that a Spark session connects to."""
        return f"sc://{LOOPBACK}:{self.port}"


class Executor:
    """Forks processes from a warmed interpreter."""

    def __init__(
        self,
        directory: Path,
        cluster_environment: Mapping[str, str],
        mounts: Mounts,
        secrets: SecretStore,
        machine: Machine,
    ) -> None:
        """Set up.

        Args:
            directory: Where tasks get their temporary directories.
            cluster_environment: What clusters, and only they, have in their environment: access to storage.
            mounts: What clusters and tasks find under which paths.
            secrets: What specifications refer to, and notebooks ask for.
            machine: How clusters are run here.
        """
        self._directory = directory
        self._mounts = mounts
        self._secrets = secrets
        self._machine = machine
        self._unwanted: set[asyncio.Task[None]] = set()
        self._cluster_environment = dict(cluster_environment)
        self._processes = Processes()
        self._installer = Installer(self._processes, directory, mounts)

    async def warm(self) -> None:
        """Start the interpreter that processes are forked from, and wait until it has imported everything."""
        self._directory.mkdir(parents=True, exist_ok=True)
        await self._processes.warm()

    def close(self) -> None:
        """End what `warm` started; all else has to be ended before."""
        self._processes.close()

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a Spark Connect server.

        Raises:
            ClusterError: If it does not come up.
        """
        log = self._directory / f"{cluster_id}.log"
        await asyncio.sleep(self._machine.cluster_start_seconds)
        try:
            spec = resolve(spec, self._secrets)
        except UnresolvedSecretError as error:
            raise ClusterError(str(error)) from error
        environment = {"RUST_LOG": "warn", **self._cluster_environment, **spec.spark_env_vars}
        launch = ClusterLaunch(environment, str(log), self._mounts)
        starting = asyncio.create_task(self._processes.start(cluster_main, (launch,)))
        try:
            child = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # It is being forked: it ends as soon as it is there.
            unwanted = asyncio.create_task(self._discard(starting, log.name))
            self._unwanted.add(unwanted)
            unwanted.add_done_callback(self._unwanted.discard)
            raise
        try:
            message = await asyncio.wait_for(child.messages.get(), CLUSTER_START_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            await self._processes.kill(child)
            log.unlink(missing_ok=True)
            raise
        if message is None:
            await self._processes.kill(child)
            said = _take_log(log)
            log.unlink(missing_ok=True)
            raise ClusterError(f"Cluster {cluster_id} could not be started. {said}".strip())
        gone = asyncio.create_task(_gone(child))
        libraries = ClusterLibraries(self._directory / f"{cluster_id}-libraries")
        # What an all-purpose cluster left when the server was killed.
        shutil.rmtree(libraries.directory, ignore_errors=True)
        return Cluster(child, cluster_id, spec, message["port"], gone, libraries)

    async def _discard(self, starting: "asyncio.Task[Child]", log: str) -> None:
        await self._processes.kill(await starting)
        (self._directory / log).unlink(missing_ok=True)

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a Spark Connect server."""
        await self._processes.kill(cluster.child)
        await cluster.lost
        (self._directory / f"{cluster.cluster_id}.log").unlink(missing_ok=True)
        # A task that is being killed may still write there.
        shutil.rmtree(cluster.libraries.directory, ignore_errors=True)

    async def install_libraries(self, cluster: Cluster, libraries: Sequence[Library]) -> None:
        """Install libraries on a cluster, for all its tasks.

        Raises:
            LibraryInstallationError: If pip cannot.
        """
        await self._installer.install(cluster.cluster_id, cluster.libraries, libraries)

    async def run_notebook(
        self,
        cluster: Cluster,
        notebook: NotebookSpec,
        source: str,
        on_ready: Callable[[], None],
        on_cell: Callable[[CellResult], None],
        on_call: OnCall,
    ) -> TaskResult:
        """Run a notebook in a process of its own, which is killed with its children when this is cancelled.

        Raises:
            DriverLostError: If the process or its cluster died.
        """
        launch = self._launch(cluster, notebook.path, source)
        launch = replace(launch, parameters=notebook.parameters)
        return await self._run(cluster, launch, on_ready, on_cell, on_call)

    async def run_program(
        self,
        cluster: Cluster,
        program: ProgramSpec,
        source: str,
        on_ready: Callable[[], None],
        on_call: OnCall,
    ) -> TaskResult:
        """Run a program in a process of its own, which is killed with its children when this is cancelled.

        Args:
            cluster: Where.
            program: What.
            source: Of a Python file, its text.
            on_ready: Called when it begins.
            on_call: Answers what it asks the workspace for.

        Raises:
            DriverLostError: If the process or its cluster died.
        """
        launch = replace(self._launch(cluster, "", source), program=program)
        return await self._run(cluster, launch, on_ready, lambda _: None, on_call)

    def _launch(self, cluster: Cluster, path: str, source: str) -> TaskLaunch:
        return TaskLaunch(
            path=path,
            source=source,
            spark_remote=cluster.remote,
            spark_conf=cluster.spec.spark_conf,
            environment=_task_environment(cluster.spec),
            mounts=self._mounts,
            libraries=cluster.libraries.site_packages,
        )

    async def _run(
        self,
        cluster: Cluster,
        launch: TaskLaunch,
        on_ready: Callable[[], None],
        on_cell: Callable[[CellResult], None],
        on_call: OnCall,
    ) -> TaskResult:
        place = Path(tempfile.mkdtemp(prefix="task-", dir=self._directory))
        log = place / "driver.log"
        redactor = Redactor()
        child: Child | None = None
        try:
            (place / "work").mkdir()
            child = await self._processes.start(task_main, (replace(launch, place=str(place), log=str(log)),))
            calls = self._with_secrets(on_call, redactor)
            result = await follow(child, cluster.lost, on_ready, on_cell, calls)
            if result is None:
                raise DriverLostError(redactor.redact(_take_log(log)))
            if launch.program is None:
                return result
            logs, truncated = await asyncio.to_thread(end_of_log, log, redactor)
            return replace(result, logs=logs, logs_truncated=truncated)
        finally:
            if child is not None:
                await self._processes.kill(child)
            # A process that is being killed may still write: what is left over must not fail the task.
            shutil.rmtree(place, ignore_errors=True)

    def _with_secrets(self, on_call: OnCall, redactor: Redactor) -> OnCall:
        """Answer what a notebook asks of secrets here, and leave the rest to the run."""

        async def answer_all(name: str, arguments: dict[str, Any]) -> Any:
            if name not in CALLS:
                return await on_call(name, arguments)
            told = answer(name, arguments, self._secrets)
            if name == "get_secret":
                redactor.add(base64.b64decode(told).decode("utf-8", "replace"))
            return told

        return answer_all


async def _gone(child: Child) -> None:
    while await child.messages.get() is not None:
        continue


def _task_environment(spec: ClusterSpec) -> dict[str, str]:
    # "15.4.x-scala2.12" is the runtime 15.4. Notebooks learn from this variable that they run on Databricks.
    runtime = spec.spark_version.split(".x-", 1)[0] or "local"
    return {"DATABRICKS_RUNTIME_VERSION": runtime, **spec.spark_env_vars}


def _take_log(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-MAX_LOG_CHARACTERS:].strip()
    except FileNotFoundError:
        return ""
