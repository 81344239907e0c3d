"""What kind of statement a text is."""

from __future__ import annotations

import pytest
from databricks_blocks.sql.texts.kinds import gives_counts, is_repeatable, is_script, only_reads


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("SELECT 1", True),
        ("-- why\n(select 1)", True),
        ("VALUES (1)", True),
        ("SHOW TABLES", True),
        ("DESCRIBE HISTORY t", True),
        ("FROM t SELECT a", True),
        ("WITH a AS (SELECT 'insert') SELECT * FROM a", True),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", False),
        ("FROM t INSERT INTO u SELECT a", False),
        ("INSERT INTO t VALUES (1)", False),
        ("COPY INTO t FROM '/a'", False),
        ("BEGIN SELECT 1; END", False),
        ("", False),
    ],
)
def test_the_first_words_tell_whether_a_statement_only_reads(text: str, reads: bool) -> None:
    assert only_reads(text) is reads


@pytest.mark.parametrize(
    ("text", "repeatable"),
    [
        ("SELECT 1", True),
        ("-- why\ncopy into t FROM '/a' FILEFORMAT = CSV", True),
        ("COPY INTO t FROM '/a' FILEFORMAT = CSV COPY_OPTIONS ('Force' = 'true')", False),
        ("CREATE TABLE IF NOT EXISTS t (a INT)", True),
        ("CREATE TABLE t (a INT)", False),
        ("CREATE OR REPLACE TABLE t AS SELECT ' IF NOT EXISTS '", False),
        ("INSERT INTO t SELECT 1", False),
        ("", False),
    ],
)
def test_the_words_tell_whether_a_statement_does_nothing_twice(text: str, repeatable: bool) -> None:
    assert is_repeatable(text) is repeatable


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("BEGIN INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); END", True),
        ("-- why\nload: BEGIN SELECT 1; END load", True),
        ("CALL load()", True),
        ("EXECUTE IMMEDIATE 'INSERT INTO t VALUES (1)'", True),
        ("FROM t INSERT INTO a SELECT x INSERT INTO b SELECT y", True),
        (
            "MERGE INTO t USING u ON a WHEN NOT MATCHED AND c THEN INSERT * WHEN NOT MATCHED THEN INSERT d",
            False,
        ),
        ("UPDATE begin SET a = 1", False),
        ("INSERT INTO t SELECT 'INSERT INTO u'", False),
        ("CREATE PROCEDURE p() BEGIN SELECT 1; END", False),
        ("", False),
    ],
)
def test_a_script_may_be_done_in_part(text: str, script: bool) -> None:
    assert is_script(text) is script


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("-- why\ninsert into t values (1)", True),
        ("MERGE INTO t USING u ON a WHEN MATCHED THEN DELETE", True),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", True),
        ("COPY INTO t FROM '/a' FILEFORMAT = CSV", True),
        ("COPY INTO t FROM '/a' FILEFORMAT = CSV VALIDATE 10 ROWS", False),
        ("WITH a AS (SELECT 1) SELECT * FROM a", False),
        ("BEGIN INSERT INTO t VALUES (1); SELECT * FROM t; END", False),
        ("", False),
    ],
)
def test_what_gives_only_counts_is_known(text: str, counts: bool) -> None:
    assert gives_counts(text) is counts
