"""The query history: which statements are shown, and what of each. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from databricks_local.api.bodies import MAX_INTEGER, Json, read_boolean, read_choice, read_integer
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.paging import Listed, newest_first
from databricks_local.runtime.source import without_comments_before
from databricks_local.sql.statement_records import MAX_TEXT, StatementRecord, StatementState

MAX_RESULTS, RESULTS = 999, 100
"""Docs: less than 1000, and 100 by default."""

USER_ID = 1000000000000001

STATUSES = {
    StatementState.PENDING: "QUEUED",
    StatementState.RUNNING: "RUNNING",
    StatementState.SUCCEEDED: "FINISHED",
    StatementState.CLOSED: "FINISHED",
    StatementState.FAILED: "FAILED",
    StatementState.CANCELED: "CANCELED",
}
"""`status` in the history by the state of a statement (docs: QueryStatus)."""

_KNOWN_STATUSES = ("QUEUED", "STARTED", "COMPILING", "COMPILED", "RUNNING", "CANCELED", "FAILED", "FINISHED")
_TYPES = frozenset(
    {
        "ALTER", "ANALYZE", "COPY", "CREATE", "DELETE", "DESCRIBE", "DROP", "EXPLAIN", "GRANT", "INSERT",
        "MERGE", "OPTIMIZE", "REFRESH", "REPLACE", "REVOKE", "SELECT", "SET", "SHOW", "TRUNCATE", "UPDATE",
        "USE",
    }
)  # fmt: skip
_FIRST_WORD = re.compile(r"\W*(\w+)")
_FILTER = "filter_by."


class Query(Protocol):
    """The query of a URL."""

    def getlist(self, key: str) -> list[str]:
        """All values of a field."""


@dataclass(frozen=True)
class HistoryFilter:
    """Which statements are shown; an empty field lets all pass."""

    warehouse_ids: frozenset[str] = frozenset()
    statement_ids: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    user_ids: frozenset[str] = frozenset()
    since: int = 0
    until: int = MAX_INTEGER

    def lets_pass(self, record: StatementRecord) -> bool:
        """Whether a statement is shown."""
        wanted = (
            (self.warehouse_ids, record.request.warehouse_id),
            (self.statement_ids, record.statement_id),
            (self.statuses, STATUSES[record.state]),
            (self.user_ids, str(USER_ID)),
        )
        in_time = self.since <= record.created_at <= self.until
        return in_time and all(not values or value in values for values, value in wanted)


@dataclass(frozen=True)
class HistoryRequest:
    """A page of the history as it was asked for."""

    filter: HistoryFilter
    limit: int
    token: str
    metrics: bool


def read_history_request(fields: Json, query: Query) -> HistoryRequest:
    """Read a request for the history.

    Args:
        fields: The fields of the query that occur once.
        query: All fields.

    Raises:
        ApiError: If Databricks would refuse it.
    """
    times = f"{_FILTER}query_start_time_range."
    statuses = frozenset(query.getlist(f"{_FILTER}statuses"))
    for status in statuses:
        read_choice({"statuses": status}, "statuses", _KNOWN_STATUSES, "")
    limit = read_integer(fields, "max_results", RESULTS)
    if not 0 < limit <= MAX_RESULTS:
        raise invalid_parameter(f"max_results must be between 1 and {MAX_RESULTS}.")
    return HistoryRequest(
        HistoryFilter(
            frozenset(query.getlist(f"{_FILTER}warehouse_ids")),
            frozenset(query.getlist(f"{_FILTER}statement_ids")),
            statuses,
            frozenset(query.getlist(f"{_FILTER}user_ids")),
            read_integer(fields, f"{times}start_time_ms"),
            read_integer(fields, f"{times}end_time_ms", MAX_INTEGER),
        ),
        limit,
        str(fields.get("page_token") or ""),
        read_boolean(fields, "include_metrics"),
    )


def history_json(records: Iterable[StatementRecord], request: HistoryRequest) -> Json:
    """A page of the history."""
    found = [record for record in records if request.filter.lets_pass(record)]
    page: Listed[StatementRecord] = newest_first(
        found, lambda record: (record.created_at, record.number), request.limit, request.token
    )
    shown: Json = {"has_next_page": bool(page.older)}
    if page.items:
        shown["res"] = [_query_json(record, metrics=request.metrics) for record in page.items]
    return {**shown, "next_page_token": page.older} if page.older else shown


def _query_json(record: StatementRecord, *, metrics: bool) -> Json:
    ended = not record.active
    duration = record.ended_at - record.created_at if ended else 0
    shown: Json = {
        "query_id": record.statement_id,
        "lookup_key": record.statement_id,
        "status": STATUSES[record.state],
        "query_text": record.request.statement[:MAX_TEXT],
        "statement_type": statement_type(record.request.statement),
        "query_start_time_ms": record.created_at,
        "warehouse_id": record.request.warehouse_id,
        "endpoint_id": record.request.warehouse_id,
        "user_id": USER_ID,
        "user_name": record.user,
        "executed_as_user_id": USER_ID,
        "executed_as_user_name": record.user,
        "rows_produced": record.rows,
        "is_final": ended,
        "duration": duration,
        "plans_state": "IGNORED_SMALL_DURATION",
        "channel_used": {"name": "CHANNEL_NAME_CURRENT"},
    }
    if record.request.tags:
        shown["query_tags"] = record.request.tags
    if record.request.session_id:
        shown["session_id"] = record.request.session_id
    if record.source:
        shown["query_source"] = record.source
    if ended:
        shown |= {"query_end_time_ms": record.ended_at, "execution_end_time_ms": record.ended_at}
    if record.outcome.message:
        shown["error_message"] = record.outcome.message
    if metrics:
        executed = record.ended_at - record.began_at if ended and record.began_at else 0
        shown["metrics"] = {
            "total_time_ms": duration,
            "execution_time_ms": executed,
            "rows_produced_count": record.rows,
            "result_from_cache": False,
        }
    return shown


def statement_type(statement: str) -> str:
    """The kind of a statement, by its first word.

    Example:
        >>> statement_type("/* x */ (select 1)"), statement_type("VALUES (1)"), statement_type("?")
        ('SELECT', 'SELECT', 'OTHER')
    """
    word = _FIRST_WORD.match(without_comments_before(statement)[1])
    kind = word[1].upper() if word else ""
    kind = {"WITH": "SELECT", "VALUES": "SELECT", "DESC": "DESCRIBE"}.get(kind, kind)
    return kind if kind in _TYPES else "OTHER"
