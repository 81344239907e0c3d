"""Who is told what happens to a run, and who is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from databricks_blocks.run.repair_policy import GiveUp, Repair
from databricks_blocks.run.snapshot import RunSnapshot


class Observer:
    """Is told what happens to a run. The methods do nothing here; subclasses override what they need."""

    async def launched(self, run_id: int) -> None:
        """A run was launched, or found again."""

    async def changed(self, run: RunSnapshot) -> None:
        """The run looks different; the runs that were launched in place of repairs are joined to it."""

    async def failed(self, run: RunSnapshot, errors: Mapping[str, str], decision: Repair | GiveUp) -> None:
        """The run ended without success, and this was decided about it."""

    async def repaired(self, run_id: int, repair_id: int) -> None:
        """A repair of the run began."""


Ask = Callable[[RunSnapshot, Mapping[str, str], GiveUp], Awaitable[Repair | GiveUp]]
"""Asks a person what to do with a run that would be given up."""
