"""Parameters that take an id take a number as well, as JSON and Prefect's command line make one of it."""

from __future__ import annotations

from typing import Any

import pytest
from databricks_flows.on_demand.cancel import cancel_databricks_run
from databricks_flows.on_demand.existing_job import run_existing_job
from databricks_flows.on_demand.repair import repair_databricks_run
from prefect import Flow
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import is_valid

RUN = 418302140906802


@pytest.mark.parametrize("given", [RUN, str(RUN)])
@pytest.mark.parametrize(
    ("flow", "parameter"),
    [(cancel_databricks_run, "run"), (repair_databricks_run, "run"), (run_existing_job, "job")],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_an_id_may_be_a_number_or_a_text(flow: Flow[Any, Any], parameter: str, given: object) -> None:
    # What the server checks before it creates a run of a deployment, and what the flow checks itself.
    assert is_valid({parameter: given}, parameter_schema(flow.fn).model_dump_for_openapi())
    assert flow.validate_parameters({parameter: given})[parameter] == given
