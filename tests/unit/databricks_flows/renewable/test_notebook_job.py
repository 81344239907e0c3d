"""What the last notebook returns is its number of rows, or is told in one line."""

from __future__ import annotations

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.renewable.notebook_job import counted_rows


def test_the_exit_value_is_the_number_of_rows() -> None:
    assert counted_rows({"join_data": "", "transform_data": "7400"}) == 7400


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"transform_data": ""}, "it returned nothing"),
        ({}, "it returned nothing"),
        ({"transform_data": "done\n"}, "it returned `done"),
        ({"transform_data": "-1"}, "it returned `-1`"),
        ({"transform_data": "1_000"}, "it returned `1_000`"),
        ({"transform_data": "٣"}, "it returned `٣`"),
        ({"transform_data": "9" * 5000}, f"it returned `{'9' * 60}`"),
    ],
)
def test_anything_else_says_what_the_notebook_has_to_return(values: dict[str, str], found: str) -> None:
    with pytest.raises(InputError) as refused:
        counted_rows(values)
    message = str(refused.value)
    assert "transform_data has to return its number of rows, by dbutils.notebook.exit(" in message
    assert found in message
    assert "\n" not in message
