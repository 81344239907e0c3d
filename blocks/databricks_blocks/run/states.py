"""The states of a run or of an attempt at a task, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACTIVE_LIFE_CYCLE_STATES = frozenset(
    {"QUEUED", "PENDING", "RUNNING", "TERMINATING", "BLOCKED", "WAITING_FOR_RETRY"}
)
TERMINAL_LIFE_CYCLE_STATES = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
LEFT_OUT_RESULT_STATES = frozenset({"UPSTREAM_FAILED", "UPSTREAM_CANCELED", "EXCLUDED", "DISABLED"})
FINE_RESULT_STATES = frozenset({"SUCCESS", "EXCLUDED", "DISABLED"})
"""Results of a task that do not make its run fail (docs: run_if, an excluded task counts as success)."""


@dataclass(frozen=True)
class RunState:
    """The state of a run or of one attempt at a task.

    The values are kept in the spelling of the API. So an unknown value is shown as it is, and never counts as
    success.

    Attributes:
        termination_code: `status.termination_details.code`, which says more than `result_state`.
        ended: Whether a result, an end time or `status` says that it has ended.
    """

    life_cycle_state: str = ""
    result_state: str | None = None
    state_message: str = ""
    termination_code: str = ""
    ended: bool = False

    @classmethod
    def from_json(cls, run: Mapping[str, Any]) -> RunState:
        """Read `state` and `status` of a run or of a task."""
        state = run.get("state") or {}
        status = run.get("status") or {}
        details = status.get("termination_details") or {}
        return cls(
            life_cycle_state=state.get("life_cycle_state") or "",
            result_state=state.get("result_state"),
            state_message=state.get("state_message") or details.get("message") or "",
            termination_code=details.get("code") or "",
            ended=bool(state.get("result_state") or run.get("end_time"))
            or status.get("state") == "TERMINATED",
        )

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended.

        An unknown life cycle state is terminal if there is a result or an end time.
        """
        if self.life_cycle_state in TERMINAL_LIFE_CYCLE_STATES:
            return True
        return self.life_cycle_state not in ACTIVE_LIFE_CYCLE_STATES and self.ended

    @property
    def is_success(self) -> bool:
        """Whether it ended with success."""
        return self.is_terminal and self.result_state == "SUCCESS"

    @property
    def is_left_out(self) -> bool:
        """Whether a task was not run: because of another task, or on purpose."""
        return self.is_terminal and (
            self.life_cycle_state == "SKIPPED" or self.result_state in LEFT_OUT_RESULT_STATES
        )

    @property
    def is_fine(self) -> bool:
        """Whether a task ended in a way that counts as success for its run."""
        return self.is_terminal and self.result_state in FINE_RESULT_STATES

    def __str__(self) -> str:
        return self.result_state or self.life_cycle_state or "UNKNOWN"
