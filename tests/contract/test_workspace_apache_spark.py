"""Clusters on Apache Spark itself, beside others on Sail: `uv run pytest -m apache_spark`.

Its first use installs Apache Spark in the cache of the user.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import compute
from databricks_local.jobs.engines import ENGINE_TAG, SAIL, SPARK

from .job_lab import invalid, latest, output, own_workspace, refusal, results, value
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab, java_processes, until

pytestmark = pytest.mark.apache_spark

OLD, NEW = "15.4.x-scala2.12", "17.3.x-scala2.13"
STRINGS = (
    "from pyspark.sql import functions as F\n"
    "rows = spark.createDataFrame([('1.5', '2'), ('x', None)], 'a string, b string')\n"
    "added = rows.select(F.col('a') + F.col('b'))\n"
)
START_SECONDS = 120
EXIT = "\ndbutils.notebook.exit(str(result))"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with own_workspace(
        tmp_path_factory.mktemp("apache") / "root", engine=SPARK, spark_spare=False
    ) as started:
        yield started


def run(lab: Lab, source: str, **cluster: Any) -> dict[str, Any]:
    """Run a notebook on a cluster of its own."""
    task = lab.task("only", lab.notebook("any", source), cluster=cluster)
    return lab.ended(lab.submit(task), START_SECONDS)


def upload_wheel(lab: Lab, wheel: Path) -> str:
    """Put a wheel on DBFS; its path for pip."""
    lab.sdk.dbfs.upload(f"/wheels/{wheel.name}", io.BytesIO(wheel.read_bytes()), overwrite=True)
    return f"/dbfs/wheels/{wheel.name}"


def leftovers(lab: Lab) -> Sequence[str]:
    return [each.name for each in (lab.workspace.root / "tasks").iterdir()]


def test_an_old_runtime_has_no_ansi_mode_and_what_spark_conf_says_counts(lab: Lab) -> None:
    given = {"spark.executor.memory": "2g", "plain": 'a "b"\n\\c'}
    source = (
        f"{STRINGS}result = [row[0] for row in added.collect()]\n"
        f"result += [spark.conf.get(name) for name in {list(given)}]{EXIT}"
    )
    ended = run(lab, source, spark_version=OLD, spark_conf=given)
    assert value(lab, ended, "only") == str([3.5, None, *given.values()])
    assert not java_processes(lab)
    assert leftovers(lab) == []


def test_a_new_runtime_has_ansi_mode(lab: Lab) -> None:
    source = (
        f"{STRINGS}try:\n    added.collect()\nexcept Exception as error:\n"
        f"    result = error.getCondition(){EXIT}"
    )
    ended = run(lab, source, spark_version=NEW)
    assert value(lab, ended, "only") == "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE"


def test_files_functions_and_libraries_of_the_workspace(lab: Lab, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "dusk", "1.0", "def name(x):\n    return f'<{x}>'\n")
    with wheel.open("rb") as content:
        lab.sdk.dbfs.upload(f"/code/{wheel.name}", content)
    source = (
        "import os\nfrom pyspark.sql.functions import pandas_udf, udf\n"
        "spark.range(3).write.parquet('dbfs:/numbers')\n"
        "@pandas_udf('long')\ndef more(column):\n    return column + 1\n"
        "@udf\ndef text(number):\n    import dusk\n    return dusk.name(number)\n"
        "sums = spark.read.parquet('dbfs:/numbers').select(more('id')).toPandas().sum().item()\n"
        f"result = (sums, spark.range(1).select(text('id')).first()[0], os.path.isdir('/dbfs/numbers')){EXIT}"
    )
    library = compute.Library(whl=f"dbfs:/code/{wheel.name}")
    task = lab.task("only", lab.notebook("any", source), libraries=[library])
    assert value(lab, lab.ended(lab.submit(task), START_SECONDS), "only") == str((6, "<0>", True))


def test_functions_find_what_a_notebook_installs_by_pip(lab: Lab, tmp_path: Path) -> None:
    wheel = upload_wheel(lab, build_wheel(tmp_path, "mist", "1.0", "WORD = 'mist'\n"))
    source = (
        f"# MAGIC %pip install -q --no-index {wheel}\n\n# COMMAND ----------\n\n"
        "import mist\nword = udf(lambda _: mist.WORD)\n"
        f"result = spark.range(1).select(word('id')).first()[0]{EXIT}"
    )
    assert value(lab, run(lab, source), "only") == "mist"


def test_functions_find_a_library_that_was_not_there_when_they_first_looked(lab: Lab, tmp_path: Path) -> None:
    wheel = upload_wheel(lab, build_wheel(tmp_path, "haze", "1.0", "WORD = 'haze'\n"))
    source = (
        "def look(_):\n    try:\n        import haze\n        return haze.WORD\n"
        "    except ImportError:\n        return 'none'\n"
        f"result = spark.range(1).select(udf(look)('id')).first()[0]{EXIT}"
    )
    path = lab.notebook("looks", source)
    cluster_id = lab.sdk.clusters.create(**{**CLUSTER, "cluster_name": "long"}).result().cluster_id or ""
    haze = compute.Library(whl=f"dbfs:{wheel.removeprefix('/dbfs')}")
    for libraries, found in ((None, "none"), ([haze], "haze")):
        task = lab.task("only", path, libraries=libraries)
        task.new_cluster, task.existing_cluster_id = None, cluster_id
        assert value(lab, lab.ended(lab.submit(task), START_SECONDS), "only") == found
    lab.sdk.clusters.permanent_delete(cluster_id)
    assert until(lambda: leftovers(lab) == [])


def test_functions_of_batches_are_at_home_in_the_workspace(lab: Lab, tmp_path: Path) -> None:
    """Spark calls them in a process of its own, which knows neither the paths nor what %pip installed."""
    wheel = upload_wheel(lab, build_wheel(tmp_path, "dew", "1.0", "WORD = 'dew'\n"))
    source = (
        f"# MAGIC %pip install -q --no-index {wheel}\n\n# COMMAND ----------\n\n"
        "import dew\ndbutils.fs.put('/stream/in/a.csv', '1', True)\n"
        "def keep(batch, number):\n"
        "    batch.write.parquet(f'/stream/{dew.WORD}/{number}')\n"
        "    batch.sparkSession.sql('select * from csv.`dbfs:/stream/in`').write.parquet('/stream/sql')\n"
        "stream = spark.readStream.schema('n int').csv('/stream/in').writeStream.foreachBatch(keep)\n"
        "stream = stream.option('checkpointLocation', '/stream/checkpoint').trigger(availableNow=True)\n"
        "stream.start().awaitTermination()\n"
        f"result = [spark.read.parquet(p).count() for p in ('/stream/dew/0', '/stream/sql')]{EXIT}"
    )
    assert value(lab, run(lab, source), "only") == "[1, 1]"
    assert (lab.workspace.root / "dbfs" / "stream" / "dew" / "0" / "_SUCCESS").exists()


def test_what_needs_delta_is_refused_with_what_to_do(lab: Lab) -> None:
    ended = run(lab, "spark.range(1).write.format('delta').save('/numbers_in_delta')")
    assert results(ended) == {"only": "FAILED"}
    failed = output(lab, ended["tasks"][0])
    assert "Apache Spark has no Delta here, since its wheel has none: use the engine sail" in failed["error"]
    assert "\n" not in failed["error"]
    assert "JVM stacktrace:" in failed["error_trace"]


def test_init_scripts_and_delivery_of_logs(lab: Lab, tmp_path: Path) -> None:
    wheel = upload_wheel(lab, build_wheel(tmp_path, "rain", "1.0", "WORD = 'rain'\n"))
    script = f"pip install --no-index {wheel}\n".encode()
    lab.sdk.dbfs.upload("/install.sh", io.BytesIO(script), overwrite=True)
    source = (
        "import rain\nprint('wet')\nword = udf(lambda _: rain.WORD)\n"
        f"result = spark.range(1).select(word('id')).first()[0]{EXIT}"
    )
    scripts, logs = [{"dbfs": {"destination": "dbfs:/install.sh"}}], {"dbfs": {"destination": "dbfs:/logs"}}
    assert value(lab, run(lab, source, init_scripts=scripts, cluster_log_conf=logs), "only") == "rain"
    (folder,) = (lab.workspace.root / "dbfs" / "logs").glob("*/driver")
    until(lambda: "Spark Connect server started at" in (folder / "log4j-active.log").read_text())
    assert (folder / "stdout").read_text() == "wet\n"


def test_an_init_script_that_fails_ends_the_cluster(lab: Lab) -> None:
    lab.sdk.dbfs.upload("/bad.sh", io.BytesIO(b"exit 3\n"), overwrite=True)
    scripts = [{"dbfs": {"destination": "dbfs:/bad.sh"}}]
    task, _ = lab.run_source("never", "print(1)", cluster={"init_scripts": scripts})
    assert "dbfs:/bad.sh failed: Script exit status is non-zero" in task["state"]["state_message"]
    assert leftovers(lab) == []


def test_what_spark_cannot_reach_is_refused_in_one_line(lab: Lab) -> None:
    source = "for read in (lambda: spark.read.csv('s3a://bucket/x'), lambda: spark.sql('select * from csv.`s3://b/x`')):\n"
    source += "    try:\n        read().count()\n    except ValueError as error:\n        print(error)\n"
    task, output = lab.run_source("any", source + "spark.read.csv('s3://bucket/x').count()")
    assert task["state"]["result_state"] == "FAILED"
    assert output["error"].startswith("ValueError: s3://bucket/x: Apache Spark cannot reach S3 here")
    assert "\n" not in output["error"]


WITHOUT_DELTA = """
for ask in (
    lambda: spark.sql("DESCRIBE HISTORY t"),
    lambda: spark.sql("OPTIMIZE t"),
    lambda: spark.sql("SELECT * FROM delta.`/tmp/no-delta`"),
):
    try:
        ask()
    except Exception as error:
        assert "needs Delta" in str(error) and "local_engine" in str(error) and "\\n" not in str(error), error
    else:
        raise AssertionError("done")
