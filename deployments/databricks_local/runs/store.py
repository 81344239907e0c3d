"""Keeps runs in memory and in the database."""

import itertools
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator

from databricks_local.api import errors
from databricks_local.api.bodies import Json
from databricks_local.jobs.specs import RunSpec, TaskSpec
from databricks_local.runs import records, states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.storage.database import Database, Journal, NoJournal

_LOG = logging.getLogger("databricks_local")

NewId = Callable[[], int]
Clock = Callable[[], int]
"""Milliseconds since 1970."""


KEPT_MILLIS = 60 * 24 * 3600 * 1000
"""Docs: runs are kept for 60 days."""


def random_id() -> int:
    """An id of the size that Databricks uses, exact in every JSON reader."""
    return 10**14 + secrets.randbelow(8 * 10**14)


class RunStore:
    """The runs of a workspace.

    Used from the event loop only, so that looking a token up and taking it are one step.
    """

    def __init__(self, clock: Clock, new_id: NewId = random_id, journal: Journal | None = None) -> None:
        self._clock = clock
        self._new_id = new_id
        self._journal: Journal = journal or NoJournal()
        self._runs: dict[int, Run] = {}
        self._runs_by_job: dict[int, dict[int, Run]] = {}
        self._tasks: dict[int, tuple[Run, TaskRun]] = {}
        self._run_id_by_token: dict[str, int] = {}
        self._numbers = itertools.count(1)

    def load(self, database: Database) -> None:
        """Load the runs of an earlier server. Those that were active then end as if their driver was lost."""
        for token, record in database.load("token"):
            self._run_id_by_token[token] = record.get("run_id", 0)
        for name, record in database.load("run"):
            self._add_run(_run_of(int(name), record))
        for name, record in database.load("task"):
            run = self._runs.get(record.get("job_run_id", 0))
            if run is not None:
                self._add_loaded(run, _task_of(int(name), record, run))
        self.forget_old()
        for run in self._runs.values():
            if run.active:
                records.end_as_lost(run, self._clock())
                self.changed(run, *run.tasks, *(each for task in run.tasks for each in task.iterations))

    def forget_old(self) -> None:
        """Forget the runs that ended longer ago than runs are kept."""
        oldest = self._clock() - KEPT_MILLIS
        for run in list(self._runs.values()):
            if not run.active and 0 < run.end_time < oldest:
                self.delete(run)

    def create(self, spec: RunSpec, creator: str, job_id: int = 0) -> tuple[Run, bool]:
        """Make a run, or return the one that was made with the same idempotency token.

        That run may have ended already (docs; airflow#64828).

        Args:
            spec: What to run.
            creator: Who asked for it.
            job_id: The job that it is a run of; 0 for none.

        Returns:
            The run, and whether it is new.

        Raises:
            ApiError: If the run of the token was deleted.
        """
        token = spec.idempotency_token
        known = self._run_id_by_token.get(token) if token else None
        if known is not None:
            if known not in self._runs:
                raise errors.run_of_token_deleted(known)
            return self._runs[known], False
        run_id = self.unused_id()
        # A submitted run has a job id as well (databricks-sdk-py#375).
        run = Run(run_id, job_id or self.unused_id(), spec, creator, [], start_time=self._clock())
        run.parameters = spec.parameters
        run.rounds.append(Round(0, run.start_time, alerts=spec.alerts))
        self._add_run(run)
        # A run of the single-task format and its task are one and the same (flytekit#1935).
        for task in spec.tasks:
            self.add_task(run, task, run_id=run_id if spec.legacy else 0)
        if token:
            self._run_id_by_token[token] = run_id
            self._journal.put("token", token, lambda: {"token": token, "run_id": run_id})
        self.changed(run)
        return run, True

    def _add_run(self, run: Run) -> None:
        run.number = next(self._numbers)
        self._runs[run.run_id] = run
        self._runs_by_job.setdefault(run.job_id, {})[run.run_id] = run

    def _add_loaded(self, run: Run, task: TaskRun) -> None:
        self._tasks[task.run_id] = run, task
        _, parent = self._tasks.get(task.parent_run_id, (run, None))
        siblings = run.tasks if parent is None else parent.iterations
        siblings.append(task)

    def add_task(
        self,
        run: Run,
        spec: TaskSpec,
        before: TaskRun | None = None,
        run_id: int = 0,
        parent: TaskRun | None = None,
        input_index: int = -1,
    ) -> TaskRun:
        """Make an attempt at a task.

        Args:
            run: The run.
            spec: The task.
            before: The attempt before this one.
            run_id: Its id; 0 for a new one.
            parent: For an iteration: the for-each task run.
            input_index: For an iteration: the index of its input.
        """
        task = TaskRun(run_id or self.unused_id(), spec, input_index=input_index)
        task.original_run_id = before.original_run_id if before else task.run_id
        task.attempt_number = before.attempt_number + 1 if before else 0
        task.round = len(run.rounds) - 1
        task.state = states.BLOCKED if spec.depends_on else states.PENDING
        if parent is None:
            run.tasks.append(task)
        else:
            task.parent_run_id = parent.run_id
            parent.iterations.append(task)
        self._tasks[task.run_id] = run, task
        self.changed_task(run, task)
        return task

    def delete(self, run: Run) -> None:
        """Forget a run. Its idempotency token stays taken."""
        del self._runs[run.run_id], self._runs_by_job[run.job_id][run.run_id]
        self._journal.delete("run", run.run_id)
        for task in (each for top in run.tasks for each in (top, *top.iterations)):
            self._tasks.pop(task.run_id, None)
            self._journal.delete("task", task.run_id)
            self._journal.delete("output", task.run_id)

    def changed(self, run: Run, *tasks: TaskRun) -> None:
        """Write a run, and some of its task runs, to the database."""
        self._journal.put("run", run.run_id, lambda: records.run_record(run))
        for task in tasks:
            self.changed_task(run, task)

    def changed_task(self, run: Run, task: TaskRun) -> None:
        """Write a task run to the database."""
        self._journal.put("task", task.run_id, lambda: records.task_record(run, task))

    def put_out(self, task: TaskRun) -> None:
        """Move the output of an ended task run to the database, so that memory does not grow."""

        def forget() -> None:
            task.cells, task.exit_value, task.error_trace, task.logs, task.stored = [], None, "", "", True

        if not task.stored:
            self._journal.put("output", task.run_id, lambda: records.output_record(task), forget)

    async def with_output(self, task: TaskRun) -> TaskRun:
        """A task run with its output, which is read from the database if it is there."""
        if task.stored and isinstance(self._journal, Database):
            record = await self._journal.read("output", task.run_id)
            if record:
                return records.read_output(task, record)
        return task

    def run(self, run_id: int) -> Run | None:
        """The run of this id."""
        return self._runs.get(run_id)

    def task(self, run_id: int) -> tuple[Run, TaskRun] | None:
        """The task run of this id, and the run that it is part of."""
        return self._tasks.get(run_id)

    def outermost(self, run: Run) -> Run:
        """The run itself; of one that a task of another run started, the first of them."""
        while (parent := self._tasks.get(run.spec.trigger_run_id)) is not None:
            run, _ = parent
        return run

    def newest_first(self) -> Iterator[Run]:
        """All runs, the one that started last first."""
        return reversed(self._runs.values())

    def of_job(self, job_id: int) -> Iterable[Run]:
        """The runs of a job, the oldest first."""
        return list(self._runs_by_job.get(job_id, {}).values())

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self._clock()

    def unused_id(self) -> int:
        """A new id."""
        while True:
            candidate = self._new_id()
            if candidate not in self._runs and candidate not in self._tasks:
                return candidate


def _run_of(run_id: int, record: Json) -> Run:
    try:
        return records.read_run(record)
    except records.UnreadableRecordError as error:
        _LOG.warning("run %s cannot be read any more: %s", run_id, error)
        return records.unreadable_run(run_id, record, str(error))


def _task_of(task_run_id: int, record: Json, run: Run) -> TaskRun:
    try:
        return records.read_task(record, run)
    except records.UnreadableRecordError as error:
        _LOG.warning("task run %s cannot be read any more: %s", task_run_id, error)
        return records.unreadable_task(task_run_id, record, str(error))
