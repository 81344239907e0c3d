"""Names of errors for the texts of Sail."""

import pytest
from databricks_local.runtime.sail.conditions import condition_of


@pytest.mark.parametrize(
    ("text", "message", "sql_state"),
    [
        (
            "Table not found: [TABLE_OR_VIEW_NOT_FOUND] Table or view not found: x",
            "[TABLE_OR_VIEW_NOT_FOUND] Table or view not found: x SQLSTATE: 42P01",
            "42P01",
        ),
        ("[DELTA_X] words SQLSTATE: 0AKDC", "[DELTA_X] words SQLSTATE: 0AKDC", "0AKDC"),
        ("[MADE_UP.PART] words", "[MADE_UP.PART] words", ""),
        ("Database not found: x", "[SCHEMA_NOT_FOUND] Database not found: x SQLSTATE: 42704", "42704"),
        ("unknown function: foo", "[UNRESOLVED_ROUTINE] unknown function: foo SQLSTATE: 42883", "42883"),
        (
            "Can't cast value 300 to type Int8",
            "[CAST_OVERFLOW] Can't cast value 300 to type Int8 SQLSTATE: 22003",
            "22003",
        ),
        (
            "12345.0 is too large to store in a Decimal128 of precision 3. Max is 99.9",
            "[NUMERIC_VALUE_OUT_OF_RANGE] 12345.0 is too large to store in a Decimal128 of precision 3. "
            "Max is 99.9 SQLSTATE: 22003",
            "22003",
        ),
        (
            "element_at: the index is out of bounds",
            "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT] element_at: the index is out of bounds SQLSTATE: 22003",
            "22003",
        ),
        ("'false' is not true!", "[USER_RAISED_EXCEPTION] 'false' is not true! SQLSTATE: P0001", "P0001"),
        ("[INVALID_ARRAY_INDEX] words", "[INVALID_ARRAY_INDEX] words SQLSTATE: 22003", "22003"),
        ("something else", "something else", ""),
        ("an [array] of words", "an [array] of words", ""),
    ],
)
def test_condition_and_state(text: str, message: str, sql_state: str) -> None:
    condition = condition_of(text)
    assert (condition.message, condition.sql_state) == (message, sql_state)


def test_what_the_engine_says_of_the_state_wins() -> None:
    assert condition_of("divide by zero", "22012").message.endswith("SQLSTATE: 22012")
    assert condition_of("odd", "XX000").sql_state == "XX000"
