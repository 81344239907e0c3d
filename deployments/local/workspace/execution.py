"""Starts and ends the processes of clusters and tasks."""

import asyncio
import base64
import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from deployments.local.workspace.children import (
    LOOPBACK,
    ClusterLaunch,
    TaskLaunch,
    cluster_main,
    guard_main,
    kill_group,
    send,
    task_main,
)
from deployments.local.workspace.forking import Order, kill_unwanted, preload, receive, start_processes
from deployments.local.workspace.machine import Machine
from deployments.local.workspace.models import ClusterSpec, NotebookSpec
from deployments.local.workspace.mounts import Mounts
from deployments.local.workspace.remote_spark import reach
from deployments.local.workspace.runtime.outputs import CellResult
from deployments.local.workspace.runtime.secret_values import Redactor
from deployments.local.workspace.runtime.task_values import WorkspaceCallError
from deployments.local.workspace.secret_access import CALLS, UnresolvedSecretError, answer, resolve
from deployments.local.workspace.secret_store import SecretStore

_LOG = logging.getLogger(__name__)

CLUSTER_START_SECONDS = 60
MAX_LOG_CHARACTERS = 20_000

OnCall = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers what a notebook asks the workspace for; refuses by raising `WorkspaceCallError`."""


class DriverLostError(Exception):
    """Raised when a process ended without having said how its work went; carries the end of its log."""


class ClusterError(Exception):
    """Raised when a cluster cannot be started."""


@dataclass(frozen=True)
class Code:
    """What a task executes.

    Attributes:
        source: The notebook.
        files: The directory of the repository that it is part of; None if it is of the workspace.
    """

    source: str
    files: Path | None = None


@dataclass(frozen=True)
class TaskResult:
    """How a notebook ended, as its process reported it."""

    exit_value: str | None
    exit_truncated: bool
    error: str
    error_trace: str


@dataclass
class Child:
    """A forked process: the messages it sends, and None once it is gone."""

    process: Any
    connection: Connection
    messages: "asyncio.Queue[dict[str, Any] | None]" = field(default_factory=asyncio.Queue)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int:
        """The process id, which is that of its group as well."""
        return cast(int, self.process.pid)


@dataclass
class Cluster:
    """A Spark Connect server.

    Attributes:
        child: Its process; None if somebody else runs it.
        cluster_id: The id of the cluster.
        spec: What the cluster was asked to be.
        remote: The URL that a Spark session connects to.
        lost: Done once the process is gone.
    """

    child: Child | None
    cluster_id: str
    spec: ClusterSpec
    remote: str
    lost: "asyncio.Future[None]"


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
        # One thread, so that processes start one after the other: multiprocessing is not made for more. A
        # daemon, so that the server can end while the first one still waits for the imports.
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        threading.Thread(target=start_processes, args=(self._orders,), daemon=True).start()
        self._guarding: asyncio.Task[Child] | None = None

    async def warm(self) -> None:
        """Start the interpreter that processes are forked from, and wait until it has imported everything."""
        preload()
        self._directory.mkdir(parents=True, exist_ok=True)
        await self._guard()

    def close(self) -> None:
        """End what `warm` started; all else has to be ended before."""
        if self._guarding is not None and self._guarding.done() and not self._guarding.exception():
            kill_group(self._guarding.result().pid)

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
        if self._machine.spark_remote:
            return await _attach(cluster_id, spec, self._machine.spark_remote)
        environment = {"RUST_LOG": "warn", **self._cluster_environment, **spec.spark_env_vars}
        launch = ClusterLaunch(environment, str(log), self._mounts)
        starting = asyncio.create_task(self._start(cluster_main, (launch,)))
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
            await self._kill(child)
            log.unlink(missing_ok=True)
            raise
        if message is None:
            await self._kill(child)
            said = _take_log(log)
            log.unlink(missing_ok=True)
            raise ClusterError(f"Cluster {cluster_id} could not be started. {said}".strip())
        remote = f"sc://{LOOPBACK}:{message['port']}"
        return Cluster(child, cluster_id, spec, remote, asyncio.create_task(_gone(child)))

    async def _discard(self, starting: "asyncio.Task[Child]", log: str) -> None:
        await self._kill(await starting)
        (self._directory / log).unlink(missing_ok=True)

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a Spark Connect server, if it is ours."""
        if cluster.child is None:
            return
        await self._kill(cluster.child)
        await cluster.lost
        (self._directory / f"{cluster.cluster_id}.log").unlink(missing_ok=True)

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
        place = Path(tempfile.mkdtemp(prefix="task-", dir=self._directory))
        log = place / "driver.log"
        work = place / "work"
        launch = TaskLaunch(
            path=notebook.path,
            source=code.source,
            parameters=notebook.parameters,
            spark_remote=cluster.remote,
            spark_places=self._mounts.places if cluster.child is None else None,
            spark_conf=cluster.spec.spark_conf,
            environment=_task_environment(cluster.spec),
            directory=str((work / notebook.path).parent if code.files else work),
            import_root=str(work),
            log=str(log),
            mounts=self._mounts,
        )
        redactor = Redactor()
        child: Child | None = None
        filling = asyncio.create_task(asyncio.to_thread(_fill, work, code.files))
        try:
            await asyncio.shield(filling)
            child = await self._start(task_main, (launch,))
            calls = self._with_secrets(on_call, redactor)
            result = await _follow(child, cluster, on_ready, on_cell, calls)
            if result is None:
                raise DriverLostError(redactor.redact(_take_log(log)))
            return result
        finally:
            if child is not None:
                await self._kill(child)
            # A copy that is still being made would outlive the removal.
            await asyncio.wait({filling})
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

    async def _guard(self) -> Child:
        """The process that ends the others when the server is gone; started before them."""
        if self._guarding is None:
            self._guarding = asyncio.create_task(self._fork(guard_main, ()))
        return await asyncio.shield(self._guarding)

    async def _start(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> Child:
        guard = await self._guard()
        child = await self._fork(target, arguments)
        send(guard.connection, {"pid": child.pid})
        return child

    async def _kill(self, child: Child) -> None:
        """End a process and all that it started."""
        kill_group(child.pid)
        send((await self._guard()).connection, {"pid": child.pid})

    async def _fork(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> Child:
        start: Future[tuple[Any, Connection]] = Future()
        self._orders.put((start, target, arguments))
        try:
            process, connection = await asyncio.shield(asyncio.wrap_future(start))
        except asyncio.CancelledError:
            start.add_done_callback(kill_unwanted)
            raise
        child = Child(process, connection)
        receiver = threading.Thread(
            target=receive,
            args=(connection, process, child.messages, asyncio.get_running_loop()),
            daemon=True,
        )
        receiver.start()
        return child


async def _attach(cluster_id: str, spec: ClusterSpec, remote: str) -> Cluster:
    """A cluster on a server that is there already."""
    try:
        await reach(remote)
    except ConnectionError as error:
        raise ClusterError(f"Cluster {cluster_id} could not be started. {error}") from error
    return Cluster(None, cluster_id, spec, remote, asyncio.get_running_loop().create_future())


async def _gone(child: Child) -> None:
    while await child.messages.get() is not None:
        continue


async def _follow(
    child: Child,
    cluster: Cluster,
    on_ready: Callable[[], None],
    on_cell: Callable[[CellResult], None],
    on_call: OnCall,
) -> TaskResult | None:
    """Read the messages of a task's process up to its result; None if it or its cluster died before that."""
    calls: set[asyncio.Task[None]] = set()
    try:
        while True:
            content = await _next_message(child, cluster)
            if content is None:
                return None
            if "ready" in content:
                on_ready()
            elif "cell" in content:
                on_cell(CellResult.from_dict(content["cell"]))
            elif "call" in content:
                call = asyncio.create_task(_answer(child, content, on_call))
                calls.add(call)
                call.add_done_callback(calls.discard)
            else:
                return TaskResult(
                    content["result"], content["truncated"], content["error"], content["error_trace"]
                )
    finally:
        for call in tuple(calls):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def _next_message(child: Child, cluster: Cluster) -> dict[str, Any] | None:
    """What a task's process sends next; None if it or its cluster died."""
    message = asyncio.ensure_future(child.messages.get())
    try:
        waited: list[asyncio.Future[Any]] = [message, cluster.lost]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not message.done():
            message.cancel()
    return message.result() if message.done() and not message.cancelled() else None


async def _answer(child: Child, content: dict[str, Any], on_call: OnCall) -> None:
    try:
        answer = {"answer": await on_call(content["call"], content["arguments"])}
    except WorkspaceCallError as error:
        answer = {"refusal": str(error)}
    try:
        async with child.sending:
            # In a thread: a process that is too busy to read must not hold up the server.
            await asyncio.to_thread(send, child.connection, {"number": content["number"], **answer})
    except OSError as error:
        _LOG.debug("process %s is gone before its answer: %r", child.pid, error)


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


def _take_log(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-MAX_LOG_CHARACTERS:].strip()
    except FileNotFoundError:
        return ""
