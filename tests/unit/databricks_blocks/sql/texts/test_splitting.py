"""Several statements in a text: semicolons in quotes, comments and blocks end none."""

from __future__ import annotations

import pytest
from databricks_blocks.sql.parameters import InvalidStatement
from databricks_blocks.sql.texts.splitting import markers_of, split_statements

SCRIPT = """BEGIN
  DECLARE n INT DEFAULT 0;
  IF n > 1 THEN SET n = CASE WHEN n > 2 THEN 1 ELSE 2 END; END IF;
  CASE n WHEN 1 THEN SELECT 1; END CASE;
  WHILE n < 3 DO SET n = n + IF(true, 1, 2); END WHILE;
END"""


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ; -- nothing\n; /* at all */ ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;\nSELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', \";\", `;`; SELECT 2", ["SELECT ';', \";\", `;`", "SELECT 2"]),
        (r"SELECT 'it\'s;'; SELECT 2", [r"SELECT 'it\'s;'", "SELECT 2"]),
        (r"SELECT r'C:\'; SELECT 2", [r"SELECT r'C:\'", "SELECT 2"]),
        ("SELECT 1 -- one; two\n; SELECT 2", ["SELECT 1 -- one; two", "SELECT 2"]),
        ("SELECT 1 /* a; /* b; */ c; */; SELECT 2", ["SELECT 1 /* a; /* b; */ c; */", "SELECT 2"]),
        ("-- why\nSELECT 1; -- end", ["-- why\nSELECT 1"]),
        (f"{SCRIPT};\nSELECT 2", [SCRIPT, "SELECT 2"]),
        (f"l: {SCRIPT} l; SELECT 2", [f"l: {SCRIPT} l", "SELECT 2"]),
        (f"CREATE PROCEDURE p() {SCRIPT}; SELECT 2", [f"CREATE PROCEDURE p() {SCRIPT}", "SELECT 2"]),
        (
            "CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON AS $$\nx = 1; return x\n$$; SELECT 2",
            ["CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON AS $$\nx = 1; return x\n$$", "SELECT 2"],
        ),
        ("SELECT begin, end FROM t; SELECT 2", ["SELECT begin, end FROM t", "SELECT 2"]),
        (
            "SELECT CASE WHEN a THEN 1 END FROM t; SELECT 2",
            ["SELECT CASE WHEN a THEN 1 END FROM t", "SELECT 2"],
        ),
        (
            "CREATE TABLE e (begin DATE, finish DATE); SELECT 2",
            ["CREATE TABLE e (begin DATE, finish DATE)", "SELECT 2"],
        ),
        (
            "CREATE VIEW v AS SELECT begin FROM t; SELECT 2",
            ["CREATE VIEW v AS SELECT begin FROM t", "SELECT 2"],
        ),
        (
            "CREATE TABLE p AS SELECT a, begin FROM t; SELECT 2",
            ["CREATE TABLE p AS SELECT a, begin FROM t", "SELECT 2"],
        ),
        (
            f"CREATE PROCEDURE p() LANGUAGE SQL AS {SCRIPT}; SELECT 2",
            [f"CREATE PROCEDURE p() LANGUAGE SQL AS {SCRIPT}", "SELECT 2"],
        ),
        (
            "BEGIN SELECT begin, t.begin FROM t; BEGIN SELECT 1; END; END; SELECT 2",
            ["BEGIN SELECT begin, t.begin FROM t; BEGIN SELECT 1; END; END", "SELECT 2"],
        ),
        ("SELECT 'never closed; SELECT 2", ["SELECT 'never closed", "SELECT 2"]),
    ],
)
def test_a_text_is_split_between_its_statements(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "INSERT INTO a SELECT 1;\n/* from s3://b/* */ INSERT INTO b SELECT 1; INSERT INTO c SELECT 1",
            "the comment that begins in line 2 is never closed",
        ),
        ("SELECT 1; /* the end", "the comment that begins in line 1 is never closed"),
        ("SELECT 1;\n\nBEGIN SELECT 1; SELECT 2", "the block that begins in line 3 has no END"),
        (
            "BEGIN TRANSACTION; INSERT INTO a SELECT 1; COMMIT; SELECT 2",
            "the transaction that begins in line 1",
        ),
        ("BEGIN; INSERT INTO a SELECT 1; COMMIT", "the transaction that begins in line 1"),
    ],
)
def test_a_text_of_which_a_part_would_be_lost_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidStatement, match=why):
        split_statements(text)


@pytest.mark.parametrize(
    ("statement", "markers"),
    [
        ("SELECT :a, :b + :a", {"a", "b"}),
        ("SELECT ':a', `:b`, a::INT -- :c\n /* :d */", set()),
        ("SELECT raw:path, raw[0]:path, f(x):path, `raw`:path", set()),
        ("SELECT * FROM IDENTIFIER(:table) WHERE d=:day", {"table", "day"}),
        ("SELECT :1", set()),
    ],
)
def test_the_markers_of_a_statement_are_found(statement: str, markers: set[str]) -> None:
    assert markers_of(statement) == markers
