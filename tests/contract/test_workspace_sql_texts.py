"""Texts in SQL that look like paths, and paths."""

import textwrap

from .workspace_lab import Lab


def test_texts_that_look_like_paths_are_found_and_written_as_they_are(lab: Lab) -> None:
    source = """
        hits = spark.createDataFrame([(1, '/index.html'), (2, 's3://b/x')], 'id int, path string')
        hits.write.saveAsTable('hits')
        found = [
            spark.sql("SELECT id FROM hits WHERE path = '/index.html' -- LOCATION '/x'").first().id,
            spark.sql("SELECT id FROM hits WHERE path = 's3://b/x'").first().id,
        ]
        spark.sql("UPDATE hits SET path = '/new' WHERE id < 2")
        copied = "CREATE TABLE hits_in_csv USING csv OPTIONS (path '/hits_in_csv') AS"
        spark.sql(copied + " SELECT path FROM hits WHERE id = 1")
        found += [row.path for row in spark.sql("SELECT path FROM hits WHERE id = 1").collect()]
        found += [row._c0 for row in spark.sql("SELECT * FROM csv.`/hits_in_csv`").collect()]
        dbutils.notebook.exit(found)
    """
    task, output = lab.run_source("texts", textwrap.dedent(source))
    assert task["state"].get("result_state") == "SUCCESS", output
    assert output["notebook_output"]["result"] == "[1, 2, '/new', '/new']"
