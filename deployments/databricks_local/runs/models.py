"""Runs and task runs: the state of what was asked for."""

from dataclasses import dataclass, field
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.jobs.specs import Parameters, RunSpec, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.states import State
from databricks_local.runtime.outputs import CellResult


@dataclass
class TaskRun:
    """One attempt at one task. Times are milliseconds since 1970, 0 while they are not known.

    Attributes:
        run_id: Its id.
        spec: The task.
        state: How far it is.
        attempt_number: Which attempt at the task it is, repairs included, from 0.
        original_run_id: The id of the first attempt.
        round: The repair that it belongs to; 0 is the original run.
        parent_run_id: Of an iteration, the for-each task run; otherwise 0.
        outcome: Of a condition, `true` or `false`.
        resolved: `resolved_values`, once the references are resolved.
        values: The task values that it set, each as JSON.
        child_run_id: The run that a `run_job_task` started.
        iterations: The attempts that a for-each task made at its inputs.
        total_iterations: How many inputs a for-each task has.
        logs: The end of what a program wrote.
        logs_truncated: Whether it wrote more.
        input_index: Of an iteration, which of the inputs it has; otherwise -1.
        kept: Of a for-each task, the ids of iterations that succeeded before and do not run again.
        settled_time: When its state became final, also if it never started and has no times of its own.
        stored: Whether its output is only in the database.
        sql_output: Of a SQL task, which statements it executed.
    """

    run_id: int
    spec: TaskSpec
    state: State = states.BLOCKED
    attempt_number: int = 0
    original_run_id: int = 0
    round: int = 0
    parent_run_id: int = 0
    start_time: int = 0
    ready_time: int = 0
    end_time: int = 0
    cluster_id: str = ""
    exit_value: str | None = None
    exit_truncated: bool = False
    error: str = ""
    error_trace: str = ""
    outcome: str = ""
    resolved: dict[str, Any] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    child_run_id: int = 0
    total_iterations: int = 0
    input_index: int = -1
    kept: list[int] = field(default_factory=list)
    settled_time: int = 0
    cells: list[CellResult] = field(default_factory=list)
    iterations: list["TaskRun"] = field(default_factory=list)
    logs: str = ""
    logs_truncated: bool = False
    stored: bool = False
    sql_output: dict[str, Any] = field(default_factory=dict)

    @property
    def setup_duration(self) -> int:
        """Milliseconds until the cluster was there."""
        return max(self.ready_time - self.start_time, 0)

    @property
    def execution_duration(self) -> int:
        """Milliseconds for which the task ran."""
        return max(self.end_time - self.ready_time, 0) if self.ready_time else 0


@dataclass
class Round:
    """The original run or a repair of it: an item of `repair_history`. The last one's state is the run's.

    Its `alerts` are those of its time: a job may ask for others before the next repair.
    """

    repair_id: int
    start_time: int
    end_time: int = 0
    state: State = states.PENDING
    alerts: Json = field(default_factory=dict)


@dataclass
class Run:
    """A run and the attempts at its tasks. `number` counts the runs of a server, in their order."""

    run_id: int
    job_id: int
    spec: RunSpec
    creator: str
    tasks: list[TaskRun]
    start_time: int
    state: State = states.PENDING
    end_time: int = 0
    parameters: Parameters = field(default_factory=Parameters)
    rounds: list[Round] = field(default_factory=list)
    queued_until: int = 0
    pending_repair_id: int = 0
    used_commit: str = ""
    number: int = 0

    @property
    def active(self) -> bool:
        """Whether it may still change by itself. A repair that is not visible yet counts."""
        return not self.state.terminal or self.pending_repair_id != 0

    @property
    def latest_repair_id(self) -> int:
        """The id of the last repair, 0 if there was none."""
        return self.pending_repair_id or self.rounds[-1].repair_id

    def latest(self) -> dict[str, TaskRun]:
        """The last attempt at each task, by its key."""
        attempts: dict[str, TaskRun] = {}
        for task in self.tasks:
            known = attempts.get(task.spec.key)
            if known is None or known.attempt_number <= task.attempt_number:
                attempts[task.spec.key] = task
        return attempts

    def latest_of(self, task: TaskRun) -> TaskRun:
        """The last attempt at the same task; for an iteration, at its for-each task."""
        parents = {each.run_id: top for top in self.tasks for each in top.iterations}
        return self.latest()[parents.get(task.run_id, task).spec.key]

    def iterations_of(self, task: TaskRun) -> list[TaskRun]:
        """The iterations of a for-each task: those that it kept, then its own."""
        kept = set(task.kept)
        made = (each for top in self.tasks for each in top.iterations)
        return [*(each for each in made if each.run_id in kept), *task.iterations]
