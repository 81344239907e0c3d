"""A run as it stands, read from the JSON of `jobs/runs/get`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TERMINAL_LIFE_CYCLE_STATES = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
SUCCESS_RESULT_STATES = frozenset({"SUCCESS"})
LEFT_OUT_RESULT_STATES = frozenset({"UPSTREAM_FAILED", "UPSTREAM_CANCELED", "EXCLUDED", "DISABLED"})


@dataclass(frozen=True)
class RunState:
    """The state of a run or of one attempt of a task.

    `life_cycle_state` and `result_state` are kept as the API spells them, so that a value that is new to us
    is shown as it is and never read as success.
    """

    life_cycle_state: str = ""
    result_state: str | None = None
    state_message: str = ""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self.life_cycle_state in TERMINAL_LIFE_CYCLE_STATES

    @property
    def is_success(self) -> bool:
        """Whether it ended, and ended well."""
        return self.is_terminal and self.result_state in SUCCESS_RESULT_STATES

    def __str__(self) -> str:
        return self.result_state or self.life_cycle_state or "UNKNOWN"


@dataclass(frozen=True)
class TaskSnapshot:
    """The latest attempt of one task."""

    task_key: str
    run_id: int
    attempt_number: int
    state: RunState
    run_page_url: str = ""
    upstream: tuple[str, ...] = ()

    @property
    def failed_itself(self) -> bool:
        """Whether this task is a cause of the failure, not one left out because of another."""
        state = self.state
        left_out = state.life_cycle_state == "SKIPPED" or state.result_state in LEFT_OUT_RESULT_STATES
        return state.is_terminal and not state.is_success and not left_out


@dataclass(frozen=True)
class RunSnapshot:
    """A run and the latest attempt of each of its tasks, in the order of their first start."""

    run_id: int
    state: RunState
    run_page_url: str = ""
    run_name: str = ""
    tasks: tuple[TaskSnapshot, ...] = field(default=())

    @classmethod
    def from_json(cls, run: Mapping[str, Any]) -> RunSnapshot:
        """Read a run.

        Args:
            run: The answer of `jobs/runs/get`, its pages merged. `tasks` holds an entry for every attempt, in
                no order (airflow#72313); the latest attempt of each key counts.
        """
        latest: dict[str, TaskSnapshot] = {}
        for task in map(_task_snapshot, run.get("tasks") or ()):
            known = latest.get(task.task_key)
            if known is None or (task.attempt_number, task.run_id) >= (known.attempt_number, known.run_id):
                latest[task.task_key] = task
        return cls(
            run_id=int(run["run_id"]),
            state=_run_state(run),
            run_page_url=run.get("run_page_url") or "",
            run_name=run.get("run_name") or "",
            tasks=tuple(latest.values()),
        )


def _task_snapshot(task: Mapping[str, Any]) -> TaskSnapshot:
    return TaskSnapshot(
        task_key=task.get("task_key") or "",
        run_id=int(task["run_id"]),
        attempt_number=int(task.get("attempt_number") or 0),
        state=_run_state(task),
        run_page_url=task.get("run_page_url") or "",
        upstream=tuple(dependency["task_key"] for dependency in task.get("depends_on") or ()),
    )


def _run_state(run: Mapping[str, Any]) -> RunState:
    state = run.get("state") or {}
    return RunState(
        life_cycle_state=state.get("life_cycle_state") or "",
        result_state=state.get("result_state"),
        state_message=state.get("state_message") or "",
    )
