"""A SQL statement: what is sent, how it stands, and what becomes of one that is found. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from databricks_blocks.safe_text import one_line
from databricks_blocks.sql.errors import StatementCancelled, StatementError, StatementFailed
from databricks_blocks.sql.parameters import bound_parameters
from databricks_blocks.sql.texts.kinds import gives_counts, is_repeatable, is_script, only_reads
from databricks_blocks.sql.texts.redaction import without_credential_groups, without_credentials

CALL_TAG = "databricks_flows_call"
"""Query tag with the identity of a call: a retry finds its statement by it."""

_PASSING = frozenset(
    {
        "TEMPORARILY_UNAVAILABLE",
        "WORKSPACE_TEMPORARILY_UNAVAILABLE",
        "SERVICE_UNDER_MAINTENANCE",
        "RESOURCE_EXHAUSTED",
    }
)
"""Error codes of what passes by itself; a single statement was not done."""
_UNCLEAR = frozenset({"ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL_ERROR", "IO_ERROR", "UNKNOWN"})
"""Error codes that do not tell whether the statement was done, as when its warehouse was lost."""
_REASON = re.compile(r"\[(?!INTERNAL_ERROR)[A-Z][A-Z0-9_.]*\]")
"""How the engine begins to say why it refuses a statement, such as `[TABLE_OR_VIEW_NOT_FOUND]`."""
_SHOWN = 80


@dataclass(frozen=True)
class Statement:
    """A statement, ready to be sent.

    Attributes:
        text: Its text.
        warehouse_id: The warehouse that executes it.
        catalog: Catalog in which it begins; empty for the default.
        schema: Schema in which it begins.
        parameters: Values by the names of their markers.
    """

    text: str = field(repr=False)
    warehouse_id: str
    catalog: str = ""
    schema: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def body(self, tags: Mapping[str, str]) -> dict[str, Any]:
        """Write the request that executes it.

        Args:
            tags: Query tags.

        Raises:
            InvalidStatement: A parameter has no SQL type.
        """
        body: dict[str, Any] = {
            "statement": self.text,
            "warehouse_id": self.warehouse_id,
            # A row of counts needs no storage, which the network of the flow may not reach.
            "disposition": "INLINE" if self.gives_counts else "EXTERNAL_LINKS",
            "format": "JSON_ARRAY" if self.gives_counts else "ARROW_STREAM",
            "wait_timeout": "5s",
            "on_wait_timeout": "CONTINUE",
            "query_tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        if self.parameters:
            body["parameters"] = bound_parameters(self.parameters)
        return body | {name: value for name, value in self._place().items() if value}

    @property
    def identity(self) -> list[Any]:
        """What tells it from other statements; JSON. A retry may have new credentials."""
        text = without_credential_groups(self.text)
        return [text, self.warehouse_id, self.catalog, self.schema, bound_parameters(self.parameters)]

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing, as far as its first words tell."""
        return only_reads(self.text)

    @property
    def is_repeatable(self) -> bool:
        """Whether it does nothing twice when it is executed twice, as far as its words tell."""
        return is_repeatable(self.text)

    @property
    def is_script(self) -> bool:
        """Whether it may be done in part when it fails."""
        return is_script(self.text)

    @property
    def gives_counts(self) -> bool:
        """Whether all that it answers is one row of counts."""
        return gives_counts(self.text)

    def _place(self) -> dict[str, str]:
        return {"catalog": self.catalog, "schema": self.schema}


@dataclass(frozen=True)
class StatementSnapshot:
    """How a statement stands.

    Attributes:
        statement_id: Its id.
        state: State as the API spells it.
        error_code: Error code, if it failed.
        message: What the workspace says about the failure.
        sql_state: SQLSTATE, if there is one.
        manifest: Columns and size of the result, as the API has them.
        result: The first chunk of the result: its rows if they are inline, or links to them.
    """

    statement_id: str
    state: str
    error_code: str = ""
    message: str = ""
    sql_state: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict, compare=False)
    result: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> StatementSnapshot:
        """Read an answer of the API."""
        status = answer.get("status") or {}
        error = status.get("error") or {}
        return cls(
            statement_id=answer["statement_id"],
            state=status.get("state") or "UNKNOWN",
            error_code=error.get("error_code") or "",
            message=error.get("message") or "",
            sql_state=status.get("sql_state") or error.get("sql_state") or "",
            manifest=answer.get("manifest") or {},
            result=answer.get("result") or {},
        )

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in ("SUCCEEDED", "CLOSED", "FAILED", "CANCELED")

    @property
    def succeeded(self) -> bool:
        """Whether it was done. The result of a closed one is gone."""
        return self.state in ("SUCCEEDED", "CLOSED")


