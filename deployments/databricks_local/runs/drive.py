"""Drives one run, or one repair of a run, from its start to its end."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from databricks_local.api.links import Links
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.task_executor import TaskExecutor
from databricks_local.git.checkouts import Checkouts
from databricks_local.runs import scheduling, states
from databricks_local.runs.checkout import RunCheckout, Surroundings
from databricks_local.runs.job_clusters import JobClusters
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.retries import seconds_until_retry
from databricks_local.runs.states import LifeCycle, State
from databricks_local.runs.store import Clock, RunStore

_LOG = logging.getLogger("databricks_local")


@dataclass
class Tools:
    """What the drives of a workspace have in common.

    Attributes:
        executor: Runs notebooks.
        notebook_source: Finds the source of a notebook.
        file_source: Finds the text of a Python or SQL file.
        clusters: The all-purpose clusters.
        checkouts: Makes checkouts of repositories.
        store: Where runs are kept.
        clock: The time.
        links: Where the workspace is.
        task_slots: Bounds how many notebooks run at once.
        run_slots: Bounds how many runs hold shared clusters at once.
        start_job: Starts a run of a job for a task of another run.
        start_notebook: Starts a notebook on the cluster of the task that asks for it.
        wait_for: Waits for the end of such a run, and cancels it if the wait is cancelled.
    """

    executor: TaskExecutor
    notebook_source: Callable[[str], str | None]
    file_source: Callable[[str], str | None]
    clusters: ClusterRegistry
    checkouts: Checkouts
    store: RunStore
    clock: Clock
    links: Links
    task_slots: asyncio.Semaphore
    run_slots: asyncio.Semaphore
    start_job: Callable[[Run, TaskRun, dict[str, Any]], Run]
    start_notebook: Callable[["Drive", TaskRun, Cluster, dict[str, Any]], Run]
    wait_for: Callable[[Run], Awaitable[None]]


Work = Callable[["Drive", TaskRun, tuple[Any, ...]], Awaitable[State]]
"""Does the work of a task and returns how it ended. The last argument holds the input of an iteration."""


class Drive:
    """A run while it is under way."""

    def __init__(
        self,
        run: Run,
        tasks: Iterable[TaskRun],
        tools: Tools,
        work: Work,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Set up.

        Args:
            run: The run.
            tasks: The attempts to make now. A repair leaves out the tasks that it keeps.
            tools: What all drives have in common.
            work: Does the work of tasks.
            surroundings: For a run that a notebook started: where that notebook runs.
        """
        self.run = run
        self.tools = tools
        self.cluster = surroundings.cluster if surroundings else None
        self._own_checkout = RunCheckout(tools.checkouts, run, tools.store.changed)
        self.checkout = surroundings.checkout if surroundings else self._own_checkout
        self.closing = False
        self.current = {task.spec.key: task for task in tasks}
        self.latest = {**run.latest(), **self.current}
        name = f"local-{run.run_id}" if len(run.rounds) == 1 else f"local-{run.run_id}-{len(run.rounds) - 1}"
        # A nested run takes no slot: the run that waits for it may hold the last one.
        slots = None if run.spec.ancestors else tools.run_slots
        self.outermost_run_id = tools.store.outermost(run).run_id
        self.clusters = JobClusters(tools.executor, name, slots, self.outermost_run_id)
        self._work = work
        self._stops: dict[int, asyncio.Future[State]] = {}
        self._stopped: set[int] = set()
        self._ending: State | None = None
        self._ended: asyncio.Queue[tuple[str, asyncio.Task[None]]] = asyncio.Queue()
        self._active: set[asyncio.Task[None]] = set()

    async def to_the_end(self) -> None:
        """Run all tasks, then set how the run ended."""
        watchdog = asyncio.create_task(self._limit())
        self._own_checkout.begin()
        kept = {
            key: ending
            for key, task in self.latest.items()
            if key not in self.current and (ending := scheduling.ending_of(task)) is not None
        }
        progress = scheduling.Progress([task.spec for task in self.current.values()], kept)
        try:
            self._follow(progress, progress.begin())
            while self._active:
                key, finished = await self._ended.get()
                self._active.discard(finished)
                finished.result()
                ending = scheduling.ending_of(self.current[key])
                if ending is None:
                    raise RuntimeError(f"Task {key} stopped without an ending.")
                self._follow(progress, progress.ended(key, ending))
        finally:
            watchdog.cancel()
            for task in self._active:
                task.cancel()
            await asyncio.gather(*self._active, return_exceptions=True)
            await self.clusters.stop()
            await self._own_checkout.close()
        self.end_run(self._ending or scheduling.run_outcome(self.latest))

    def cancel(self, ending: State) -> None:
        """Stop all tasks that have not ended."""
        if self._ending is not None or self.run.state.terminal:
            return
        self._ending = ending
        self.set_run(states.terminating(ending.message))
        for task in self.current.values():
            self.stop_task(task, ending)

    def stop_task(self, task: TaskRun, ending: State) -> None:
        """Stop one task. Its dependents go on or are skipped, as their `run_if` says."""
        # Even if it has ended already, there is no further attempt.
        self._stopped.add(task.run_id)
        for iteration in task.iterations:
            self.stop_task(iteration, ending)
        if task.state.terminal:
            return
        stop = self._stops.get(task.run_id)
        if stop is None:
            self.set_task(task, ending)
        elif not stop.done():
            stop.set_result(ending)

    def end_run(self, state: State) -> None:
        """End the run, or this repair of it."""
        self.run.end_time = self.tools.clock()
        self.run.rounds[-1].end_time = self.run.end_time
        self.set_run(state)

    def fail(self, state: State) -> None:
        """End all tasks and the run: without a drive, nothing may stay active."""
        for task in (each for top in self.current.values() for each in (top, *top.iterations)):
            if not task.state.terminal:
                self.set_task(task, state)
        self.end_run(state)

    async def attempts(
        self, task: TaskRun, inputs: tuple[Any, ...] = (), parent: TaskRun | None = None
    ) -> TaskRun:
        """Run a task, with the retries of its settings.

        Args:
            task: The first attempt.
            inputs: Empty; in an iteration, its input.
            parent: Of an iteration, the for-each task run.

        Returns:
            The last attempt.
        """
        made = 1
        # The time of the event loop, which nobody turns.
        real = asyncio.get_running_loop()
        while True:
            begun = real.time()
            await self._attempt(task, inputs)
            since_start = round((real.time() - begun) * 1_000)
            pause = seconds_until_retry(task.spec.retry, task.state, made, since_start)
            if pause is None or self._ending is not None or task.run_id in self._stopped:
                return task
            task = self.tools.store.add_task(
                self.run, task.spec, before=task, parent=parent, input_index=task.input_index
            )
            if parent is None:
                self.current[task.spec.key] = self.latest[task.spec.key] = task
            made += 1
            if not await self._pause(task, pause):
                return task

    def set_run(self, state: State) -> None:
        """Set the state of the run."""
        self.run.state = self.run.rounds[-1].state = state
        self.tools.store.changed(self.run)
        _LOG.info("run %s (%s): %s", self.run.run_id, self.run.spec.name, states.describe(state))

    def set_task(self, task: TaskRun, state: State) -> None:
        """Set the state of a task."""
        task.state = state
        if state.terminal:
            task.settled_time = self.tools.clock()
            if task.start_time:
                task.end_time = task.end_time or task.settled_time
        if state.life_cycle is LifeCycle.RUNNING:
            task.ready_time = self.tools.clock()
            if self.run.state.life_cycle is LifeCycle.PENDING:
                self.set_run(states.RUNNING)
        self.tools.store.changed_task(self.run, task)
        if state.terminal:
            self.tools.store.put_out(task)

    def _follow(self, progress: scheduling.Progress, first: scheduling.Step) -> None:
        steps = deque([first])
        while steps:
            step = steps.popleft()
            for key, state in step.settle.items():
                if not self.current[key].state.terminal:
                    self.set_task(self.current[key], state)
            for key in step.start:
                # A task may have been cancelled before its turn came.
                ending = scheduling.ending_of(self.current[key])
                if ending is None:
                    self._start(key)
                else:
                    steps.append(progress.ended(key, ending))

    def _start(self, key: str) -> None:
        started = asyncio.create_task(self._task(key))
        self._active.add(started)
        started.add_done_callback(lambda done: self._ended.put_nowait((key, done)))

    async def _task(self, key: str) -> None:
        await self.attempts(self.current[key])

    async def _limit(self) -> None:
        if self.run.spec.timeout_seconds:
            await asyncio.sleep(self.run.spec.timeout_seconds)
            self.cancel(states.TIMED_OUT)

    async def _pause(self, task: TaskRun, seconds: float) -> bool:
        """Wait for the next attempt; whether it is still wanted then."""
        if not seconds:
            return True
        stop: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._stops[task.run_id] = stop
        self.set_task(task, states.WAITING_FOR_RETRY)
        try:
            await asyncio.wait({stop}, timeout=seconds)
        finally:
            del self._stops[task.run_id]
        if stop.done():
            self.set_task(task, stop.result())
        return not stop.done()

    async def _attempt(self, task: TaskRun, inputs: tuple[Any, ...]) -> None:
        """Run a task until it ends, its time is over, or it is stopped."""
        stop: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._stops[task.run_id] = stop
        task.start_time = self.tools.clock()
        self.set_task(task, states.PENDING)
        work = asyncio.ensure_future(self._work(self, task, inputs))
        try:
            await asyncio.wait(
                {work, stop}, timeout=task.spec.timeout_seconds or None, return_when=asyncio.FIRST_COMPLETED
            )
            if work.done():
                ending = self._ending_of_work(task, work)
            else:
                ending = stop.result() if stop.done() else states.TIMED_OUT
                for iteration in task.iterations:
                    self.stop_task(iteration, ending)
                self.set_task(task, states.terminating(ending.message))
        finally:
            del self._stops[task.run_id]
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        task.end_time = self.tools.clock()
        self.set_task(task, ending)

    def _ending_of_work(self, task: TaskRun, work: "asyncio.Future[State]") -> State:
        """How the work of a task ended. An error of the workspace in it is this task's alone."""
        error = work.exception()
        if error is None:
            return work.result()
        _LOG.error("task run %s: error in the workspace", task.run_id, exc_info=error)
        task.error = repr(error)
        return states.workspace_failure(task.error)
