"""Values are cast to the types of their columns so that none is lost unseen."""

from typing import Any

import pytest
from databricks_local.runtime.tables.doing.columns import checked_cast


def column(kind: Any) -> dict[str, Any]:
    return {"name": "c", "type": kind, "nullable": True, "metadata": {}}


@pytest.mark.parametrize(
    ("given", "wanted", "expression"),
    [
        ("integer", "integer", "x"),
        ("integer", "long", "CAST(x AS bigint)"),
        ("date", "timestamp", "CAST(x AS timestamp)"),
        ("decimal(5,2)", "string", "CAST(x AS string)"),
        ("void", "date", "CAST(x AS date)"),
    ],
)
def test_what_always_fits_is_only_cast(given: str, wanted: str, expression: str) -> None:
    assert checked_cast("x", given, column(wanted)) == expression


@pytest.mark.parametrize(
    ("given", "wanted", "condition"),
    [
        ("string", "integer", "CAST_INVALID_INPUT"),
        ("string", "date", "CAST_INVALID_INPUT"),
        ("long", "integer", "CAST_OVERFLOW_IN_TABLE_INSERT"),
        ("double", "decimal(4,1)", "CAST_OVERFLOW_IN_TABLE_INSERT"),
    ],
)
def test_what_may_not_fit_is_an_error(given: str, wanted: str, condition: str) -> None:
    expression = checked_cast("x", given, column(wanted))
    assert expression.startswith("IF(x IS NOT NULL AND TRY_CAST(x AS ")
    assert f"raise_error({'concat(' if given == 'string' else ''}'[{condition}]" in expression
