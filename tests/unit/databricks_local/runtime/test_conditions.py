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
