"""Statements on tables: between clusters that run at the same time, after a restart, and when the server "
"dies."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from databricks_local import LocalWorkspace

from .workspace_lab import Lab, lab_of, until

WAIT_FOR_THE_OTHER = """
import json, pathlib, time
me = int(dbutils.widgets.get("me"))
pathlib.Path(f"/dbfs/tmp/ready-{table}-{me}").touch()
while not pathlib.Path(f"/dbfs/tmp/ready-{table}-{1 - me}").exists():
    time.sleep(0.01)
"""


def ran(lab: Lab, name: str, source: str) -> Any:
    """What a notebook hands out."""
    task, output = lab.run_source(name, source)
    assert task["state"]["result_state"] == "SUCCESS", output
    return output["notebook_output"].get("result")


def ran_together(lab: Lab, name: str, source: str) -> list[Any]:
    """What a notebook hands out on each of two clusters that run at the same time."""
    path = lab.notebook(name, source)
    run = lab.run(*[lab.task(f"on{me}", path, parameters={"me": str(me)}) for me in (0, 1)])
    outputs = [
        lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json() for task in run["tasks"]
    ]
    assert run["state"]["result_state"] == "SUCCESS", outputs
    return [json.loads(output["notebook_output"]["result"]) for output in outputs]


WRITERS = f"""
table = "written"
{WAIT_FOR_THE_OTHER}
counts = []
for number in range(4):
    spark.sql(f"INSERT INTO main.default.written VALUES ({{me}}, {{number}})")
    counts.append(spark.sql("UPDATE main.default.written SET n = n + 1 WHERE id = 9").first()[0])
    row = spark.createDataFrame([(me, 100)], "id int, n int")
    row.write.mode("append").saveAsTable("main.default.written")
dbutils.notebook.exit(json.dumps(counts))
"""


def test_two_clusters_write_one_table_and_all_commits_are_kept(lab: Lab) -> None:
    ran(lab, "begin", 'spark.sql("CREATE TABLE main.default.written AS SELECT 9 AS id, 0 AS n")')
    assert ran_together(lab, "writers", WRITERS) == [[1] * 4, [1] * 4]
    found = ran(
        lab,
        "look",
        'rows = spark.sql("SELECT id, count(*), sum(n) FROM main.default.written GROUP BY id ORDER BY id")\n'
        "dbutils.notebook.exit(str([tuple(row) for row in rows.collect()]))",
    )
    assert found == "[(0, 8, 406), (1, 8, 406), (9, 1, 8)]"


COPIERS = f"""
table = "copied"
{WAIT_FOR_THE_OTHER}
answer = spark.sql('''
    COPY INTO main.default.copied FROM '/tmp/copied' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')
''')
dbutils.notebook.exit(json.dumps(answer.first().num_inserted_rows))
"""


def test_two_clusters_copy_the_same_files_once(lab: Lab) -> None:
    ran(
        lab,
        "begin",
        'spark.sql("CREATE TABLE main.default.copied (id INT)")\n'
        'for n in range(5):\n    dbutils.fs.put(f"/tmp/copied/{n}.csv", f"id\\n{n}\\n")',
    )
    assert sorted(ran_together(lab, "copiers", COPIERS)) == [0, 5]


MAKERS = f"""
table = "made"
{WAIT_FOR_THE_OTHER}
made = []
for number in range(4):
    for catalog in ("main", "hive_metastore"):
        try:
            spark.sql(f"CREATE TABLE {{catalog}}.default.made{{number}} AS SELECT {{me}} AS maker")
            made.append(f"{{catalog}}{{number}}")
        except Exception as error:
            assert "TABLE_OR_VIEW_ALREADY_EXISTS" in str(error), error
        assert spark.table(f"{{catalog}}.default.made{{number}}").count() == 1
dbutils.notebook.exit(json.dumps(made))
"""


def test_of_two_clusters_that_make_a_table_one_does(lab: Lab) -> None:
    one, other = ran_together(lab, "makers", MAKERS)
    assert sorted(one + other) == sorted(
        f"{catalog}{n}" for catalog in ("main", "hive_metastore") for n in range(4)
    )


KEPT = """
spark.sql("CREATE SCHEMA IF NOT EXISTS kept")
spark.sql("USE kept")
spark.sql("CREATE TABLE notes (id INT COMMENT 'key') TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
spark.sql("INSERT INTO notes VALUES (1), (2)")
spark.sql("ALTER TABLE notes RENAME COLUMN id TO number")
spark.sql("CREATE VIEW big AS SELECT number FROM notes WHERE number > 1")
spark.sql("COMMENT ON TABLE notes IS 'mine'")
spark.sql("GRANT SELECT ON TABLE notes TO readers")
"""
SEEN = """
assert [row.number for row in spark.table("kept.big").collect()] == [2]
assert spark.catalog.getTable("kept.notes").description == "mine"
assert spark.sql("SHOW GRANTS ON TABLE kept.notes").first().Principal == "readers"
assert "RENAME COLUMN" in [row.operation for row in spark.sql("DESCRIBE HISTORY kept.notes").collect()]
spark.sql("DELETE FROM kept.notes WHERE number = 1")
"""


def test_what_statements_made_is_there_after_a_restart(tmp_path: Path) -> None:
    for sources in ((KEPT, SEEN), (SEEN,)):
        with LocalWorkspace(tmp_path) as workspace:
            for lab in lab_of(workspace):
                for number, source in enumerate(sources):
                    ran(lab, f"kept{number}", source)


ROWS = 400_000
FILL = f"""
spark.sql("CREATE TABLE main.default.many (id BIGINT, word STRING)")
spark.range({ROWS}).selectExpr("id", "repeat('x', 40) AS word").write.csv("/tmp/many", header=True)
"""
LOAD = """
answer = spark.sql('''
    COPY INTO main.default.many FROM '/tmp/many' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')
''')
dbutils.notebook.exit(str(answer.first().num_inserted_rows))
"""
COUNT = "dbutils.notebook.exit(str(spark.table('main.default.many').count()))"


@pytest.mark.parametrize("later", [0, 0.1, 0.2])
def test_a_server_that_is_killed_while_it_loads_has_loaded_all_or_nothing(
    tmp_path: Path, later: float
) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            ran(lab, "fill", FILL)
            lab.submit(lab.task("load", lab.notebook("load", LOAD)))
            until(lambda: next((tmp_path / "tables").glob("*/_staging-*"), None))
            time.sleep(later)
            assert workspace.process is not None
            workspace.process.kill()
            workspace.process.wait()
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            there = int(ran(lab, "count", COUNT))
            assert there in (0, ROWS)
            # Loading goes on where it stopped: what is there is not loaded again.
            assert int(ran(lab, "load", LOAD)) == ROWS - there
            assert int(ran(lab, "count", COUNT)) == ROWS


def test_a_statement_that_the_engine_runs_without_its_catalog_is_one_of_the_workspace(lab: Lab) -> None:
    """Schemas and tables by the official API are those of statements, and the other way round."""
    lab.sdk.catalogs.create("apart")
    lab.sdk.schemas.create("inner", "apart")
    ran(lab, "apart", 'spark.sql("CREATE TABLE apart.inner.t AS SELECT 1 AS a, current_date() AS d")')
    table = lab.sdk.tables.get("apart.inner.t")
    assert [(column.name, column.type_text) for column in table.columns or []] == [
        ("a", "int"),
        ("d", "date"),
    ]
    lab.sdk.tables.delete("apart.inner.t")
    assert (
        ran(lab, "gone", 'dbutils.notebook.exit(str(spark.catalog.tableExists("apart.inner.t")))') == "False"
    )
