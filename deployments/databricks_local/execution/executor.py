"""Starts and ends the processes of clusters and tasks."""

import asyncio
import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from databricks_local.execution.children import TaskLaunch, task_main
from databricks_local.execution.cluster import Cluster, ClusterError, DriverLostError, Machine
from databricks_local.execution.driver_log import end_of_log, last_words
from databricks_local.execution.engines.choice import chosen_engine, in_session, reaches_s3
from databricks_local.execution.engines.servers import SparkServers
from databricks_local.execution.environment import Environments
from databricks_local.execution.following import TaskResult, follow
from databricks_local.execution.installing import ClusterLibraries, Installer
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.processes import Child, Processes
from databricks_local.execution.remote_spark import reach
from databricks_local.execution.task_executor import Code
from databricks_local.jobs.libraries import Library
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, ProgramSpec, PythonFileSpec
from databricks_local.runtime.dbutils.calls import OnCall
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.runtime.outputs import CellResult
from databricks_local.secrets.access import UnresolvedSecretError, resolve, with_secrets
from databricks_local.secrets.store import SecretStore
from databricks_local.storage.leftovers import remove_directory, remove_leftovers

_TEMPORARY = re.compile(
    r"task-\w{8}|(local-\d+(-[\w-]+)?|\d{4}-\d{6}-\w{8})(-libraries|-spark|-install\.log|\.log)", re.ASCII
)
"""The directories of tasks; logs, libraries and files of clusters, of jobs and all-purpose ones."""


