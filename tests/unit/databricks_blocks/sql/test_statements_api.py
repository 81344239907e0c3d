"""The query history is read page by page, of one warehouse and since a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from databricks_blocks.sql.statement import CALL_TAG
from databricks_blocks.sql.statements_api import active_statements, tagged_statements

PAGES = {
    None: {
        "res": [
            {"query_id": "c", "status": "RUNNING", "query_tags": [{"key": CALL_TAG, "value": "mine-1"}]},
            {"query_id": "b", "status": "RUNNING"},
        ],
        "next_page_token": "2",
    },
    "2": {
        "res": [{"query_id": "a", "status": "FAILED", "query_tags": [{"key": CALL_TAG, "value": "mine-0"}]}]
    },
}


class History:
    """A history of two pages."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.config = SimpleNamespace(host="https://dbc.example")
        self.api_client = SimpleNamespace(do=self._do)

    def _do(self, method: str, path: str, *, query: dict[str, Any], **_: Any) -> Any:
        self.asked.append(dict(query))
        return PAGES[query.get("page_token")]


def test_the_statements_of_a_call_are_found_on_every_page() -> None:
    history = History()
    found = tagged_statements(cast("Any", history), "w", 1_700_000_000_000, "mine")
    assert [(record.statement_id, record.number) for record in found] == [("c", 1), ("a", 0)]
    for asked in history.asked:
        assert asked["filter_by.warehouse_ids"] == ["w"]
        assert asked["filter_by.query_start_time_range.start_time_ms"] == 1_700_000_000_000


def test_only_what_goes_on_is_active() -> None:
    assert active_statements(cast("Any", History()), "w", 0, (CALL_TAG, "mine-1")) == ["c"]
    assert active_statements(cast("Any", History()), "w", 0, (CALL_TAG, "mine-0")) == []
