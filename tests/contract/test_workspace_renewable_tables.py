"""The notebooks of the renewable analysis give on tables what they give on files."""

import io
import json
from pathlib import Path

import pytest

from tests.e2e.notebook_results import NOTEBOOKS, expected_rows, write_case

from .job_lab import results
from .workspace_lab import Lab

READ_FILE = """read.csv(
        path,
        header=True,
        multiLine=True,
        escape='"',
        ignoreLeadingWhiteSpace=False,
        ignoreTrailingWhiteSpace=False,
    )"""
WRITE_FILES = """csv(
    target,
    header=True,
    escape='"',
    ignoreLeadingWhiteSpace=False,
    ignoreTrailingWhiteSpace=False,
)"""
# Delta takes names with spaces, parentheses and percent signs only by column mapping.
SAVE = 'option("delta.columnMapping.mode", "name").saveAsTable(target)'
ON_TABLES = {
    "join_data": {
        '{source}/{table}.csv"': '{source}.`{table}`"',
        READ_FILE: "read.table(path)",
        'write.mode("overwrite").parquet(target)': f'write.mode("overwrite").{SAVE}',
        "spark.read.parquet(target)": "spark.read.table(target)",
    },
    "transform_data": {"spark.read.parquet(source)": "spark.read.table(source)", WRITE_FILES: SAVE},
}
LOAD = """
import json
spark.sql("CREATE SCHEMA IF NOT EXISTS shares")
for table in json.loads(dbutils.widgets.get("tables")):
    spark.sql(f'''
        CREATE OR REPLACE TABLE shares.`{table}` TBLPROPERTIES ('delta.columnMapping.mode' = 'name')
        AS SELECT * FROM read_files('dbfs:/tmp/shares/{table}.csv', format => 'csv', header => true,
            multiLine => true, escape => '"', inferSchema => false,
            ignoreLeadingWhiteSpace => false, ignoreTrailingWhiteSpace => false)
    ''')
"""

READ = """
import json
rows = sorted(map(list, spark.table("shares.result").collect()), key=lambda row: (row[0], row[2]))
with open("/dbfs/tmp/shares/rows.json", "w") as file:
    json.dump(rows, file)
"""


def on_tables(notebook: str) -> str:
    """A notebook of the package that reads and writes tables; nothing else in it is changed."""
    text = (NOTEBOOKS / f"{notebook}.py").read_text()
    for files, tables in ON_TABLES[notebook].items():
        assert text.count(files) == 1, files
        text = text.replace(files, tables)
    return text.removeprefix("# Databricks notebook source\n")


@pytest.mark.parametrize("case", ["packaged", "hostile names"])
def test_the_rows_are_those_of_files(lab: Lab, tmp_path: Path, case: str) -> None:
    tables = write_case(case, tmp_path / "source")
    lab.sdk.dbfs.mkdirs("/tmp/shares")
    for table in tables:
        content = (tmp_path / "source" / f"{table}.csv").read_bytes()
        lab.sdk.dbfs.upload(f"/tmp/shares/{table}.csv", io.BytesIO(content), overwrite=True)
    between = {"source": "shares", "tables": ",".join(tables), "target": "shares.joined"}
    # Each task has a cluster of its own.
    run_id = lab.submit(
        lab.task("load", lab.notebook("load", LOAD), parameters={"tables": json.dumps(tables)}),
        lab.task("join", lab.notebook("join", on_tables("join_data")), ["load"], parameters=between),
        lab.task(
            "transform",
            lab.notebook("transform", on_tables("transform_data")),
            ["join"],
            parameters={"source": "shares.joined", "target": "shares.result"},
        ),
        lab.task("read", lab.notebook("read", READ), ["transform"]),
    )
    assert results(lab.ended(run_id, 60)) == dict.fromkeys(("load", "join", "transform", "read"), "SUCCESS")
    rows = json.loads(lab.sdk.dbfs.download("/tmp/shares/rows.json").read())
    assert [tuple(row) for row in rows] == expected_rows(tmp_path / "source", tables)
