"""Runs notebooks and programs, each in a process of its own."""

import asyncio
import logging
import posixpath
import shutil
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from databricks_local.access.task_tokens import TaskTokens
from databricks_local.execution.children import TaskLaunch, task_main
from databricks_local.execution.cluster import Cluster, DriverLostError
from databricks_local.execution.driver_log import end_of_logs, last_words
from databricks_local.execution.engines.choice import reaches_s3
from databricks_local.execution.engines.sessions import RELEASE_SECONDS, release_main
from databricks_local.execution.environment import Environments
from databricks_local.execution.following import TaskResult, follow
from databricks_local.execution.launching import (
    WorkspaceFacts,
    facts_of_task,
    home_of,
    spark_conf,
    task_environment,
)
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.processes import Child, Processes
from databricks_local.execution.provisioning.log_delivery import LogDelivery
from databricks_local.execution.task_executor import Code
from databricks_local.jobs.specs import NotebookSpec, ProgramSpec, PythonFileSpec
from databricks_local.runtime.dbutils.calls import OnCall
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.runtime.outputs import CellResult
from databricks_local.secrets.access import with_secrets
from databricks_local.secrets.store import SecretStore
from databricks_local.storage.leftovers import remove_directories

_LOG = logging.getLogger(__name__)


class TaskProcesses:
    """Forks the processes of tasks from a warmed interpreter."""

    def __init__(
        self,
        directory: Path,
        processes: Processes,
        environments: Environments,
        mounts: Mounts,
        secrets: SecretStore,
        tokens: TaskTokens,
        workspace: WorkspaceFacts,
    ) -> None:
        """Set up.

        Args:
            directory: The temporary directories of tasks.
            processes: Forks them.
            environments: Variables of clusters and of pip; tasks inherit theirs.
            mounts: The paths that clusters and tasks see.
            secrets: The secrets that specifications and notebooks use.
            tokens: Issues the tokens of tasks.
            workspace: What tasks know of the workspace.
        """
        self._directory = directory
        self._processes = processes
        self._environments = environments
        self._mounts = mounts
        self._secrets = secrets
        self._tokens = tokens
        self._workspace = workspace
        self._releasing: set[asyncio.Task[None]] = set()

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
            home="" if code.files else home_of(path),
            spark_remote=cluster.remote,
            session=str(uuid.uuid4()),
            spark_places=self._mounts.places if cluster.child is None else None,
            spark_conf=spark_conf(cluster.cluster_id, cluster.spec, self._workspace, cluster.engine),
            environment=task_environment(cluster.spec, self._workspace),
            offers=cluster.offers,
            mounts=self._mounts,
            libraries=cluster.libraries.site_packages,
            pip_environment=self._environments.pip,
            engine=cluster.engine,
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
        redactor = Redactor()
        streams = _streams(place, cluster.logs, redactor)
        child: Child | None = None
        result: TaskResult | None = None
        filling = asyncio.create_task(asyncio.to_thread(_fill, place / "work", files))
        with self._tokens.issued() as token:
            redactor.add(token)
            facts = facts_of_task(launch.path, cluster.cluster_id, token, cluster.spec, self._workspace)
            launch = replace(launch, place=str(place), logs=tuple(map(str, streams)), facts=facts)
            try:
                await asyncio.shield(filling)
                child = await self._processes.start(task_main, (launch,))
                calls = with_secrets(on_call, self._secrets, redactor)
                result = await follow(child, cluster.lost, on_ready, on_cell, calls)
                if result is None:
                    raise DriverLostError(await last_words(streams[-1], redactor))
                if launch.program is None:
                    return result
                logs, truncated = await asyncio.to_thread(end_of_logs, streams, redactor)
                return replace(result, logs=logs, logs_truncated=truncated)
            finally:
                if child is not None:
                    await self._processes.kill(child)
                    if result is None and not cluster.lost.done():
                        # Nobody waits for it: the task has ended, and so may the workspace.
                        releasing = asyncio.create_task(self._release(launch))
                        self._releasing.add(releasing)
                        releasing.add_done_callback(self._releasing.discard)
                if cluster.logs is not None:
                    await asyncio.to_thread(cluster.logs.finish, *streams)
                # An unfinished copy would survive the removal.
                await asyncio.wait({filling})
                # A dying process may still write there, which must not fail the task.
                await remove_directories(place)

    async def _release(self, launch: TaskLaunch) -> None:
        """End the Spark session of a process that was killed before it could."""
        arguments = launch.spark_remote, launch.session, launch.environment
        # The guard of the processes is gone when the workspace ends meanwhile.
        with suppress(OSError):
            child = await self._processes.start(release_main, arguments)
            try:
                await asyncio.wait_for(child.messages.get(), RELEASE_SECONDS)
            except TimeoutError:
                _LOG.warning("the Spark session of a task that was ended is left on its cluster: no answer")
            finally:
                await self._processes.kill(child)


def _streams(place: Path, logs: LogDelivery | None, redactor: Redactor) -> tuple[Path, ...]:
    """The logs of a task: one of stdout and stderr each if they are delivered, otherwise one of both."""
    if logs is None:
        return (place / "driver.log",)
    streams = place / "stdout", place / "stderr"
    for stream in streams:
        logs.add(stream.name, stream, redactor)
    return streams


def _fill(work: Path, files: Path | None) -> None:
    """Make the directory of a task, with a copy of the repository: tasks do not see each other's changes."""
    if files is None:
        work.mkdir()
    else:
        shutil.copytree(files, work, symlinks=True)
