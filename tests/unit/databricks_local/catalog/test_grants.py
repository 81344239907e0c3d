"""Granting and revoking."""

from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.grants import changed

KEPT = {"a": ["SELECT", "MODIFY"], "b": ["SELECT"]}


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"principal": "a", "remove": ["SELECT"]}, {"a": ["MODIFY"], "b": ["SELECT"]}),
        ({"principal": "a", "remove": ["SELECT", "MODIFY"]}, {"b": ["SELECT"]}),
        ({"principal": "a", "remove": ["ALL PRIVILEGES"]}, {"b": ["SELECT"]}),
        ({"principal": "a", "add": ["SELECT"]}, KEPT),
        ({"principal": "c", "add": ["all_privileges"]}, {**KEPT, "c": ["ALL_PRIVILEGES"]}),
        ({"principal": "c", "remove": ["SELECT"]}, KEPT),
        ({"principal": "b", "add": ["MODIFY"], "remove": ["SELECT"]}, {**KEPT, "b": ["MODIFY"]}),
    ],
)
def test_changes(change: dict[str, Any], after: dict[str, list[str]]) -> None:
    assert changed(KEPT, [change], "table") == after


@pytest.mark.parametrize(
    "change",
    [{"add": ["SELECT"]}, {"principal": "a", "add": ["FLY"]}, {"principal": "a", "add": ["USE_CATALOG"]}],
)
def test_what_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        changed(KEPT, [change], "table")
