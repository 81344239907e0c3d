"""How a run is looked after: what the user wants, and what follows from how often the flow was started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy


class RunPolicy(BaseModel):
    """How a run is watched and repaired, what counts as success, and what a crash does to it.

    Examples:
        >>> from databricks_flows import RepairPolicy, RunPolicy
        >>> policy = RunPolicy(repair=RepairPolicy(max_repairs=1), on_crash="cancel")
        >>> policy.repair.max_repairs, policy.accept_failures
        (1, False)
    """

    model_config = ConfigDict(
        frozen=True,
        # Forms in the Prefect UI show this, without the example.
        json_schema_extra={
            "description": "How a run is watched and repaired, what counts as success, and what a crash does "
            "to it."
        },
    )

    repair: RepairPolicy = Field(
        default=RepairPolicy(), description="When a failed run is repaired, and how."
    )
    polling: PollingPolicy = Field(default=PollingPolicy(), description="How a run is watched.")
    accept_failures: bool = Field(
        default=False, description="Whether a run that ends SUCCESS_WITH_FAILURES is a success."
    )
    on_crash: Literal["leave", "cancel"] = Field(
        default="leave",
        description="What becomes of the run when the flow's process is told to end without a cancel: "
        "`leave` it for the retry to pick up, or `cancel` it.",
    )

    def succeeded(self, run: RunSnapshot) -> bool:
        """Whether a run is a success."""
        accepted = {"SUCCESS", "SUCCESS_WITH_FAILURES"} if self.accept_failures else {"SUCCESS"}
        return run.state.is_terminal and run.state.result_state in accepted


@dataclass(frozen=True)
class LifeOptions:
    """What the life of a run depends on besides its job.

    Attributes:
        policy: What the user wants.
        flow_run_count: How often the flow was started. Each start may use `max_repairs`, and a start may also
            repair a run that it finds failed.
        inputs_since: Epoch milliseconds of the last write to the inputs of the job. Tasks that began before
            have read older inputs, so they run again. 0: not checked.
    """

    policy: RunPolicy = field(default_factory=RunPolicy)
    flow_run_count: int = 1
    inputs_since: int = 0

    def allowed_repairs(self, found: int) -> int:
        """How many repairs there may be in all, those of earlier starts of the flow included.

        Args:
            found: How many there were when this start found the run, one that it asks for included. What
                earlier starts left of theirs is not added to those of this one.
        """
        of_all_starts = self.flow_run_count * (self.policy.repair.max_repairs + 1) - 1
        return min(of_all_starts, found + self.policy.repair.max_repairs)

    def is_stale(self, run: RunSnapshot) -> bool:
        """Whether the latest attempt at a task began before the inputs were written."""
        return self.flow_run_count > 1 and any(0 < task.start_time < self.inputs_since for task in run.tasks)
