"""How a run is looked after: the user's wishes."""

from __future__ import annotations

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
