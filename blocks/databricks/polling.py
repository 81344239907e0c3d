"""When to look at a run again, and for how long to put up with no answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PollingPolicy:
    """How a run is watched.

    Attributes:
        floor: Shortest pause between two looks, in seconds.
        share: Pause as a share of the time the run has taken so far.
        cap: Longest pause, in seconds.
        max_unreachable: For how many seconds a workspace may fail to answer before the watch gives up.
    """

    floor: float = 0.2
    share: float = 0.05
    cap: float = 30.0
    max_unreachable: float = 900.0

    def pause(self, elapsed: float) -> float:
        """Seconds to wait before the next look, `elapsed` seconds after the launch."""
        return min(max(self.share * elapsed, self.floor), self.cap)

    def gives_up(self, unreachable: float) -> bool:
        """Whether `unreachable` seconds without an answer are too many."""
        return unreachable > self.max_unreachable