spark.sql("CREATE TABLE plain AS SELECT 1 AS a")
assert spark.table("plain").count() == 1
dbutils.notebook.exit("refused")
"""


def test_statements_of_delta_are_refused_in_one_line(lab: Lab) -> None:
    run = lab.ended(lab.submit(lab.task("only", lab.notebook("any", WITHOUT_DELTA))), 55)
    assert value(lab, run, "only") == "refused"


def test_a_tag_gives_one_cluster_the_other_engine(lab: Lab) -> None:
    tagged = {"custom_tags": {ENGINE_TAG: SAIL}}
    path = lab.notebook("any", "import time\nspark.range(3).count()\ndbutils.notebook.exit('done')")
    ended = lab.run(lab.task("only", path, cluster=tagged))
    assert value(lab, ended, "only") == "done"
    assert not java_processes(lab)
    body = {"tasks": [{"task_key": "only", "notebook_task": {"notebook_path": path}, "new_cluster": tagged}]}
    tagged["custom_tags"] = {ENGINE_TAG: "flink"}
    answer = lab.post("/api/2.2/jobs/create", body)
    assert refusal(answer) == invalid("local_engine must be one of: sail, spark")


def test_a_lost_server_is_a_lost_cluster_and_no_secret_is_in_a_command_line(lab: Lab) -> None:
    given = {"spark.hadoop.fs.key": "{{secrets/vault/key}}"}
    lab.sdk.secrets.create_scope("vault")
    lab.sdk.secrets.put_secret("vault", "key", string_value="geheim")
    path = lab.notebook("any", "import time\ntime.sleep(600)")
    run_id = lab.submit(lab.task("only", path, cluster={"spark_conf": given}))
    lab.wait_for_task(run_id, "only", "RUNNING")
    (java,) = java_processes(lab)
    assert "geheim" not in " ".join(java.cmdline())
    java.kill()
    assert results(lab.ended(run_id)) == {"only": "FAILED"}
    assert leftovers(lab) == []


def test_a_stream_and_its_session_end_with_the_notebook(lab: Lab) -> None:
    cluster = lab.sdk.clusters.create_and_wait(cluster_name="all-purpose", **CLUSTER)  # type: ignore[arg-type]

    def on_it(source: str) -> dict[str, Any]:
        task = lab.task("only", lab.notebook("any", source))
        task.new_cluster, task.existing_cluster_id = None, cluster.cluster_id
        return lab.ended(lab.submit(task), START_SECONDS)

    source = (
        "stream = spark.readStream.format('rate').load().writeStream.format('csv')\n"
        "stream.option('checkpointLocation', '/stream/kept').start('/stream/out')\n"
        "import os, time\n"
        "while not os.path.exists('/dbfs/stream/out/_spark_metadata/0'):\n    time.sleep(0.1)\n"
        "dbutils.notebook.exit(spark.session_id)\n"
    )
    session = value(lab, on_it(source), "only")
    # The stream has made a batch a second, and makes no more.
    batches = lab.workspace.root / "dbfs" / "stream" / "out" / "_spark_metadata"
    made = sorted(batches.iterdir())
    source = (
        "import os, time\nfrom pyspark.sql.connect.session import SparkSession\n"
        f"remote = os.environ['SPARK_REMOTE'] + '/;session_id={session}'\n"
        "time.sleep(3)\nSparkSession.builder.remote(remote).create().streams.active\n"
    )
    assert "SESSION_CLOSED" in output(lab, latest(on_it(source))["only"])["error"]
    assert sorted(batches.iterdir()) == made


def test_an_aggregated_stream_is_shown(lab: Lab) -> None:
    lab.sdk.dbfs.upload("/words/a.csv", io.BytesIO(b"a\nb\na\n"), overwrite=True)
    source = (
        "spark.conf.set('spark.sql.shuffle.partitions', 1)\n"
        "words = spark.readStream.schema('word string').csv('/words')\n"
        "display(words.groupBy('word').count())\n"
    )
    ended = run(lab, source)
    assert results(ended) == {"only": "SUCCESS"}
    # The rows of a first batch that takes long are not there yet.
    assert "count" in str(lab.sdk.jobs.export_run(ended["tasks"][0]["run_id"]).views)
