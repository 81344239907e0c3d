"""One statement at a time, and no more than it says."""

import pytest
from databricks_local.runtime.tables.commands import alone
from databricks_local.runtime.tables.reading.cursor import StatementError


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("SELECT 1", "SELECT 1"),
        ("-- why\nSELECT 1;", "SELECT 1"),
        ("SELECT ';' -- a; b\n;; /* ; */", "SELECT ';' -- a; b"),
        ("BEGIN SELECT 1; SELECT 2; END", "BEGIN SELECT 1; SELECT 2; END"),
        ("SELECT 1 /* a; /* b; */ c; */", "SELECT 1 /* a; /* b; */ c; */"),
        ("SELECT 1 /* not; closed", "SELECT 1 /* not; closed"),
        ("", ""),
    ],
)
def test_what_is_around_a_statement_is_no_other_one(text: str, statement: str) -> None:
    assert alone(text) == statement


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE IF EXISTS a; DROP TABLE b",
        "ANALYZE TABLE a; /* and */ DROP TABLE b;",
        "SELECT 1; SELECT 2; DROP TABLE b",
    ],
)
def test_a_second_statement_is_refused_before_the_first_one_runs(text: str) -> None:
    with pytest.raises(StatementError, match="one statement is expected, there are"):
        alone(text)
