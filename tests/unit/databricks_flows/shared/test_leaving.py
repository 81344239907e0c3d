"""What is named after a flow run is ours only if the flow run says so."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from databricks_flows import renewable_analysis
from databricks_flows.shared.leaving import LEAVING_FLOWS, leaves

ME = uuid4()


@pytest.mark.parametrize(
    ("flow_name", "labels", "expected"),
    [
        ("renewable-analysis", {}, True),
        ("of a user", {}, False),
        ("of a user", {"prefect.flow.id": str(ME)}, False),
        ("renamed with with_options", {"databricks.leaves": str(ME)}, True),
        # Labels of a flow are handed down to its runs.
        ("of a user", {"databricks.leaves": str(uuid4())}, False),
    ],
)
def test_a_flow_run_leaves_something_if_its_flow_or_its_label_says_so(
    flow_name: str, labels: dict[str, Any], expected: bool
) -> None:
    assert leaves(ME, flow_name, labels) is expected


def test_the_flow_that_leaves_something_has_the_name_that_is_known() -> None:
    assert renewable_analysis.name in LEAVING_FLOWS
