"""Clusters on Apache Spark itself, beside others on Sail: `uv run pytest -m apache_spark`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks_local.jobs.engines import ENGINE_TAG, SPARK

from .job_lab import own_workspace, results, run_job, step, value
from .workspace_lab import Lab

pytestmark = pytest.mark.apache_spark

OLD, NEW = "15.4.x-scala2.12", "17.3.x-scala2.13"
ON_SPARK = {"custom_tags": {ENGINE_TAG: SPARK}}
VERSION = "version = spark.version\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with own_workspace(tmp_path_factory.mktemp("apache") / "root", engine=SPARK) as started:
        yield started


def run(lab: Lab, source: str, **cluster: Any) -> str:
    """What a notebook gives to `result`, on a cluster of its own."""
    task = lab.task("only", lab.notebook("any", f"{source}\ndbutils.notebook.exit(str(result))"), cluster=cluster)
    ended = lab.ended(lab.submit(task))
    return value(lab, ended, "only")


STRINGS = (
    "from pyspark.sql import functions as F\n"
    "rows = spark.createDataFrame([('1.5', '2'), ('x', None)], 'a string, b string')\n"
)


def test_strings_are_added_as_the_runtime_of_the_cluster_adds_them(lab: Lab) -> None:
    source = f"{STRINGS}result = [row[0] for row in rows.select(F.col('a') + F.col('b')).collect()]"
    assert run(lab, source, spark_version=OLD) == "[3.5, None]"
    refused = (
        f"{STRINGS}from pyspark.errors import AnalysisException\ntry:\n"
        "    rows.select(F.col('a') + F.col('b')).collect()\nexcept Exception as error:\n"
        "    result = error.getCondition()"
    )
    assert run(lab, refused, spark_version=NEW) == "CAST_INVALID_INPUT"
    off = {"spark.sql.ansi.enabled": "false", "spark.executor.memory": "2g", "note": 'a "b"\n\\c'}
    both = f"{source}\nresult += [spark.conf.get('spark.executor.memory'), spark.conf.get('note')]"
    assert run(lab, both, spark_version=NEW, spark_conf=off) == str([3.5, None, "2g", off["note"]])
