"""What a run's life needs from outside: wishes, a way to launch, somebody who watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import GiveUp, Repair
from databricks_blocks.run.snapshot import RunSnapshot


class Launcher(Protocol):
    """How the job is started. The calls block; an idempotency token makes each safe to repeat."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What of the request has to be sent again with every repair."""

    def start(self, generation: int) -> int:
        """Start the whole job, or find the run that this generation is; the run id."""

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """Start what a refused repair would have run again; None if there is only repair."""

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Merge settings into the clusters of the saved job, for the repair of its run.

        Raises:
            DatabricksRunRefused: A repair cannot have other settings; a run in its place can.
        """

    def restore_settings(self) -> None:
        """Undo what `change_settings` did."""


@dataclass(frozen=True)
class LifeOptions:
    """What the life of a run depends on besides its job.

    Attributes:
        policy: The user's wishes.
        flow_run_count: How often the flow was started. Each start may use `max_repairs`, and a start may also
            repair a run that it finds failed.
        inputs_since: Epoch milliseconds at which what the job reads was written last. Tasks that began before
            have read something else: they run again.
    """

    policy: RunPolicy = field(default_factory=RunPolicy)
    flow_run_count: int = 1
    inputs_since: int = 0

    @property
    def allowed_repairs(self) -> int:
        """How many repairs there may be in all, those of earlier starts of the flow included."""
        return self.flow_run_count * (self.policy.repair.max_repairs + 1) - 1

    def is_stale(self, run: RunSnapshot) -> bool:
        """Whether a task that counts began before the inputs were written."""
        return self.flow_run_count > 1 and any(0 < task.start_time < self.inputs_since for task in run.tasks)


class Observer:
    """What somebody wants to know while a run lives; does nothing by itself."""

    async def changed(self, run: RunSnapshot) -> None:
        """The run, with those launched in its place, looks different."""

    async def failed(self, run: RunSnapshot, errors: Mapping[str, str], decision: Repair | GiveUp) -> None:
        """The run ended without success, and this is what comes of it."""

    async def launched(self, run_id: int) -> None:
        """A run was launched, or found."""

    async def repaired(self, run_id: int, repair_id: int) -> None:
        """A repair of the run began."""


Ask = Callable[[RunSnapshot, Mapping[str, str], GiveUp], Awaitable[Repair | GiveUp]]
"""Asks a person what to do with a run that would be given up."""
