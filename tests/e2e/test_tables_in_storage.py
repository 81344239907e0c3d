"""Tables of the workspace whose files are in the stack's object storage."""

from __future__ import annotations

from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import NotebookTask, SubmitTask

from .conftest import ImportNotebook, Stack

SOURCE = """
place = dbutils.widgets.get("place")
spark.sql(f"CREATE TABLE main.default.stored (id INT, word STRING) LOCATION '{place}'")
spark.sql("INSERT INTO main.default.stored VALUES (1, 'a'), (2, 'b')")
spark.sql("UPDATE main.default.stored SET word = 'z' WHERE id = 2")
rows = spark.sql("SELECT * FROM main.default.stored ORDER BY id").collect()
dbutils.notebook.exit(str([tuple(row) for row in rows]))
"""


def test_an_external_table_in_the_storage(clean_stack: Stack, notebook: ImportNotebook) -> None:
    stack, bucket = clean_stack, clean_stack.endpoints.s3.bucket
    client = stack.databricks()
    task = SubmitTask(
        task_key="only",
        notebook_task=NotebookTask(
            notebook_path=notebook("stored", SOURCE),
            base_parameters={"place": f"s3://{bucket}/tables/stored"},
        ),
        new_cluster=ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1),
    )
    run = client.jobs.submit(run_name="stored", tasks=[task]).result()
    output = client.jobs.get_run_output((run.tasks or [])[0].run_id or 0).as_dict()
    assert output["notebook_output"]["result"] == "[(1, 'a'), (2, 'z')]"
    table = client.tables.get("main.default.stored")
    assert [column.name for column in table.columns or []] == ["id", "word"]
    client.tables.delete("main.default.stored")
    left = [each["Key"] for each in stack.s3.list_objects_v2(Bucket=bucket, Prefix="tables/")["Contents"]]
    assert any("_delta_log" in key for key in left)
    for key in left:
        stack.s3.delete_object(Bucket=bucket, Key=key)
