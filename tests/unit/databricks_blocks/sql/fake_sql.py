"""A workspace in memory that executes statements: it counts them, and loses answers when it is told to."""

from __future__ import annotations

import json
from threading import Event
from types import SimpleNamespace
from typing import Any

import requests
from databricks.sdk.errors import BadRequest, NotFound, TemporarilyUnavailable, TooManyRequests
from urllib3.exceptions import MaxRetryError, NewConnectionError

HOST = "https://dbc.example"


class FakeSql:
    """Statements and their history.

    Attributes:
        executed: Bodies of the statements that were executed.
        posts: How many requests to execute arrived or were lost.
        faults: What happens to the next requests to execute: `before`, `after`, `busy`, `away`, `down`.
        shown_after: How many looks into the history do not show the statements yet.
        ends_after: After how many reads a statement has ended.
        asked: What the history was asked for.
        looks: How often the history was read.
        reads: How often a statement was read.
        ends: State in which a statement ends.
        warehouse: State of the warehouse.
        truncated: Whether results are cut off.
        cancelled: Ids of the statements that were cancelled.
        refusal: Why requests to execute are refused.
        refuses_cancels: Whether cancels are refused.
        ends_by_cancel: State in which a statement is after a cancel.
        has_executed: Whether a statement was executed.
        error_code: Error code of statements that fail.
    """

    def __init__(self) -> None:
        self.executed: list[dict[str, Any]] = []
        self.states: dict[str, str] = {}
        self.faults: list[str] = []
        self.read_faults: list[str] = []
        self.posts = self.looks = self.reads = self.shown_after = 0
        self.ends_after = 1
        self.ends = "SUCCEEDED"
        self.warehouse = "RUNNING"
        self.truncated = False
        self.cancelled: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.refuses_cancels = False
        self.refusal = ""
        self.error_code = "BAD_REQUEST"
        self.ends_by_cancel = "CANCELED"
        self.has_executed = Event()
        self.forgotten: set[str] = set()
        self.without_rows: set[str] = set()
        self.config = SimpleNamespace(host=HOST, init_auth=lambda: None)
        self.api_client = SimpleNamespace(do=self._do)

    def earlier(self, tag: str, state: str, statement: str = "INSERT") -> str:
        """A statement of an earlier attempt."""
        body = {"statement": statement, "query_tags": [{"key": "databricks_flows_call", "value": tag}]}
        return self._execute(body, state)

    def _execute(self, body: dict[str, Any], state: str = "PENDING") -> str:
        self.executed.append(body)
        statement_id = f"s{len(self.executed)}"
        self.states[statement_id] = state
        self.has_executed.set()
        return statement_id

    def _do(self, method: str, path: str, **given: Any) -> Any:
        if "/warehouses/" in path:
            return {"id": "w", "name": "W", "state": self.warehouse}
        if path.endswith("/history/queries"):
            self.asked.append(given["query"])
            return self._history()
        if method == "POST" and path.endswith("/statements"):
            return self._post(json.loads(b"".join(given["data"])))
        statement_id = path.split("/")[5]
        if path.endswith("/cancel"):
            if self.refuses_cancels:
                raise BadRequest("it cannot be cancelled")
            self.cancelled.append(statement_id)
            self.states[statement_id] = self.ends_by_cancel
            return {}
        return self._read(statement_id, chunk="/result/" in path)

    def _post(self, body: dict[str, Any]) -> Any:
        self.posts += 1
        if self.refusal:
            raise BadRequest(self.refusal)
        fault = self.faults.pop(0) if self.faults else ""
        _raise(fault)
        statement_id = self._execute(body)
        if fault == "after":
            raise requests.ConnectionError("Connection aborted.")
        return {"statement_id": statement_id, "status": {"state": "PENDING"}}

    def _read(self, statement_id: str, *, chunk: bool = False) -> Any:
        self.reads += 1
        _raise(self.read_faults.pop(0) if self.read_faults else "")
        if statement_id in self.forgotten:
            raise NotFound("gone")
        if statement_id in self.without_rows and chunk:
            raise NotFound("closed")
        if chunk:
            return {"external_links": [{}]}
        if self.states[statement_id] in ("PENDING", "RUNNING"):
            self.ends_after -= 1
            self.states[statement_id] = self.ends if self.ends_after <= 0 else "RUNNING"
        status: dict[str, Any] = {"state": self.states[statement_id]}
        if status["state"] == "FAILED":
            status |= {
                "error": {"error_code": self.error_code, "message": "no such table"},
                "sql_state": "42P01",
            }
        schema = {"columns": [{"name": "next", "type_text": "INT"}]}
        manifest = {"schema": schema, "total_row_count": 1, "truncated": self.truncated}
        return {"statement_id": statement_id, "status": status, "manifest": manifest}

    def _history(self) -> Any:
        self.looks += 1
        if self.looks <= self.shown_after:
            return {}
        words = {"SUCCEEDED": "FINISHED", "CLOSED": "FINISHED", "FAILED": "FAILED", "CANCELED": "CANCELED"}
        return {
            "res": [
                {
                    "query_id": f"s{number}",
                    "status": words.get(self.states[f"s{number}"], "RUNNING"),
                    "query_tags": body["query_tags"],
                    "query_start_time_ms": number * 1000,
                    "query_end_time_ms": number * 1000 + 500,
                }
                for number, body in reversed(list(enumerate(self.executed, start=1)))
            ]
        }


def _raise(fault: str) -> None:
    if fault == "before":
        raise requests.ConnectionError("Connection aborted.")
    if fault == "busy":
        raise TooManyRequests("slower", retry_after_secs=7)
    if fault == "away":
        raise TemporarilyUnavailable("away")
    if fault == "down":
        refused = NewConnectionError(None, "refused")  # type: ignore[arg-type]
        raise requests.ConnectionError(MaxRetryError(None, "/", refused))  # type: ignore[arg-type]
