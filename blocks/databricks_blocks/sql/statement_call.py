"""One call that executes a statement: what is executed, and by which name a retry finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from databricks_blocks.sql.statement import Statement

SECONDS_OF_SKEW = 900.0
"""The clocks of a flow and of the workspace may differ."""


@dataclass(frozen=True)
class StatementCall:
    """One call that executes a statement.

    Attributes:
        statement: What is executed.
        token: Names the call; a retry of it has the same one.
        since: Epoch milliseconds before which no attempt of the call began.
        may_be_there: Whether an earlier attempt may have executed it.
        seconds_to_look: For how long the history may not show yet what an earlier attempt executed.
        tags: Further query tags, for people.
    """

    statement: Statement
    token: str
    since: int = 0
    may_be_there: bool = False
    seconds_to_look: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)
