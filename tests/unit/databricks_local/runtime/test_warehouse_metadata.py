"""The statements of drivers that list tables and columns."""

import pytest
from databricks_local.runtime.warehouse.metadata import known_statement


@pytest.mark.parametrize(
    ("statement", "rest"),
    [
        ("SHOW TABLES IN ALL CATALOGS", "`system`.information_schema.tables ORDER BY 5, 1, 2"),
        ("show tables in catalog `a``b`", "`a``b`.information_schema.tables ORDER BY 5, 1, 2"),
        (
            "-- why\nSHOW TABLES IN CATALOG main LIKE 'it\\'s%';",
            "`main`.information_schema.tables WHERE lower(table_name) LIKE lower('it\\'s%') ORDER BY 5, 1, 2",
        ),
        (
            "SHOW COLUMNS IN CATALOG main SCHEMA LIKE 's' TABLE LIKE 't' LIKE 'c'",
            "`main`.information_schema.columns WHERE lower(table_schema) LIKE lower('s') AND "
            "lower(table_name) LIKE lower('t') AND lower(column_name) LIKE lower('c') ORDER BY 3, 4, 7",
        ),
    ],
)
def test_lists_are_queries(statement: str, rest: str) -> None:
    assert known_statement(statement).split(" FROM ", 1)[1] == rest


@pytest.mark.parametrize(
    "statement",
    ["SHOW TABLES", "SHOW TABLES IN main.default", "SHOW COLUMNS IN t", "SELECT 'SHOW TABLES IN CATALOG x'",
     "SHOW TABLES IN CATALOG main LIKE 'a' OR 1"],
)  # fmt: skip
def test_others_stay_as_they_are(statement: str) -> None:
    assert known_statement(statement) == statement
