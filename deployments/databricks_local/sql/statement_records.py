"""The record of a statement, and what of it is shown when. Pure."""

import uuid
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypeVar, cast

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError
from databricks_local.runtime.warehouse.orders import Outcome
from databricks_local.sql.requests import StatementRequest

T = TypeVar("T")

HOUR_MILLIS = 3600 * 1000
RESULT_MILLIS = HOUR_MILLIS
"""Docs: results are available for one hour after success."""

STATEMENT_MILLIS = 12 * HOUR_MILLIS
"""Docs: after at least 12 hours in a terminal state, a statement is answered with 404."""

HISTORY_MILLIS = 30 * 24 * HOUR_MILLIS
"""Docs: query history of the last 30 days."""

MAX_TEXT = 16_384
"""How many characters of the text of a statement, and of what is said of its end, are kept after it."""

STOPPED = "The local workspace was stopped while the statement was active."


class StatementState(StrEnum):
    """The states of statements."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    CLOSED = "CLOSED"


ACTIVE = (StatementState.PENDING, StatementState.RUNNING)


def new_statement_id() -> str:
    """An id in the form of the real ones."""
    return str(uuid.uuid4())


def statement_missing(statement_id: str) -> ApiError:
    """An unknown statement, or one that is too old; the words are ours."""
    return ApiError(404, "NOT_FOUND", f"The statement {statement_id[:100]} was not found.")


@dataclass
class StatementRecord:
    """A statement.

    Attributes:
        statement_id: Its id.
        request: What was asked for.
        user: By whom.
        created_at: When; milliseconds.
        began_at: When it was executed; 0 if it was not yet.
        ended_at: When it ended; 0 while it is active.
        state: Where it is in its life.
        outcome: How it ended.
        source: What of a job it was part of.
        number: Its place among all statements.
    """

    statement_id: str
    request: StatementRequest
    user: str
    created_at: int
    began_at: int = 0
    ended_at: int = 0
    state: StatementState = StatementState.PENDING
    outcome: Outcome = field(default_factory=lambda: Outcome(""))
    source: Json = field(default_factory=dict)
    number: int = 0

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in ACTIVE

    @property
    def rows(self) -> int:
        """How many rows its result has."""
        return sum(chunk["row_count"] for chunk in self.outcome.chunks)

    def begin(self, now: int) -> None:
        """The engine begins with it."""
        self.state, self.began_at = StatementState.RUNNING, now

    def end(self, outcome: Outcome, now: int) -> None:
        """It has ended. What was needed to execute it may be large, and is not kept."""
        self.outcome = replace(outcome, message=outcome.message[:MAX_TEXT])
        self.state, self.ended_at = StatementState(outcome.state), now
        self.request = replace(self.request, statement=self.request.statement[:MAX_TEXT], parameters=[])

    def state_at(self, now: int) -> StatementState:
        """Its state; a result does not stay."""
        is_over = self.state is StatementState.SUCCEEDED and now - self.ended_at >= RESULT_MILLIS
        return StatementState.CLOSED if is_over else self.state

    def is_gone(self, now: int) -> bool:
        """Whether the API does not know it any more."""
        return not self.active and now - self.ended_at >= STATEMENT_MILLIS

    def is_forgotten(self, now: int) -> bool:
        """Whether the history does not have it any more."""
        return not self.active and now - self.ended_at >= HISTORY_MILLIS

    def as_document(self) -> Json:
        """What is stored."""
        outcome = self.outcome
        return {
            "request": self.request.as_document(),
            "user": self.user,
            "created_at": self.created_at,
            "began_at": self.began_at,
            "ended_at": self.ended_at,
            "state": self.state,
            "outcome": {
                "state": outcome.state,
                "error_code": outcome.error_code,
                "message": outcome.message,
                "sql_state": outcome.sql_state,
                "columns": outcome.columns,
                "chunks": outcome.chunks,
                "truncated": outcome.truncated,
            },
            "source": self.source,
        }

    @staticmethod
    def from_document(statement_id: str, document: Json, now: int) -> "StatementRecord":
        """Read a stored document. A statement that was active was lost with the server.

        What cannot be read of it is missing; it never keeps the server from starting.
        """
        request = _read(StatementRequest, {"statement": "", "warehouse_id": ""}, document.get("request"))
        state = document.get("state")
        record = StatementRecord(
            statement_id,
            request,
            document.get("user", ""),
            document.get("created_at", now),
            document.get("began_at", 0),
            document.get("ended_at", 0),
            StatementState(state) if state in tuple(StatementState) else StatementState.FAILED,
            _read(Outcome, {"state": "FAILED"}, document.get("outcome")),
            document.get("source", {}),
        )
        if record.active:
            record.end(lost(STOPPED), now)
        return record


def _read(kind: type[T], defaults: Json, stored: Json | None) -> T:
    """What was stored by this or another version: of fields that this one does not know, nothing."""
    known = {each.name for each in fields(cast(Any, kind))}
    return kind(**{**defaults, **{name: value for name, value in (stored or {}).items() if name in known}})


def lost(message: str) -> Outcome:
    """The end of a statement whose warehouse ended before it; what of it was done is not known."""
    return Outcome("FAILED", "ABORTED", message, "")


def timed_out(seconds: int | None) -> Outcome:
    """The end of a statement whose time was over; the words are ours."""
    return Outcome(
        "FAILED",
        "DEADLINE_EXCEEDED",
        f"The statement was stopped after {seconds} seconds (STATEMENT_TIMEOUT, or statement_timeout of its "
        "warehouse).",
    )