@dataclass(frozen=True)
class QueryRecord:
    """A statement in the query history.

    Attributes:
        statement_id: Its id.
        token: Names the call that executed it.
        number: How many statements of the same call were executed before it.
        status: Status as the history spells it, such as `FINISHED`.
        began: When it was sent, in epoch milliseconds.
        ended: When it ended, in epoch milliseconds; 0 while it is going on.
        message: What the workspace says about the failure.
    """

    statement_id: str
    token: str
    number: int
    status: str
    began: int = 0
    ended: int = 0
    message: str = ""

    def as_snapshot(self) -> StatementSnapshot:
        """How it stands, as far as the history tells. The API forgets a statement 12 hours after its end."""
        return StatementSnapshot(self.statement_id, ENDED.get(self.status, "RUNNING"), message=self.message)


ENDED = {"FINISHED": "CLOSED", "FAILED": "FAILED", "CANCELED": "CANCELED"}
"""State of a statement that has ended, by its status in the history."""

Found = Literal["attach", "use", "run again", "refuse"]
Period = tuple[datetime, datetime]
"""First and last moment."""


def tag_of(token: str, number: int) -> str:
    """Write the tag of a statement.

    Args:
        token: Names the call.
        number: How many statements of the same call were executed before.
    """
    return f"{token}-{number}"


def record_of(entry: Mapping[str, Any]) -> QueryRecord | None:
    """Read an entry of the query history; `None` if it has no tag of ours."""
    for tag in entry.get("query_tags") or ():
        if tag.get("key") == CALL_TAG:
            token, _, number = str(tag.get("value") or "").rpartition("-")
            return QueryRecord(
                entry["query_id"],
                token,
                int(number) if number.isdecimal() else 0,
                entry.get("status") or "",
                int(entry.get("query_start_time_ms") or 0),
                int(entry.get("query_end_time_ms") or entry.get("execution_end_time_ms") or 0),
                entry.get("error_message") or "",
            )
    return None


def period_of(records: Iterable[QueryRecord]) -> Period | None:
    """From when to when statements were executed; `None` if there are none.

    Args:
        records: Their entries in the query history.
    """
    times = [time for record in records for time in (record.began, max(record.began, record.ended))]
    if not times:
        return None
    began, ended = (datetime.fromtimestamp(time / 1000, UTC) for time in (min(times), max(times)))
    return began, ended


def what_to_do(found: StatementSnapshot, statement: Statement) -> Found:
    """Decide what becomes of a statement of an earlier attempt.

    Args:
        found: How it stands.
        statement: What is asked for.

    Returns:
        `attach` to one that is going on; `use` one that was done; `run again` one that was not, and one that
        was done but only reads, if its rows are not kept any more; `refuse` to run one again of which nobody
        knows whether it was done.
    """
    if not found.is_over:
        return "attach"
    if not found.succeeded:
        return "refuse" if _what_is_unclear(found, statement) else "run again"
    return "run again" if found.state == "CLOSED" and statement.only_reads else "use"


def _what_is_unclear(found: StatementSnapshot, statement: Statement) -> str:
    """What nobody knows of a statement that did not succeed; empty if it is clear that it was not done."""
    if statement.is_repeatable:
        return ""
    if statement.is_script:
        return "It may be done in part"
    # The history, which tells of what the API has forgotten, has the reason, but no error code.
    unclear = found.error_code in _UNCLEAR if found.error_code else not _REASON.match(found.message)
    return "Whether it was done is not known" if unclear and found.state == "FAILED" else ""


def statement_error(found: StatementSnapshot, statement: Statement, url: str) -> StatementError:
    """Make the error of a statement that did not succeed.

    Args:
        found: How it ended.
        statement: What was asked for.
        url: Its page in the workspace.
    """
    facts: dict[str, Any] = {"statement_id": found.statement_id, "url": url}
    what = f"`{title_of(statement.text)}`"
    unclear = _what_is_unclear(found, statement)
    advice = (
        f"{unclear}, so no retry runs it again: look, then give another `key`, or start anew."
        if unclear
        else ""
    )
    end = f" {advice} {url}" if advice else f" {url}"
    if found.state == "CANCELED":
        return StatementCancelled(f"The statement {what} was cancelled in the workspace.{end}", **facts)
    told = one_line(without_credentials(found.message, statement.text)) or "the workspace says no reason"
    passes = found.error_code in _PASSING or (found.error_code in _UNCLEAR and statement.is_repeatable)
    return StatementFailed(
        f"The statement {what} failed ({found.error_code or found.state}): {told}{end}",
        **facts,
        error_code=found.error_code,
        sql_state=found.sql_state,
        may_retry=passes and not unclear,
    )


def title_of(text: str) -> str:
    """The beginning of a statement, in one line, without credentials."""
    line = one_line(without_credentials(text, text))
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
