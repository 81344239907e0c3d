"""When to look at a run again, and for how long to put up with no answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PollingPolicy(BaseModel):
    """How a run is watched."""

    model_config = ConfigDict(frozen=True)

    floor: float = Field(default=0.2, gt=0, description="Shortest pause between two looks, in seconds.")
    share: float = Field(
        default=0.05, ge=0, le=1, description="Pause as a share of the time that the run has taken so far."
    )
    cap: float = Field(default=30.0, gt=0, description="Longest pause, in seconds.")
    max_unreachable: float = Field(
        default=900.0, ge=0, description="Seconds for which the workspace may fail to answer."
    )

    def pause(self, elapsed: float) -> float:
        """Seconds to wait before the next look, `elapsed` seconds after the launch."""
        return min(max(self.share * elapsed, self.floor), self.cap)

    def gives_up(self, unreachable: float) -> bool:
        """Whether `unreachable` seconds without an answer are too many."""
        return unreachable > self.max_unreachable
