"""Statements on tables with what Databricks answers, to be run in several ways."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What one session does, and what comes of it.

    Attributes:
        text: SQL, or Python where `python` says so.
        rows: The rows of the last statement as texts; `None`: not checked.
        holds: Texts that are in the rows.
        python: Whether only a notebook can do it.
    """

    text: str
    rows: list[list[str | None]] | None = None
    holds: tuple[str, ...] = ()
    python: bool = False


def _save(mode: str, query: str) -> str:
    return f'spark.sql("{query}").write.mode("{mode}").saveAsTable("answers.saved")'


_FILES = "dbutils.fs.put('/tmp/answers/a.csv', 'id,name\\n1,a\\n2,b\\n', True)"
_COPY = "COPY INTO answers.copied FROM '/tmp/answers' FILEFORMAT = CSV"
_HEADER = "FORMAT_OPTIONS ('header' = 'true')"

WRITE = [
    Step("CREATE SCHEMA answers"),
    Step(_save("error", "SELECT 1 AS id"), python=True),
    Step(_save("append", "SELECT 2 AS id"), python=True),
    Step(_save("ignore", "SELECT 3 AS id"), python=True),
    Step("SELECT * FROM answers.saved ORDER BY id", [["1"], ["2"]], python=True),
    Step(
        f"""try:
    {_save("error", "SELECT 4 AS id")}
    raise SystemExit("saved twice")
except Exception as error:
    assert "TABLE_OR_VIEW_ALREADY_EXISTS" in str(error), error""",
        python=True,
    ),
    Step(
        'spark.sql("SELECT \'x\' AS other").write.mode("overwrite").option("overwriteSchema", "true")'
        '.saveAsTable("answers.saved")',
        python=True,
    ),
    Step("CREATE TABLE answers.t AS SELECT 1 AS id, 'a' AS name"),
    Step("INSERT INTO answers.t VALUES (2, 'b'), (3, 'c')", [["2", "2"]]),
    Step("INSERT INTO ANSWERS.T (name) VALUES ('nobody')", [["1", "1"]]),
    Step("UPDATE answers.t SET name = 'z' WHERE id = 1", [["1"]]),
    Step("DELETE FROM answers.t WHERE id IS NULL", [["1"]]),
    Step(
        "MERGE INTO answers.t t USING (SELECT 3 AS id, 'C' AS name UNION ALL SELECT 4, 'd') s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        [["2", "1", "0", "1"]],
    ),
    Step("SELECT * FROM answers.t ORDER BY id", [["1", "z"], ["2", "b"], ["3", "C"], ["4", "d"]]),
    Step("INSERT OVERWRITE answers.t VALUES (9, 'i')", [["1", "1"]]),
    Step("SELECT * FROM answers.t", [["9", "i"]]),
    Step("TRUNCATE TABLE answers.t"),
    Step("SELECT count(*) FROM answers.t", [["0"]]),
    Step("CREATE OR REPLACE TABLE answers.t (id INT, day DATE)"),
    Step("INSERT INTO answers.t VALUES (1, DATE'2026-11-27')", [["1", "1"]]),
    Step("SELECT * FROM answers.t", [["1", "2026-11-27"]]),
]

LOAD = [
    Step(_FILES, python=True),
    Step("CREATE TABLE answers.copied (id INT, name STRING)"),
    Step(f"{_COPY} VALIDATE ALL {_HEADER}", [["1", "a"], ["2", "b"]]),
    Step(f"{_COPY} {_HEADER}", [["2", "2", "0"]]),
    Step(f"{_COPY} {_HEADER}", [["0", "0", "0"]]),
    Step(f"{_COPY} {_HEADER} COPY_OPTIONS ('force' = 'true')", [["2", "2", "0"]]),
    Step(f"{_COPY} FILES = ('a.csv') {_HEADER} COPY_OPTIONS ('force' = 'true')", [["2", "2", "0"]]),
    Step(f"{_COPY} PATTERN = 'nothing*' {_HEADER}", [["0", "0", "0"]]),
    Step(
        "COPY INTO answers.copied FROM (SELECT id::INT * 10 AS id, upper(name) AS name FROM '/tmp/answers') "
        f"FILEFORMAT = CSV {_HEADER} COPY_OPTIONS ('force' = 'true')",
        [["2", "2", "0"]],
    ),
    Step("SELECT count(*), sum(id), max(id) FROM answers.copied", [["8", "39", "20"]]),
    Step(
        "SELECT count(*), max(name) FROM read_files('/tmp/answers', format => 'csv', header => true)",
        [["2", "b"]],
    ),
]

