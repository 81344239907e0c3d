"""A run as it stands, read from the JSON of `jobs/runs/get`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from databricks_blocks.run.states import RunState


@dataclass(frozen=True)
class TaskAttempt:
    """One attempt at one task.

    Attributes:
        generation: Number of the run that it belongs to: 0 for the first, 1 for the one that was launched in
            place of a refused repair, and so on.
        start_time: Epoch milliseconds; 0 before the start. `end_time` likewise.
        queue_duration: Milliseconds; `setup_duration` and `execution_duration` likewise.
        has_output: Whether `jobs/runs/get-output` has more than the run shows: not for conditions and loops.
        outcome: Of a condition task, `true` or `false`.
        iterations: Of a for-each task: how many iterations have ended, and how many there are.
    """

    task_key: str
    run_id: int
    attempt_number: int
    state: RunState
    run_page_url: str = ""
    upstream: tuple[str, ...] = ()
    generation: int = 0
    start_time: int = 0
    end_time: int = 0
    queue_duration: int = 0
    setup_duration: int = 0
    execution_duration: int = 0
    cluster_id: str = ""
    has_output: bool = True
    outcome: str = ""
    iterations: tuple[int, int] | None = None

    @property
    def failed_itself(self) -> bool:
        """Whether this attempt caused the failure, and was not left out because of another task."""
        return self.state.is_terminal and not self.state.is_success and not self.state.is_left_out


@dataclass(frozen=True)
class RunSnapshot:
    """A run and all attempts at its tasks; the attempts at one task are in their order in time.

    Attributes:
        repair_ids: Ids of the repairs that the run lists, in order; needs `include_history` in the request.
        start_time: Epoch milliseconds; `end_time` likewise, 0 while the run is active.
    """

    run_id: int
    state: RunState
    run_page_url: str = ""
    run_name: str = ""
    job_id: int = 0
    attempts: tuple[TaskAttempt, ...] = ()
    repair_ids: tuple[int, ...] = ()
    start_time: int = 0
    end_time: int = 0

    @property
    def tasks(self) -> tuple[TaskAttempt, ...]:
        """The latest attempt at each task, in the order in which the API lists the tasks first."""
        return tuple({attempt.task_key: attempt for attempt in self.attempts}.values())

    @property
    def failed(self) -> tuple[TaskAttempt, ...]:
        """The latest attempts that caused the failure."""
        return tuple(task for task in self.tasks if task.failed_itself)

    @classmethod
    def from_json(cls, run: Mapping[str, Any]) -> RunSnapshot:
        """Read a run.

        Args:
            run: The answer of `jobs/runs/get`, its pages merged. `tasks` holds an entry for every attempt, in
                no order (airflow#72313).
        """
        raw = run.get("tasks") or ()
        first_listed = {task.get("task_key"): index for index, task in reversed(list(enumerate(raw)))}
        attempts = sorted(
            map(_task_attempt, raw),
            key=lambda attempt: (
                first_listed[attempt.task_key],
                attempt.attempt_number,
                attempt.start_time,
                attempt.run_id,
            ),
        )
        return cls(
            run_id=int(run["run_id"]),
            state=RunState.from_json(run),
            run_page_url=run.get("run_page_url") or "",
            run_name=run.get("run_name") or "",
            job_id=int(run.get("job_id") or 0),
            attempts=tuple(attempts),
            repair_ids=tuple(
                int(item["id"]) for item in run.get("repair_history") or () if item.get("id") is not None
            ),
            start_time=int(run.get("start_time") or 0),
            end_time=int(run.get("end_time") or 0),
        )


@dataclass(frozen=True)
class RunHistory:
    """The runs before the current one, where runs were launched in place of refused repairs.

    Attributes:
        earlier: The runs as they ended, each followed by the one that ran its failed tasks again.
        repairs: How many repairs there were before the current run; a run in place of one counts as one.
    """

    earlier: tuple[RunSnapshot, ...] = ()
    repairs: int = 0

    def joined(self, run: RunSnapshot) -> RunSnapshot:
        """See the current run and those before it as one: the current run, with the attempts of all."""
        attempts = [
            replace(attempt, generation=generation)
            for generation, each in enumerate([*self.earlier, run])
            for attempt in each.attempts
        ]
        return replace(run, attempts=tuple(attempts))

    def repairs_with(self, run: RunSnapshot) -> int:
        """How many repairs there were, those of the current run included."""
        return self.repairs + len(run.repair_ids)

    def replaced(self, run: RunSnapshot) -> RunHistory:
        """The history after a run was launched in place of a repair of the current one."""
        return RunHistory((*self.earlier, run), self.repairs_with(run) + 1)

    def started_over(self) -> RunHistory:
        """The history after the whole job was launched again."""
        return RunHistory((), self.repairs)


def _task_attempt(task: Mapping[str, Any]) -> TaskAttempt:
    stats = ((task.get("for_each_task") or {}).get("stats") or {}).get("task_run_stats") or {}
    total = stats.get("total_iterations")
    return TaskAttempt(
        task_key=task.get("task_key") or "",
        run_id=int(task["run_id"]),
        attempt_number=int(task.get("attempt_number") or 0),
        state=RunState.from_json(task),
        run_page_url=task.get("run_page_url") or "",
        upstream=tuple(dependency["task_key"] for dependency in task.get("depends_on") or ()),
        start_time=int(task.get("start_time") or 0),
        end_time=int(task.get("end_time") or 0),
        queue_duration=int(task.get("queue_duration") or 0),
        setup_duration=int(task.get("setup_duration") or 0),
        execution_duration=int(task.get("execution_duration") or 0),
        cluster_id=(task.get("cluster_instance") or {}).get("cluster_id") or "",
        has_output="condition_task" not in task and "for_each_task" not in task,
        outcome=(task.get("condition_task") or {}).get("outcome") or "",
        iterations=None if total is None else (int(stats.get("completed_iterations") or 0), int(total)),
    )
