"""Tables outlive the task that makes them: other clusters see them, and they are there after a restart."""

import io
import json
from pathlib import Path

from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace
from deltalake import DeltaTable

from .workspace_lab import CLUSTER, HEADER, Lab, lab_of

WRITE = """
spark.range(3).write.saveAsTable("main.default.saved")
spark.range(3, 5).write.mode("append").saveAsTable("main.default.saved")
try:
    spark.range(3).write.saveAsTable("main.default.saved")
    raise SystemExit("saved twice")
except Exception as error:
    assert "exist" in str(error), error
spark.sql("CREATE TABLE main.default.chosen AS SELECT id, concat('n', id) AS name FROM main.default.saved")
spark.sql("CREATE TABLE people (id INT, name STRING)")
spark.sql("INSERT INTO people VALUES (1, 'a'), (2, 'b'), (3, 'c')")
spark.sql('''MERGE INTO people t USING (SELECT 2 AS id, 'B' AS name UNION ALL SELECT 4, 'd') s ON t.id = s.id
    WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *''')
spark.sql("UPDATE people SET name = 'z' WHERE id = 1")
spark.sql("DELETE FROM people WHERE id = 3")
"""

READ = """
saved = sorted(row.id for row in spark.table("main.default.saved").collect())
chosen = spark.sql("SELECT count(*), max(name) FROM main.default.chosen").collect()[0]
people = [tuple(row) for row in spark.sql("SELECT * FROM default.people ORDER BY id").collect()]
dbutils.notebook.exit(str([saved, tuple(chosen), people]))
"""
SEEN = "[[0, 1, 2, 3, 4], (5, 'n4'), [(1, 'z'), (2, 'B'), (4, 'd')]]"


ELSEWHERE = {"DATABRICKS_HOST": "http://127.0.0.1:1", "UNITY_TOKEN": "another"}
"""Sail takes such variables for where its catalog is."""


def read(lab: Lab) -> str:
    task, output = lab.run_source("read", READ, cluster={"spark_env_vars": ELSEWHERE})
    assert task["state"]["result_state"] == "SUCCESS", output
    return str(output["notebook_output"]["result"])


def test_a_table_is_there_for_other_clusters_and_after_a_restart(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            task, output = lab.run_source("write", WRITE)
            assert task["state"]["result_state"] == "SUCCESS", output
            assert read(lab) == SEEN
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            assert read(lab) == SEEN


IN_FOLDERS = """
spark.sql("CREATE TABLE main.default.a AS SELECT 1 AS x")
spark.sql("CREATE TABLE main.default.b (x INT) LOCATION 'dbfs:/my data/t'")
spark.sql("INSERT INTO main.default.b VALUES (2)")
spark.sql("CREATE TABLE hive_metastore.default.c AS SELECT 3 AS x")
found = spark.sql("SELECT * FROM main.default.a UNION ALL SELECT * FROM main.default.b "
    "UNION ALL SELECT * FROM hive_metastore.default.c")
dbutils.notebook.exit(str(sorted(row.x for row in found.collect())))
"""


def test_tables_are_there_with_tls_and_odd_names_of_folders(tmp_path: Path) -> None:
    root = tmp_path / "mein Größter 50%"
    with LocalWorkspace(root, tls=True) as workspace:
        sdk = workspace.client()
        source = io.BytesIO(HEADER.encode() + IN_FOLDERS.encode())
        sdk.workspace.upload("/Shared/n", source, format=ImportFormat.SOURCE, language=Language.PYTHON)
        task = jobs.SubmitTask(
            task_key="only",
            notebook_task=jobs.NotebookTask(notebook_path="/Shared/n"),
            new_cluster=compute.ClusterSpec.from_dict(CLUSTER),
        )
        run = sdk.jobs.submit(run_name="a test", tasks=[task]).result()
        output = sdk.jobs.get_run_output((run.tasks or [])[0].run_id or 0).as_dict()
        assert output["notebook_output"]["result"] == "[1, 2, 3]"
    assert DeltaTable(root / "dbfs" / "my data" / "t").version() == 1


ODD = ["it's", 'a"b', "a\\b", "größe", "表", "{x}", "a,b", "😀", "\\u00e9", "%", "1"]
IN_CATALOGS = """
import json
from databricks.sdk import WorkspaceClient
for name in json.loads(dbutils.widgets.get("names")):
    spark.sql(f"USE CATALOG `{name}`")
    spark.sql("CREATE TABLE there AS SELECT current_catalog() AS here")
    assert spark.sql(f"SELECT * FROM `{name}`.default.there").first().here == name
WorkspaceClient().catalogs.create("Later")
spark.sql("CREATE TABLE later.default.there AS SELECT 1 AS x")
assert spark.sql("SELECT x FROM LATER.default.There").first().x == 1
"""


def test_catalogs_of_any_name_and_made_while_the_cluster_runs(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            for name in ODD:
                lab.sdk.catalogs.create(name)
            path = lab.notebook("catalogs", IN_CATALOGS)
            run = lab.run(lab.task("only", path, parameters={"names": json.dumps(ODD)}))
            output = lab.get("/api/2.2/jobs/runs/get-output", run_id=run["tasks"][0]["run_id"]).json()
            assert "error" not in output, output
            for name in [*ODD, "later"]:
                assert [table.name for table in lab.sdk.tables.list(name, "default")] == ["there"]
