"""Drives runs: asks the scheduler what is next, and does it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from deployments.local.workspace import scheduling, states
from deployments.local.workspace.execution import Cluster, ClusterError, DriverLostError, TaskResult
from deployments.local.workspace.models import ClusterSpec, NotebookSpec, Run, TaskRun
from deployments.local.workspace.runtime.outputs import CellResult
from deployments.local.workspace.states import State
from deployments.local.workspace.store import Clock

_LOG = logging.getLogger("deployments.local.workspace")

MAX_RUNNING_TASKS = 16
"""Tasks that run at once; more wait for a cluster. Bounds the memory, since each has a Spark server."""


class TaskExecutor(Protocol):
    """What the runner needs in order to run notebooks."""

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a cluster."""

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a cluster."""

    async def run_notebook(
        self,
        cluster: Cluster,
        notebook: NotebookSpec,
        source: str,
        on_ready: Callable[[], None],
        on_cell: Callable[[CellResult], None],
    ) -> TaskResult:
        """Run a notebook to its end."""


class Runner:
    """The runs that are under way."""

    def __init__(
        self,
        executor: TaskExecutor,
        notebook_source: Callable[[str], str | None],
        clock: Clock,
        max_running_tasks: int = MAX_RUNNING_TASKS,
    ) -> None:
        self._executor = executor
        self._notebook_source = notebook_source
        self._clock = clock
        self._slots = asyncio.Semaphore(max_running_tasks)
        self._drives: dict[int, asyncio.Task[None]] = {}
        self._stops: dict[int, asyncio.Future[State]] = {}
        self._endings: dict[int, State] = {}

    def start(self, run: Run) -> None:
        """Run a run in the background."""
        drive = asyncio.create_task(self._drive(run), name=f"run-{run.run_id}")
        self._drives[run.run_id] = drive
        drive.add_done_callback(lambda done: self._ended(run, done))

    def cancel_run(self, run: Run, ending: State = states.USER_CANCELED) -> None:
        """Stop a run and all of its tasks. Nothing happens if it has ended."""
        if run.state.terminal or run.run_id in self._endings:
            return
        self._endings[run.run_id] = ending
        self._set_run(run, states.terminating(ending.message))
        for task in run.tasks:
            self.cancel_task(task, ending)

    def cancel_task(self, task: TaskRun, ending: State = states.USER_CANCELED) -> None:
        """Stop one task. Those that depend on it are decided by their `run_if`."""
        if task.state.terminal:
            return
        stop = self._stops.get(task.run_id)
        if stop is None:
            self._set_task(task, ending)
        elif not stop.done():
            stop.set_result(ending)

    async def close(self) -> None:
        """End everything that runs."""
        for drive in self._drives.values():
            drive.cancel()
        await asyncio.gather(*self._drives.values(), return_exceptions=True)

    def _ended(self, run: Run, drive: "asyncio.Task[None]") -> None:
        del self._drives[run.run_id]
        self._endings.pop(run.run_id, None)
        error = None if drive.cancelled() else drive.exception()
        if error is not None:
            # Nothing of a run may stay active that nobody drives any more.
            _LOG.error("run %s: error in the workspace", run.run_id, exc_info=error)
            broken = states.workspace_failure(repr(error))
            for task in run.tasks:
                if not task.state.terminal:
                    self._set_task(task, broken)
            run.end_time = self._clock()
            self._set_run(run, broken)

    async def _drive(self, run: Run) -> None:
        watchdog = asyncio.create_task(self._limit(run))
        active: dict[asyncio.Task[None], str] = {}
        started: set[str] = set()
        try:
            while True:
                step = scheduling.next_step(run.latest(), started)
                self._settle(run, step)
                for key in step.start:
                    active[asyncio.create_task(self._run_task(run, run.latest()[key]))] = key
                    started.add(key)
                if active:
                    done, _ = await asyncio.wait(active, return_when=asyncio.FIRST_COMPLETED)
                    for finished in done:
                        del active[finished]
                        finished.result()
                elif not step.settle:
                    break
        finally:
            watchdog.cancel()
            for task in active:
                task.cancel()
            await asyncio.gather(*active, return_exceptions=True)
        run.end_time = self._clock()
        self._set_run(run, self._endings.get(run.run_id) or scheduling.run_outcome(run.latest()))

    def _settle(self, run: Run, step: scheduling.Step) -> None:
        tasks = run.latest()
        for key, state in step.settle.items():
            self._set_task(tasks[key], state)

    async def _limit(self, run: Run) -> None:
        if run.spec.timeout_seconds:
            await asyncio.sleep(run.spec.timeout_seconds)
            self.cancel_run(run, states.TIMED_OUT)

    async def _run_task(self, run: Run, task: TaskRun) -> None:
        """Run one task until it ends, its time is over, or it is stopped."""
        stop: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._stops[task.run_id] = stop
        task.start_time = self._clock()
        self._set_task(task, states.PENDING)
        work = asyncio.create_task(self._work(run, task))
        try:
            await asyncio.wait(
                {work, stop}, timeout=task.spec.timeout_seconds or None, return_when=asyncio.FIRST_COMPLETED
            )
            if work.done():
                ending = work.result()
            else:
                ending = stop.result() if stop.done() else states.TIMED_OUT
                self._set_task(task, states.terminating(ending.message))
        finally:
            del self._stops[task.run_id]
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        task.end_time = self._clock()
        self._set_task(task, ending)

    async def _work(self, run: Run, task: TaskRun) -> State:
        """Run the notebook on a cluster of its own and say how it ended."""
        source = self._notebook_source(task.spec.notebook.path)
        if source is None:
            missing = states.notebook_missing(task.spec.notebook.path, run.creator)
            task.error = missing.message
            return missing
        async with self._slots:
            task.cluster_id = f"local-{task.run_id}"
            try:
                cluster = await self._executor.start_cluster(task.cluster_id, task.spec.cluster)
            except (ClusterError, TimeoutError) as error:
                task.error = str(error) or "The cluster did not start in time."
                return states.cluster_failure(task.error)
            try:
                return await self._execute(run, task, cluster, source)
            finally:
                await self._executor.stop_cluster(cluster)

    async def _execute(self, run: Run, task: TaskRun, cluster: Cluster, source: str) -> State:
        def ready() -> None:
            task.ready_time = self._clock()
            self._set_task(task, states.RUNNING)
            if run.state == states.PENDING:
                self._set_run(run, states.RUNNING)

        try:
            result = await self._executor.run_notebook(
                cluster, task.spec.notebook, source, ready, task.cells.append
            )
        except DriverLostError as error:
            task.error = states.DRIVER_LOST.message
            task.error_trace = str(error)
            return states.DRIVER_LOST
        task.exit_value, task.exit_truncated = result.exit_value, result.exit_truncated
        task.error, task.error_trace = result.error, result.error_trace
        return states.WORKLOAD_FAILURE if result.error else states.SUCCESS

    def _set_run(self, run: Run, state: State) -> None:
        run.state = state
        _LOG.info("run %s (%s): %s", run.run_id, run.spec.name, describe(state))

    def _set_task(self, task: TaskRun, state: State) -> None:
        task.state = state
        if state.terminal and not task.end_time and task.start_time:
            task.end_time = self._clock()


def describe(state: State) -> str:
    """A state in a few words, for people."""
    return f"{state.life_cycle} {state.result}" if state.result else str(state.life_cycle)
