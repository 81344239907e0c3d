"""Where runs are kept: in memory, behind the few questions that the API asks."""

import secrets
from collections.abc import Callable, Iterator

from deployments.local.workspace import states
from deployments.local.workspace.models import Run, RunSpec, TaskRun

NewId = Callable[[], int]
Clock = Callable[[], int]
"""Milliseconds since 1970."""


def random_id() -> int:
    """An id of the size that Databricks uses, exact in every JSON reader."""
    return 10**14 + secrets.randbelow(8 * 10**14)


class RunStore:
    """The runs of a workspace.

    Used from the event loop only, so that looking a token up and taking it are one step.
    """

    def __init__(self, clock: Clock, new_id: NewId = random_id) -> None:
        self._clock = clock
        self._new_id = new_id
        self._runs: dict[int, Run] = {}
        self._run_by_task: dict[int, Run] = {}
        self._run_by_token: dict[str, Run] = {}

    def create(self, spec: RunSpec, creator: str) -> tuple[Run, bool]:
        """Make a run, or find the one that took the same idempotency token before.

        A token also returns a run that finished or failed (docs; airflow#64828).

        Returns:
            The run, and whether it is new.
        """
        known = self._run_by_token.get(spec.idempotency_token) if spec.idempotency_token else None
        if known is not None:
            return known, False
        run_id = self._unused_id()
        # A run of the single-task format and its task are one and the same (flytekit#1935).
        tasks = [TaskRun(run_id if spec.legacy else self._unused_id(), task) for task in spec.tasks]
        for task in tasks:
            task.state = states.BLOCKED if task.spec.depends_on else states.PENDING
        # A submitted run has a job id as well (databricks-sdk-py#375).
        run = Run(run_id, self._unused_id(), spec, creator, tasks, start_time=self._clock())
        self._runs[run_id] = run
        self._run_by_task.update((task.run_id, run) for task in tasks)
        if spec.idempotency_token:
            self._run_by_token[spec.idempotency_token] = run
        return run, True

    def run(self, run_id: int) -> Run | None:
        """The run of this id."""
        return self._runs.get(run_id)

    def task(self, run_id: int) -> tuple[Run, TaskRun] | None:
        """The task run of this id, and the run that it is part of."""
        run = self._run_by_task.get(run_id)
        if run is None:
            return None
        return run, next(task for task in run.tasks if task.run_id == run_id)

    def newest_first(self) -> Iterator[Run]:
        """All runs, the one that started last first."""
        return reversed(self._runs.values())

    def _unused_id(self) -> int:
        while True:
            candidate = self._new_id()
            if candidate not in self._runs and candidate not in self._run_by_task:
                return candidate
