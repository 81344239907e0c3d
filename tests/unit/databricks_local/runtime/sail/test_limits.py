"""Which errors of Sail are its own limits."""

import pytest
from databricks_local.jobs.engines import ENGINE_TAG
from databricks_local.runtime.sail.limits import HINT, is_limit

COERCION = "Cannot coerce arithmetic expression {} to valid types"
EXPECTED = "expected something else, ';', statement, or end of input"


@pytest.mark.parametrize(
    "message",
    [
        "function: zip_with",
        "unknown function: input_file_name",
        "approx quantile",
        COERCION.format("Utf8 + Int32"),
        COERCION.format("Decimal128(5, 2) * Utf8"),
        "No data source found for: orc",
        f"invalid argument: found declare at 0:7 {EXPECTED}",
        'This feature is not implemented: Unsupported CAST from Struct("a": Int32) to Utf8',
        "Function 'power' requires Float64, but received String (DataType: Utf8).. No function matches",
        "invalid argument: found function at 28:36 expected 'EXTERNAL', 'TABLE', or 'VIEW'",
    ],
)
def test_limits(message: str) -> None:
    assert is_limit(message, ansi=True)
    assert is_limit(message, ansi=False)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "unknown function: no_such_function",
        "Table not found: [TABLE_OR_VIEW_NOT_FOUND] Table or view not found: sales",
        'attribute ObjectName([Identifier("nothing")]) is missing from the schema: cannot resolve attribute',
        COERCION.format("Boolean + Int32"),
        "No data source found for: parquett",
        f"invalid argument: found selec at 0:5 {EXPECTED}",
        f"invalid argument: found from at 7:11 {EXPECTED}",
        f"invalid argument: found OPTIMIZE at 0:8 {EXPECTED}",
        'This feature is not implemented: Unsupported CAST from Struct("a": Int32) to Int32',
        "Function 'array_size' requires List, but received String (DataType: Utf8).",
        "listing table path already exists: file:///x",
        "[PATH_NOT_FOUND] Path does not exist: dbfs:/x. SQLSTATE: 42K03",
    ],
)
def test_mistakes(message: str) -> None:
    assert not is_limit(message, ansi=True)
    assert not is_limit(message, ansi=False)


@pytest.mark.parametrize(
    "message",
    [
        COERCION.format("Utf8 + Utf8"),
        "Cast error: Cannot cast string 'x' to value of Float64 type",
        "Cast error: Can't cast value 300 to type Int8",
    ],
)
def test_what_spark_refuses_too_in_ansi_mode(message: str) -> None:
    assert not is_limit(message, ansi=True)
    assert is_limit(message, ansi=False)


def test_the_hint_names_the_tag() -> None:
    assert ENGINE_TAG in HINT
    assert "\n" not in HINT
