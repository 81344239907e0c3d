"""What tables and views are, from notebooks: made, replaced, altered, cloned, looked at as they were."""

from pathlib import Path

from databricks_local import LocalWorkspace
from deltalake import DeltaTable

from .tables_lab import ran
from .workspace_lab import lab_of

MADE = """
spark.sql("CREATE TABLE w (id INT, v INT)")
spark.sql("INSERT INTO w VALUES (1, 5), (2, 7), (2, 6)")
# Several statements at once.
found.append(refusal("DROP TABLE IF EXISTS nothere; DROP TABLE w"))
found.append(rows("SELECT count(*) FROM w"))
# WITH before INSERT.
spark.sql("CREATE TABLE copy (id INT, v INT)")
answer = spark.sql("WITH s AS (SELECT * FROM w WHERE v > 5) INSERT INTO copy SELECT * FROM s").first()
found.append([answer.num_inserted_rows, len(rows("SELECT * FROM copy"))])
# QUALIFY.
chosen = "QUALIFY row_number() OVER (PARTITION BY t.id ORDER BY t.v) = 1"
found.append([row.id for row in spark.sql(f"SELECT t.id FROM w t {chosen} ORDER BY t.id DESC").collect()])
found.append([row.id for row in spark.sql(f"SELECT id FROM w t {chosen} ORDER BY v DESC").collect()])
both = f"SELECT t.id, u.id FROM w t JOIN w u ON t.id = u.id AND t.v = u.v {chosen} ORDER BY 1"
found.append([[*row] for row in spark.sql(both).collect()])
# A part of a name before a column.
found.append(rows("SELECT statements.w.v FROM main.statements.w WHERE statements.w.id = 1"))
found.append(refusal("DELETE FROM w WHERE EXISTS (SELECT 1 FROM copy WHERE copy.id = w.id)"))
# Versions that are not there.
for version in ("'abc'", "-1", "99"):
    found.append(refusal(f"SELECT * FROM w VERSION AS OF {version}"))
# A constraint is kept by null, too.
spark.sql("INSERT INTO w VALUES (3, NULL)")
found.append(refusal("ALTER TABLE w ADD CONSTRAINT pos CHECK (v > 0)"))
"""

EXISTS_REFUSED = (
    "DELETE with EXISTS (…) is not served by the local workspace: use IN (SELECT …), or MERGE INTO."
)