CHANGE = [
    Step(
        "CREATE TABLE answers.changing (id INT, old STRING) "
        "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    ),
    Step("INSERT INTO answers.changing VALUES (1, 'x')", [["1", "1"]]),
    Step("ALTER TABLE answers.changing ADD COLUMNS (more DOUBLE, last BOOLEAN)"),
    Step("ALTER TABLE answers.changing RENAME COLUMN old TO new"),
    Step("ALTER TABLE answers.changing DROP COLUMN last"),
    Step("SELECT id, new, more FROM answers.changing", [["1", "x", None]]),
    Step("ALTER TABLE answers.changing SET TBLPROPERTIES ('team' = 'ours')"),
    Step("SHOW TBLPROPERTIES answers.changing ('team')", [["team", "ours"]]),
    Step("COMMENT ON TABLE answers.changing IS 'how it was'"),
    Step("OPTIMIZE answers.copied", holds=("numFilesAdded",)),
    Step("VACUUM answers.changing"),
    Step("DELETE FROM answers.changing", [["1"]]),
    Step("RESTORE TABLE answers.changing TO VERSION AS OF 1", holds=("1",)),
    Step("SELECT count(*) FROM answers.changing", [["1"]]),
]

LOOK = [
    Step("CREATE VIEW answers.seen AS SELECT id * 2 AS twice FROM answers.t"),
    Step("SELECT * FROM answers.seen", [["2"]]),
    Step("DESCRIBE answers.t", [["id", "int", None], ["day", "date", None]]),
    Step("DESCRIBE EXTENDED answers.t", holds=("# Detailed Table Information", "MANAGED", "delta")),
    Step("DESCRIBE DETAIL answers.t", holds=("delta", "main.answers.t")),
    Step("DESCRIBE HISTORY answers.changing", holds=("RESTORE", "RENAME COLUMN", "DELETE")),
    Step("SHOW CATALOGS", holds=("main", "hive_metastore")),
    Step("SHOW SCHEMAS", holds=("answers",)),
    Step("SHOW TABLES IN answers", holds=("changing", "copied")),
    Step("SHOW COLUMNS IN answers.t", [["id"], ["day"]]),
    Step("SHOW CREATE TABLE answers.t", holds=("CREATE TABLE main.answers.t", "id INT", "USING delta")),
    Step("SELECT count(*) FROM answers.t VERSION AS OF 0", holds=("1",)),
    Step(
        "SELECT table_name, table_type FROM main.information_schema.tables "
        "WHERE table_schema = 'answers' AND table_name IN ('t', 'seen') ORDER BY table_name",
        [["seen", "VIEW"], ["t", "MANAGED"]],
    ),
    Step(
        "SELECT column_name FROM main.information_schema.columns "
        "WHERE table_schema = 'answers' AND table_name = 't' ORDER BY ordinal_position",
        [["id"], ["day"]],
    ),
    Step(
        "SELECT schema_name FROM main.information_schema.schemata WHERE schema_name = 'answers'",
        [["answers"]],
    ),
    Step(
        "SELECT id, name FROM answers.copied QUALIFY row_number() OVER (ORDER BY id DESC) = 1", [["20", "B"]]
    ),
    Step("USE answers; SELECT id FROM t; USE main.default", None),
]

STEPS = [*WRITE, *LOAD, *CHANGE, *LOOK]
