"""What Apache Spark cannot do without Delta's jars is known by its text."""

import pytest
from databricks_local.runtime.tables.without_delta import delta_in, refusal


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE TABLE t (a INT) USING DELTA", "USING DELTA"),
        ("-- tidy\nOPTIMIZE t", "OPTIMIZE"),
        ("describe history t", "DESCRIBE HISTORY"),
        ("SELECT * FROM delta.`/x/y`", "delta.`path`"),
        ("SELECT * FROM t VERSION AS OF 3", "VERSION AS OF"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "MERGE"),
        ("SELECT delta.x FROM t AS delta", ""),
        ("SELECT 'OPTIMIZE', version FROM t", ""),
        ("CREATE TABLE t (a INT) USING parquet", ""),
    ],
)
def test_what_needs_delta(statement: str, what: str) -> None:
    assert delta_in(statement) == what


def test_it_is_refused_in_one_line_that_says_what_to_do() -> None:
    said = str(refusal("OPTIMIZE"))
    assert said.startswith("OPTIMIZE needs Delta")
    assert "local_engine" in said
    assert "spark.sql.extensions" in said
    assert "\n" not in said