def test_statements_say_what_they_do_or_refuse(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            assert ran(lab, "made", MADE) == [
                "PARSE_SYNTAX_ERROR",
                [[3]],
                [2, 2],
                [2, 1],
                [2, 1],
                [[1, 1], [2, 2]],
                [[5]],
                EXISTS_REFUSED,
                *["DELTA_VERSION_NOT_FOUND"] * 3,
                "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
            ]


CHANGED = """
spark.sql("CREATE TABLE c (id INT, v INT, CONSTRAINT pos CHECK (v > 0)) COMMENT 'old'")
mapped = "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
spark.sql(f"CREATE OR REPLACE TABLE c (`q r` INT, v INT, d INT) {mapped}")
detail = spark.sql("DESCRIBE DETAIL c").first()
found.append([detail.minReaderVersion, detail.minWriterVersion, detail.description or ""])
spark.sql("INSERT INTO c VALUES (1, 2, 3)")
spark.sql("ALTER TABLE c RENAME COLUMN `q r` TO q")
# A clone has the rows of a table with mapped columns.
counts = spark.sql("CREATE TABLE cc DEEP CLONE c").first()
spark.sql("INSERT INTO cc VALUES (4, 5, 6)")
found.append([rows("SELECT * FROM cc"), counts.num_copied_files])
# A column of an old name has no old values.
spark.sql("ALTER TABLE c DROP COLUMN d")
spark.sql("ALTER TABLE c ADD COLUMN d INT")
found.append(rows("SELECT * FROM c"))
spark.sql("ALTER TABLE c ADD CONSTRAINT pos CHECK (v > 0)")
for change in ("RENAME COLUMN v TO w", "DROP COLUMN v", "ADD COLUMN x INT NOT NULL",
               "ADD COLUMN x INT DEFAULT 5", "UNSET TBLPROPERTIES ('delta.columnMapping.mode')"):
    found.append(refusal("ALTER TABLE c " + change))
"""


def test_what_a_table_is_changes_whole_or_not_at_all(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            assert ran(lab, "changed", CHANGED) == [
                [2, 5, ""],
                [[[1, 2, 3], [4, 5, 6]], 1],
                [[1, 2, None]],
                "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
                "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
                "DELTA_OPERATION_NOT_ALLOWED",
                "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED",
                "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
            ]
            place = lab.sdk.tables.get("main.statements.c").storage_location or ""
            assert DeltaTable(place.removeprefix("file://")).protocol().min_reader_version == 2


NEEDED = """
# Other writers know what is generated.
spark.sql("CREATE TABLE g (id BIGINT GENERATED ALWAYS AS IDENTITY, t TIMESTAMP_NTZ, n INT DEFAULT 7)")
spark.sql("INSERT INTO g (t) VALUES (TIMESTAMP_NTZ'2026-01-02 03:04:05')")
spark.sql("UPDATE g SET n = n + 1")
found.append(rows("SELECT id, year(t), n FROM g"))
# Of columns that come with rows, too.
new = spark.sql("SELECT 1 AS a, TIMESTAMP_NTZ'2026-01-02 03:04:05' AS t")
new.write.parquet("dbfs:/tmp/ntz")
for name in ("appended", "loaded", "swapped"):
    spark.sql(f"CREATE TABLE {name} (a INT)")
new.write.mode("append").option("mergeSchema", "true").saveAsTable("appended")
new.write.mode("overwrite").options(mergeSchema="true", replaceWhere="a = 1").saveAsTable("swapped")
copied("loaded", "'/tmp/ntz'", "COPY_OPTIONS ('mergeSchema' = 'true')", "PARQUET", "'mergeSchema' = 'true'")
for name in ("appended", "loaded", "swapped"):
    spark.sql(f"INSERT INTO {name} VALUES (2, NULL)")
    detail = spark.sql(f"DESCRIBE DETAIL {name}").first()
    found.append([detail.minReaderVersion, "timestampNtz" in detail.tableFeatures])
    found.append(rows(f"SELECT a, year(t) FROM {name}"))
"""


def test_a_table_says_what_other_writers_need_to_know(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            assert ran(lab, "needed", NEEDED) == [
                [[1, 2026, 8]],
                *[[3, True], [[1, 2026], [2, None]]] * 3,
            ]


REPLACED = """
# What a table that was dropped has left is replaced.
spark.sql("CREATE TABLE e LOCATION 'dbfs:/tmp/e' AS SELECT 1 AS a")
spark.sql("DROP TABLE e")
found.append(refusal("CREATE TABLE e LOCATION 'dbfs:/tmp/e' AS SELECT 2 AS a"))
spark.sql("CREATE OR REPLACE TABLE e LOCATION 'dbfs:/tmp/e' AS SELECT 'two' AS b")
found.append(rows("SELECT * FROM e"))
spark.sql("DROP TABLE e")
spark.range(3, 4).write.mode("overwrite").option("path", "dbfs:/tmp/e").saveAsTable("e")
found.append(rows("SELECT * FROM e"))
spark.sql("DROP TABLE e")
spark.sql("CREATE OR REPLACE TABLE e (z STRING) LOCATION 'dbfs:/tmp/e'")
found.append([spark.table("e").columns, spark.table("e").count()])
# A view that is replaced keeps its grants.
spark.sql("CREATE VIEW v AS SELECT 1 AS a")
spark.sql("GRANT SELECT ON VIEW v TO somebody")
spark.sql("CREATE OR REPLACE VIEW v (b COMMENT 'new') AS SELECT 2")
found.append([rows("SELECT b FROM v"), spark.sql("SHOW GRANTS ON VIEW v").first().Principal])
spark.sql("ALTER VIEW v AS SELECT 3 AS c")
found.append([row.col_name for row in spark.sql("DESCRIBE v").collect()])
"""


def test_what_is_replaced_is_what_was_asked_for(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            assert ran(lab, "replaced", REPLACED) == [
                "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION",
                [["two"]],
                [[3]],
                [["z"], 0],
                [[[2]], "somebody"],
                ["c"],
            ]


IF_NOT_THERE = """
import json, pathlib, time
me = int(dbutils.widgets.get("me"))
pathlib.Path(f"/dbfs/tmp/maker{me}").touch()
while not pathlib.Path(f"/dbfs/tmp/maker{1 - me}").exists():
    time.sleep(0.01)
for number in range(5):
    spark.sql(f"CREATE TABLE IF NOT EXISTS main.default.made{number} (a INT)")
    spark.sql(f"CREATE OR REPLACE TABLE main.default.replaced{number} AS SELECT {me} AS a")
    spark.range(1).write.mode("append").saveAsTable(f"main.default.added{number}")
    spark.sql(f"CREATE OR REPLACE VIEW main.default.seen{number} AS SELECT {me} AS a")
"""


def test_two_clusters_that_make_a_table_if_there_is_none(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            (tmp_path / "dbfs" / "tmp").mkdir(parents=True, exist_ok=True)
            path = lab.notebook("makers", IF_NOT_THERE)
            runs = [lab.submit(lab.task("only", path, parameters={"me": str(me)})) for me in (0, 1)]
            for run_id in runs:
                [task] = lab.ended(run_id, 60)["tasks"]
                output = lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json()
                assert task["state"]["result_state"] == "SUCCESS", output.get("error_trace")
            counted = [f"(SELECT count(*) FROM main.default.added{number})" for number in range(5)]
            assert (
                ran(lab, "counted", f"found += [*spark.sql('SELECT {', '.join(counted)}').first()]")
                == [2] * 5
            )