class Executor:
    """Forks processes from a warmed interpreter."""

    def __init__(
        self,
        directory: Path,
        environments: Environments,
        mounts: Mounts,
        secrets: SecretStore,
        machine: Machine,
    ) -> None:
        """Set up.

        Args:
            directory: The temporary directories of tasks. What a killed server left there is removed.
            environments: Variables of clusters and of pip; tasks inherit theirs.
            mounts: The paths that clusters and tasks see.
            secrets: The secrets that specifications and notebooks use.
            machine: How clusters are run here.
        """
        self._directory = directory
        remove_leftovers(directory, _TEMPORARY)
        self._mounts = mounts
        self._secrets = secrets
        self._machine = machine
        self._environments = environments
        self._processes = Processes()
        self._servers = SparkServers(self._processes, directory, mounts, environments)
        self._installer = Installer(self._processes, directory, mounts, environments.pip)

    async def warm(self) -> None:
        """Start the interpreter that processes are forked from, and wait until it has imported everything."""
        self._directory.mkdir(parents=True, exist_ok=True)
        await self._processes.warm()

    def close(self) -> None:
        """End what `warm` started, after everything else has ended."""
        self._processes.close()

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a Spark Connect server.

        Raises:
            ClusterError: If it does not come up.
        """
        engine = chosen_engine(spec, self._machine)
        await asyncio.sleep(self._machine.cluster_start_seconds)
        try:
            spec = resolve(spec, self._secrets)
        except UnresolvedSecretError as error:
            raise ClusterError(str(error)) from error
        libraries = ClusterLibraries(self._directory / f"{cluster_id}-libraries")
        # A dying task may have written there after the cluster had ended.
        await remove_directory(libraries.directory)
        if self._machine.spark_remote:
            return await _attach(cluster_id, spec, self._machine.spark_remote, libraries)
        child, remote = await self._servers.start(cluster_id, spec, engine, libraries)
        gone = asyncio.create_task(_gone(child))
        return Cluster(child, cluster_id, spec, remote, gone, libraries, engine)

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a cluster, and its server if this workspace started it."""
        if cluster.child is not None:
            await self._processes.kill(cluster.child)
            await cluster.lost
            await self._servers.forget(cluster.cluster_id)
        # A dying task may still write there.
        await remove_directory(cluster.libraries.directory)

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
        code: Code,
        on_ready: Callable[[], None],
        on_cell: Callable[[CellResult], None],
        on_call: OnCall,
    ) -> TaskResult:
        """Run a notebook in a process of its own, which is killed with its children when this is cancelled.

        Raises:
            DriverLostError: If the process or its cluster died.
        """
        launch = self._launch(cluster, notebook.path, code)
        launch = replace(launch, parameters=notebook.parameters)
        return await self._run(cluster, launch, code.files, on_ready, on_cell, on_call)

    async def run_program(
        self,
        cluster: Cluster,
        program: ProgramSpec,
        code: Code,
        on_ready: Callable[[], None],
        on_call: OnCall,
    ) -> TaskResult:
        """Run a program in a process of its own, which is killed with its children when this is cancelled.

        Args:
            cluster: The cluster.
            program: The program.
            code: The text of a Python file.
            on_ready: Called when it begins.
            on_call: Answers the calls of the program.

        Raises:
            DriverLostError: If the process or its cluster died.
        """
        path = program.path if isinstance(program, PythonFileSpec) else ""
        launch = replace(self._launch(cluster, path, code), program=program)
        return await self._run(cluster, launch, code.files, on_ready, lambda _: None, on_call)

    def _launch(self, cluster: Cluster, path: str, code: Code) -> TaskLaunch:
        return TaskLaunch(
            path=path,
            source=code.source,
            folder=posixpath.dirname(path) if code.files else "",
            spark_remote=cluster.remote,
            spark_places=self._mounts.places if cluster.child is None else None,
            spark_conf=in_session(cluster.spec, cluster.engine),
            environment=_task_environment(cluster.spec),
            mounts=self._mounts,
            libraries=cluster.libraries.site_packages,
            pip_environment=self._environments.pip,
            s3=reaches_s3(cluster.spec, cluster.engine),
        )

    async def _run(
        self,
        cluster: Cluster,
        launch: TaskLaunch,
        files: Path | None,
        on_ready: Callable[[], None],
        on_cell: Callable[[CellResult], None],
        on_call: OnCall,
    ) -> TaskResult:
        place = Path(tempfile.mkdtemp(prefix="task-", dir=self._directory))
        log = place / "driver.log"
        redactor = Redactor()
        child: Child | None = None
        filling = asyncio.create_task(asyncio.to_thread(_fill, place / "work", files))
        try:
            await asyncio.shield(filling)
            child = await self._processes.start(task_main, (replace(launch, place=str(place), log=str(log)),))
            calls = with_secrets(on_call, self._secrets, redactor)
            result = await follow(child, cluster.lost, on_ready, on_cell, calls)
            if result is None:
                raise DriverLostError(await last_words(log, redactor))
            if launch.program is None:
                return result
            logs, truncated = await asyncio.to_thread(end_of_log, log, redactor)
            return replace(result, logs=logs, logs_truncated=truncated)
        finally:
            if child is not None:
                await self._processes.kill(child)
            # An unfinished copy would survive the removal.
            await asyncio.wait({filling})
            # A dying process may still write there, which must not fail the task.
            await remove_directory(place)


async def _attach(cluster_id: str, spec: ClusterSpec, remote: str, libraries: ClusterLibraries) -> Cluster:
    """A cluster on a server that somebody else runs."""
    try:
        await reach(remote)
    except ConnectionError as error:
        raise ClusterError(f"Cluster {cluster_id} could not be started. {error}") from error
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Cluster(None, cluster_id, spec, remote, lost, libraries)


async def _gone(child: Child) -> None:
    while await child.messages.get() is not None:
        continue


def _fill(work: Path, files: Path | None) -> None:
    """Make the directory of a task, with a copy of the repository: tasks do not see each other's changes."""
    if files is None:
        work.mkdir()
    else:
        shutil.copytree(files, work, symlinks=True)


def _task_environment(spec: ClusterSpec) -> dict[str, str]:
    # "15.4.x-scala2.12" is the runtime 15.4. Notebooks learn from this variable that they run on Databricks.
    runtime = spec.spark_version.split(".x-", 1)[0] or "local"
    return {"DATABRICKS_RUNTIME_VERSION": runtime, **spec.spark_env_vars}
