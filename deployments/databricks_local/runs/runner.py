"""The active runs: starts them, stops them, and starts queued ones when others end."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from databricks_local.api import errors
from databricks_local.api.bodies import Json
from databricks_local.api.links import Links
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.task_executor import TaskExecutor
from databricks_local.git.checkouts import Checkouts
from databricks_local.jobs.specs import NotebookSpec, PythonFileSpec, RunSpec, RunType, TaskSpec
from databricks_local.jobs.submit_request import key_of
from databricks_local.runs import states
from databricks_local.runs.checkout import Surroundings
from databricks_local.runs.drive import Drive, Tools, Work
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.states import State
from databricks_local.runs.store import Clock, RunStore

_LOG = logging.getLogger("databricks_local")

MAX_RUNNING_TASKS = 16
"""Notebooks that run at once, and runs that hold shared clusters; more wait. Bounds the memory."""


class Runner:
    """The runs that are under way."""

    def __init__(
        self,
        executor: TaskExecutor,
        notebook_source: Callable[[str], str | None],
        file_source: Callable[[str], str | None],
        checkouts: Checkouts,
        clusters: ClusterRegistry,
        store: RunStore,
        clock: Clock,
        links: Links,
        work: Work,
        max_running_tasks: int = MAX_RUNNING_TASKS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._drives: dict[int, Drive] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}
        self._closing = False
        self.on_end: Callable[[Run], None] = lambda _: None
        self._work = work
        self.tools = Tools(
            executor=executor,
            notebook_source=notebook_source,
            file_source=file_source,
            checkouts=checkouts,
            clusters=clusters,
            store=store,
            clock=clock,
            links=links,
            task_slots=asyncio.Semaphore(max_running_tasks),
            run_slots=asyncio.Semaphore(max_running_tasks),
            start_job=_no_jobs,
            start_notebook=self._start_notebook,
            wait_for=self._wait_for,
        )

    def start(
        self,
        run: Run,
        tasks: Iterable[TaskRun] | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Run a run in the background.

        Args:
            run: The run.
            tasks: The attempts of a repair; None for all tasks.
            surroundings: For a run that a notebook started: where that notebook runs.
        """
        drive = Drive(run, run.tasks if tasks is None else tasks, self.tools, self._work, surroundings)
        work = asyncio.create_task(drive.to_the_end(), name=f"run-{run.run_id}")
        self._drives[run.run_id] = drive
        self._tasks[run.run_id] = work
        work.add_done_callback(lambda done: self._ended(drive, done))

    def start_later(self, run: Run, seconds: float, begin: Callable[[], None]) -> None:
        """Begin a repair after some seconds; until then the run looks unchanged."""
        timer = asyncio.get_running_loop().call_later(seconds, self._begin_now, run)
        self._waiting[run.run_id] = timer, begin

    def cancel_run(self, run: Run, ending: State = states.USER_CANCELED) -> None:
        """Stop a run and all of its tasks. Nothing happens if it has ended."""
        # A repair that is not visible yet is cancelled, too, and becomes visible by that.
        self._begin_now(run)
        drive = self._drives.get(run.run_id)
        if drive is not None:
            drive.cancel(ending)
        elif run.state.life_cycle is states.LifeCycle.QUEUED:
            end_without_start(run, ending, self._store, self._clock())
            self.on_end(run)

    def cancel_task(self, run: Run, task: TaskRun, ending: State = states.USER_CANCELED) -> None:
        """Stop one task. Its dependents go on or are skipped, as their `run_if` says."""
        if run.run_id in self._waiting:
            # The caller cannot know the attempt of a repair that is not visible yet, but means it.
            self._begin_now(run)
            task = run.latest_of(task)
        drive = self._drives.get(run.run_id)
        if drive is not None:
            drive.stop_task(task, ending)

    async def close(self) -> None:
        """Stop all runs. They stay active in the database, and the next server ends them as lost."""
        self._closing = True
        for timer, _ in self._waiting.values():
            timer.cancel()
        for drive in self._drives.values():
            drive.closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin_now(self, run: Run) -> None:
        """Begin the repair of a run that is not visible yet, if there is one."""
        waiting = self._waiting.pop(run.run_id, None)
        if waiting is not None:
            timer, begin = waiting
            timer.cancel()
            begin()

    def _ended(self, drive: Drive, done: "asyncio.Task[None]") -> None:
        run = drive.run
        # A repair may have begun between the end of the run and this call.
        if self._drives.get(run.run_id) is drive:
            del self._drives[run.run_id], self._tasks[run.run_id]
        error = None if done.cancelled() else done.exception()
        if error is not None:
            _LOG.error("run %s: error in the workspace", run.run_id, exc_info=error)
            drive.fail(states.workspace_failure(repr(error)))
        if not self._closing:
            self.on_end(run)

    async def _wait_for(self, run: Run) -> None:
        work = self._tasks.get(run.run_id)
        try:
            # A queued run has no drive yet.
            while run.active:
                await (asyncio.wait({work}) if work else asyncio.sleep(0.05))
                work = self._tasks.get(run.run_id)
        except asyncio.CancelledError:
            if not self._closing:
                self.cancel_run(run)
                if work is not None:
                    await asyncio.wait({work})
            raise

    def _start_notebook(
        self, drive: Drive, task: TaskRun, cluster: Cluster, arguments: dict[str, Any]
    ) -> Run:
        """Start what `dbutils.notebook.run` asks for, on the cluster of the notebook that asks."""
        path, timeout = str(arguments["path"]), int(arguments["timeout_seconds"])
        parameters = {str(name): str(value) for name, value in arguments["arguments"].items()}
        key = key_of(path.rpartition("/")[2]) or "notebook"
        # Paths in a repository are relative.
        caller = task.spec.body
        from_git = isinstance(caller, NotebookSpec | PythonFileSpec) and caller.git
        if not from_git and not path.startswith("/"):
            # The caller is not in the workspace, so that there is nothing to be relative to.
            raise errors.relative_notebook()
        body = NotebookSpec(path, parameters, git=from_git and not path.startswith("/"))
        source = "GIT" if body.git else "WORKSPACE"
        raw: Json = {
            "task_key": key,
            "notebook_task": {"notebook_path": path, "base_parameters": parameters, "source": source},
            "new_cluster": {},
        }
        task_spec = TaskSpec(key, body, task.spec.cluster, raw=raw)
        ancestors = (*drive.run.spec.ancestors, drive.run.job_id)
        spec = RunSpec(
            path, (task_spec,), timeout, legacy=True, run_type=RunType.WORKFLOW_RUN, ancestors=ancestors
        )
        run, _ = self._store.create(spec, drive.run.creator)
        self.start(run, surroundings=Surroundings(cluster, drive.checkout))
        return run


def end_without_start(run: Run, state: State, store: RunStore, now: int) -> None:
    """End a run before any of its tasks started."""
    for task in run.tasks:
        task.state, task.settled_time = state, now
    run.state = run.rounds[-1].state = state
    run.end_time = run.rounds[-1].end_time = now
    store.changed(run, *run.tasks)
    _LOG.info("run %s (%s): %s %s", run.run_id, run.spec.name, state.life_cycle, state.result)


def _no_jobs(_: Run, __: TaskRun, ___: dict[str, Any]) -> Run:
    raise RuntimeError("Nothing starts jobs here.")
