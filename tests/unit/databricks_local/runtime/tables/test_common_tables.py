"""WITH before INSERT belongs to the query of it; before other statements it is refused."""

import pytest
from databricks_local.runtime.tables.reading.common_tables import with_inside
from pyspark.errors import UnsupportedOperationException


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "WITH a AS (SELECT 1), b (x) AS (VALUES (1)) INSERT INTO TABLE t PARTITION (p = 1) (x) SELECT 2",
            "INSERT INTO TABLE t PARTITION (p = 1) (x) WITH a AS (SELECT 1), b (x) AS (VALUES (1)) SELECT 2",
        ),
        (
            "with a as (SELECT 1) insert overwrite t WITH b AS (SELECT 2) SELECT * FROM a, b",
            "insert overwrite t with a as (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b",
        ),
        ("WITH a AS (SELECT 'INSERT INTO t') SELECT * FROM a", None),
        ("WITH update AS (SELECT 1) SELECT * FROM update", None),
        ("FROM t SELECT insert, into", None),
        ("SELECT 1", None),
    ],
)
def test_a_statement_begins_with_what_it_does(text: str, expected: str | None) -> None:
    assert with_inside(text) == (expected or text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("WITH a AS (SELECT 1) DELETE FROM t WHERE x IN (SELECT * FROM a)", "WITH before DELETE"),
        ("WITH a AS (SELECT 1) MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE", "WITH before MERGE"),
        ("WITH a AS (SELECT 1) UPDATE t SET x = 1", "WITH before UPDATE"),
        ("FROM s INSERT INTO t SELECT a INSERT INTO u SELECT b", "FROM … INSERT"),
    ],
)
def test_what_would_go_past_the_lock_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnsupportedOperationException, match=words):
        with_inside(text)
