"""What the sweep knows before it decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

What = Literal[
    "Databricks run",
    "flow run",
    "task run",
    "tables",
    "staged files",
    "output folder",
    "messages",
    "job settings",
]

FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


@dataclass(frozen=True)
class Stage:
    """A flow run as Prefect knows it.

    Attributes:
        flow_run_id: Its id.
        state: Type of its state, such as `FAILED`.
        since: When it got this state.
    """

    flow_run_id: UUID
    state: str
    since: datetime

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL


@dataclass(frozen=True)
class Owner:
    """The flow run that something belongs to.

    Attributes:
        chain: The flow run, then the one that called it in the same process, and so on. The last one has the
            process. Empty: this Prefect server does not know the flow run.
        active_runs: Databricks runs of it that have not ended.
        doubt: Why it is not known whether a Databricks run of it is active; empty: it is known.
        keep_until: Until when its leftovers are kept, by its own note, which is written at a failure. A crash
            may have come after it.
        keep_for: How long they are kept after a failure or a crash, by its own note; `None`: by the rule.
    """

    chain: tuple[Stage, ...] = ()
    active_runs: frozenset[int] = frozenset()
    doubt: str = ""
    keep_until: datetime | None = None
    keep_for: timedelta | None = None


@dataclass(frozen=True)
class Found:
    """A thing that may have to go, end or be restored.

    Attributes:
        what: Its kind.
        name: Its name, as people find it: of a schema, prefix or folder, or the id of a run or job.
        owners: The flow runs that it belongs to; of most things there is one.
        begun: When the Databricks run was started, or repaired last.
        active_runs: Databricks runs that use the saved job now.
        obstacle: Why it cannot be done, which was seen before; empty: nothing.
    """

    what: What
    name: str
    owners: tuple[UUID, ...]
    begun: datetime | None = None
    active_runs: frozenset[int] = frozenset()
    obstacle: str = ""


@dataclass(frozen=True)
class Facts:
    """All that was found.

    Attributes:
        found: The things.
        owners: The flow runs, by id.
    """

    found: Sequence[Found]
    owners: Mapping[UUID, Owner] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """When something has outlived its time.

    Attributes:
        now: The time.
        keep_after_failure: How long leftovers of a failed or crashed flow run are kept.
        cancelling: How long a flow run may take to be cancelled, and the runs below it to end after it.
    """

    now: datetime
    keep_after_failure: timedelta
    cancelling: timedelta
