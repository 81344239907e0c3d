"""Waiting for a repair to become visible in its run (airflow#68358: it may take minutes)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy


@dataclass(frozen=True)
class ExpectedRepair:
    """A repair that was accepted, or that must exist since another one was refused.

    Attributes:
        before: Ids of the repairs that the run showed before.
        repair_id: Its id; `None` if the answer was lost, or somebody else asked for it.
    """

    before: tuple[int, ...] = ()
    repair_id: int | None = None

    def is_shown_by(self, run: RunSnapshot) -> bool:
        """Whether the run lists the repair."""
        if self.repair_id is None:
            return run.repair_ids != self.before
        return self.repair_id in run.repair_ids


class RepairWatch:
    """Tells a run that has ended from one whose repair is only not visible yet.

    There is one limit for every repair, whoever asked for it: `PollingPolicy.max_unreachable`, counted from
    when the repair was asked for or found, or from when the run was last seen active.
    """

    def __init__(self, polling: PollingPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self._polling = polling
        self._clock = clock
        self._expected: ExpectedRepair | None = None
        self._since = clock()

    def expect(self, repair: ExpectedRepair | None) -> None:
        """Wait for this repair from now on; `None`: for no repair."""
        self._since = self._clock()
        self._expected = repair

    @property
    def repair_id(self) -> int | None:
        """Id of the repair that is waited for; `None` if there is none, or its id is not known."""
        return self._expected.repair_id if self._expected else None

    @property
    def waited(self) -> float:
        """Seconds for which nothing was seen of the repair."""
        return self._clock() - self._since

    @property
    def is_given_up(self) -> bool:
        """Whether nothing was seen of the repair for too long."""
        return self._polling.gives_up(self.waited)

    def is_visible(self, run: RunSnapshot) -> bool:
        """Whether the answer is of after the repair: it lists it, or the run is active again."""
        return self._expected is None or not run.state.is_terminal or self._expected.is_shown_by(run)

    def is_over(self, run: RunSnapshot) -> bool:
        """Whether the run has ended, and does not only look so because its repair is not visible yet.

        Raises:
            DatabricksUnreachable: The repair is invisible for longer than the policy allows.
        """
        if not run.state.is_terminal:
            self._since = self._clock()
            return False
        if self.is_visible(run):
            return True
        if self.is_given_up:
            repair = f"repair {self.repair_id}" if self.repair_id else "repair"
            raise DatabricksUnreachable(
                f"Run {run.run_id} does not show its {repair} after {self.waited:.0f} s: look at the run in "
                f"the workspace ({run.run_page_url})",
                run_id=run.run_id,
                run_page_url=run.run_page_url,
            )
        return False
