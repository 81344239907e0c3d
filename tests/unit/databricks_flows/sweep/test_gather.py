"""Which flow runs watch a Databricks run, if some of them have noted no more than its id."""

from __future__ import annotations

from uuid import UUID

import pytest
from databricks_flows.sweep.gather import watchers

LINKED, NOTED = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("linked", "noted", "expected"),
    [
        ([LINKED], {}, (LINKED,)),
        ([], {NOTED: "here"}, (NOTED,)),
        ([LINKED], {NOTED: "here"}, (LINKED, NOTED)),
        # A run of another workspace may have the same id.
        ([], {NOTED: "elsewhere"}, ()),
        ([], {NOTED: ""}, ()),
        ([LINKED], {NOTED: "elsewhere"}, (LINKED,)),
        # It may need the run, and keeps it from being cancelled.
        ([LINKED], {NOTED: ""}, (LINKED, NOTED)),
    ],
)
def test_watchers(linked: list[UUID], noted: dict[UUID, str], expected: tuple[UUID, ...]) -> None:
    assert watchers(linked, noted, "here") == expected
