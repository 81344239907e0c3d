"""What a notebook finds around it: names, packages, paths; what its cluster does before and after it."""

import base64
import importlib.util
import io
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace

from .job_lab import put_file, result
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab, lab_of, until

NEXT = "\n\n# COMMAND ----------\n\n"


def sql_notebook(lab: Lab, name: str, source: str) -> str:
    path = f"/Shared/{name}"
    lab.sdk.workspace.import_(
        path=path,
        content=base64.b64encode(
            f"-- Databricks notebook source\n{textwrap.dedent(source)}".encode()
        ).decode(),
        format=ImportFormat.SOURCE,
        language=Language.SQL,
        overwrite=True,
    )
    return path


def test_names_that_a_notebook_has_without_an_import(lab: Lab) -> None:
    source = """
        import json
        dbutils.widgets.text("name", "you")
        spark.range(2).createOrReplaceTempView("numbers")
        from databricks.sdk.runtime import display as shown, getArgument as argument, sqlContext as context
        dbutils.help(); dbutils.fs.help(); dbutils.fs.help("cp"); dbutils.notebook.help()
        dbutils.library.help()
        dbutils.widgets.help("text"); dbutils.secrets.help(); dbutils.jobs.help(); dbutils.data.help()
        dbutils.jobs.taskValues.help()
        dbutils.data.summarize(spark.table("numbers"))
        dbutils.data.summarize(spark.table("numbers").toPandas())
        shown(spark.table("numbers"))
        spark.table("numbers").display()
        dbutils.notebook.exit(json.dumps([
            getArgument("name"), getArgument("other", "default"), argument("name"), dbutils.widgets.getAll(),
            sqlContext.sql("SELECT count(*) FROM numbers").first()[0],
            sqlContext.table("numbers").count(), context.table("numbers").count() == 2,
            table("numbers").select(udf(lambda n: n + 1, "long")("id")).collect()[1][0],
            len(sql("SHOW TABLES").collect()) > 0,
        ]))
    """
    found = result(lab, "names", source)
    assert found == ["you", "default", "you", {"name": "you"}, 2, 2, True, 2, True]


def test_widgets_in_sql_cells(lab: Lab) -> None:
    source = """
        CREATE OR REPLACE TEMP VIEW people AS
        SELECT * FROM VALUES (1, 'Ada', 'uk'), (2, 'Bob', 'us') AS t(id, name, land);

        -- COMMAND ----------

        CREATE WIDGET TEXT land DEFAULT 'us';
        CREATE WIDGET DROPDOWN who DEFAULT "Ada" CHOICES SELECT name FROM people;
        CREATE WIDGET COMBOBOX source DEFAULT 'people' CHOICES SELECT 'people';
        REMOVE WIDGET who; -- a comment after the last one

        -- COMMAND ----------

        SELECT name FROM IDENTIFIER(:source) WHERE land = :land AND id::int > 0 AND ':land' <> name

        -- COMMAND ----------

        -- MAGIC %python
        -- MAGIC seen = [_sqldf.first()[0]]

        -- COMMAND ----------

        SELECT name FROM ${source} WHERE land = getArgument('land') AND land = '$land' AND '${my.conf}' = 'c'

        -- COMMAND ----------

        -- MAGIC %python
        -- MAGIC seen += [_sqldf.first()[0], sorted(dbutils.widgets.getAll())]
        -- MAGIC import json
        -- MAGIC dbutils.notebook.exit(json.dumps(seen))
    """
    path = sql_notebook(lab, "widgets_in_sql", source)
    conf = {"spark_conf": {"my.conf": "c"}}
    for given, name in (({}, "Bob"), ({"land": "uk"}, "Ada")):
        run = lab.run(lab.task("only", path, cluster=conf, parameters=given))
        output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
        assert output.error is None, output.error_trace
        assert json.loads(output.notebook_output.result) == [name, name, ["land", "source"]]


def test_changes_of_a_table_are_shown_with_their_counts(lab: Lab) -> None:
    path = sql_notebook(
        lab,
        "changes",
        """
        CREATE TABLE notebook_changes (id INT, name STRING);
        INSERT INTO notebook_changes VALUES (1, 'a'), (2, 'b')

        -- COMMAND ----------

        -- MAGIC %python
        -- MAGIC dbutils.notebook.exit(str(_sqldf.collect()[0][0]))
        """,
    )
    output = lab.sdk.jobs.get_run_output(lab.run(lab.task("only", path))["tasks"][0]["run_id"])
    assert (output.error, output.notebook_output.result) == (None, "2")


def test_display_of_a_stream_shows_what_has_come_and_goes_on(lab: Lab) -> None:
    source = """
        dbutils.fs.put("/incoming/a.csv", "1,first", True)
        stream = spark.readStream.schema("id int, word string").csv("/incoming")
        display(stream)
        display(spark.range(2))
        dbutils.notebook.exit("1")
    """
    run = lab.run(lab.task("only", lab.notebook("stream", textwrap.dedent(source))))
    page = str(lab.sdk.jobs.export_run(run["tasks"][0]["run_id"]).views[0].content)
    assert run["state"]["result_state"] == "SUCCESS"
    assert "first" in page


def test_paths_without_a_scheme_are_those_of_dbfs(lab: Lab) -> None:
    source = """
        import json, os
        spark.range(3).write.mode("overwrite").parquet("/lesson/numbers")
        spark.range(2).write.mode("overwrite").csv("relative/numbers")
        errors = []
        for attempt in (
            lambda: spark.read.csv("/no/such/path").count(),
            lambda: spark.read.format("json").load("dbfs:/no/such").collect(),
            lambda: spark.sql("SELECT * FROM parquet.`/no/such`").collect(),
            lambda: spark.read.parquet("/dbfs/lesson/numbers").count(),
        ):
            try:
                errors.append(attempt())
            except Exception as error:
                errors.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        dbutils.notebook.exit(json.dumps([
            spark.read.parquet("dbfs:/lesson/numbers").count(),
            spark.read.parquet("/lesson/num*").count(),
            spark.sql("SELECT * FROM parquet.`/lesson/numbers`").count(),
            sorted(os.listdir("/dbfs/relative")), [item.name for item in dbutils.fs.ls("relative")],
            dbutils.fs.put("note.txt", "x", True),
            dbutils.fs.head("dbfs:/note.txt"), errors,
        ]))
    """
    found = result(lab, "paths", source)
    missing = "AnalysisException: [PATH_NOT_FOUND] Path does not exist: dbfs:{}. SQLSTATE: 42K03"
    missing_paths = ("/no/such/path", "/no/such", "/no/such", "/dbfs/lesson/numbers")
    assert found == [
        3, 3, 3, ["numbers"], ["numbers/"], True, "x", [missing.format(path) for path in missing_paths],
    ]  # fmt: skip


def test_pandas_on_spark_and_the_packages_of_the_runtime(lab: Lab) -> None:
    source = """
        import json
        import pyspark.pandas as ps
        import plotly, scipy, sklearn, statsmodels
        frame = ps.DataFrame({"kind": ["a", "b", "a"], "n": [1, 2, 3]})
        dbutils.notebook.exit(json.dumps(frame.groupby("kind").n.sum().sort_index().to_pandas().tolist()))
    """
    assert result(lab, "packages", source) == [4, 2]


@pytest.mark.parametrize(
    ("module", "says"),
    [("sklearn.svm", "pip install 'databricks-flows[runtime]'"), ("mlflow", "install it with %pip")],
)
def test_a_package_of_the_runtime_that_is_missing(lab: Lab, module: str, says: str) -> None:
    name = module.partition(".")[0]
    hidden = "import sys\nsys.path[:] = [place for place in sys.path if 'site-packages' not in place]\n"
    _, output = lab.run_source("missing", f"{hidden}import {module}")
    assert output["error"].startswith(f"ModuleNotFoundError: No module named '{name}': ")
    assert says in output["error"]


@pytest.fixture
def quick_logs(tmp_path: Path) -> Any:
    with LocalWorkspace(tmp_path, log_delivery_seconds=0.1) as workspace:
        yield from lab_of(workspace)


def read_dbfs(lab: Lab, path: str) -> str:
    return b"".join(iter(lab.sdk.dbfs.download(path).read, b"")).decode()


def test_logs_of_a_cluster_are_delivered_while_it_runs_and_at_its_end(quick_logs: Lab) -> None:
    lab = quick_logs
    lab.sdk.secrets.create_scope("logs")
    lab.sdk.secrets.put_secret("logs", "key", string_value="very-secret")
    source = """
        import os, sys, time, pathlib
        print("early", dbutils.secrets.get("logs", "key"))
        print("to stderr", file=sys.stderr)
        os.system("echo from a program")
        while not pathlib.Path("/dbfs/go").exists():
            time.sleep(0.02)
        print("late")
    """
    cluster = {"cluster_log_conf": {"dbfs": {"destination": "dbfs:/cluster-logs"}}}
    run_id = lab.submit(lab.task("only", lab.notebook("logging", textwrap.dedent(source)), cluster=cluster))
    files = until(lambda: list((lab.workspace.root / "dbfs" / "cluster-logs").glob("*/driver/stdout")))
    folder = f"/cluster-logs/{files[0].parts[-3]}/driver"
    until(lambda: "from a program" in read_dbfs(lab, f"{folder}/stdout"))
    lab.sdk.dbfs.upload("/go", io.BytesIO(b""))
    assert lab.ended(run_id)["state"]["result_state"] == "SUCCESS"
    written = {item.path.rpartition("/")[2]: read_dbfs(lab, item.path) for item in lab.sdk.dbfs.list(folder)}
    assert sorted(written) == ["log4j-active.log", "stderr", "stdout"]
    assert written["stdout"] == "early [REDACTED]\nfrom a program\nlate\n"
    assert "to stderr\n" in written["stderr"]


def test_the_delivered_log_of_spark_has_no_secret_of_the_cluster(quick_logs: Lab) -> None:
    lab = quick_logs
    lab.sdk.secrets.create_scope("logs")
    for key, secret in (("conf", "of the conf"), ("variable", "of a variable")):
        lab.sdk.secrets.put_secret("logs", key, string_value=secret)
    source = """
        import os
        conf = spark.conf.get("my.key")
        @udf
        def loud(_):
            print("Spark says:", conf, os.environ["MY_KEY"], flush=True)
        spark.range(1).select(loud("id")).collect()
    """
    cluster = {
        "cluster_log_conf": {"dbfs": {"destination": "dbfs:/spark-logs"}},
        "spark_conf": {"my.key": "{{secrets/logs/conf}}"},
        "spark_env_vars": {"MY_KEY": "{{secrets/logs/variable}}"},
    }
    task, output = lab.run_source("loud", textwrap.dedent(source), cluster=cluster)
    assert task["state"]["result_state"] == "SUCCESS", output
    (log,) = (lab.workspace.root / "dbfs" / "spark-logs").glob("*/driver/log4j-active.log")
    assert "Spark says: [REDACTED] [REDACTED]\n" in log.read_text()
    assert "of a variable" not in log.read_text()


def test_logs_on_a_volume_of_a_script_that_fails(quick_logs: Lab) -> None:
    lab = quick_logs
    (lab.workspace.root / "volumes" / "main" / "default" / "logs").mkdir(parents=True)
    put_file(lab, "/Shared/failing.py", "print('before')\nraise ValueError('no')\n")
    cluster = {**CLUSTER, "cluster_log_conf": {"volumes": {"destination": "/Volumes/main/default/logs"}}}
    script = jobs.SparkPythonTask(python_file="/Workspace/Shared/failing.py")
    task = jobs.SubmitTask(
        task_key="only", spark_python_task=script, new_cluster=compute.ClusterSpec.from_dict(cluster)
    )
    run = lab.run(task)
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert "before" in output.logs
    assert "ValueError: no" in output.logs
    (stderr,) = (lab.workspace.root / "volumes").glob("main/default/logs/*/driver/stderr")
    assert stderr.read_text().endswith("ValueError: no\n")


def test_init_scripts_run_before_spark_and_install_for_the_cluster_only(lab: Lab, tmp_path: Path) -> None:
    script = """
        #!/bin/bash
        set -e
        echo "$DB_CLUSTER_ID $DB_IS_DRIVER" > /dbfs/init_ran
        pip install --no-index --find-links /dbfs/init_wheels init-word
    """
    put_file(lab, "/Shared/init.sh", textwrap.dedent(script).lstrip())
    wheel = build_wheel(tmp_path, "init_word", "1.0", "WORD = 1\n")
    lab.sdk.dbfs.upload(f"/init_wheels/{wheel.name}", io.BytesIO(wheel.read_bytes()), overwrite=True)
    cluster = {"init_scripts": [{"workspace": {"destination": "/Shared/init.sh"}}]}
    source = "import init_word, json\ndbutils.notebook.exit(json.dumps(init_word.WORD))"
    assert result(lab, "after_init", source, cluster=cluster) == 1
    assert read_dbfs(lab, "/init_ran").endswith(" TRUE\n")
    assert importlib.util.find_spec("init_word") is None


@pytest.mark.parametrize(
    ("destination", "says"),
    [
        ({"volumes": {"destination": "/Volumes/no/such/script.sh"}}, "the file does not exist"),
        ({"dbfs": {"destination": "dbfs:/bad.sh"}}, "Script exit status is non-zero"),
    ],
)
def test_an_init_script_that_fails_ends_the_cluster(lab: Lab, destination: Any, says: str) -> None:
    lab.sdk.dbfs.upload("/bad.sh", io.BytesIO(b"exit 3\n"), overwrite=True)
    task, _ = lab.run_source("never", "print(1)", cluster={"init_scripts": [destination]})
    assert task["state"]["result_state"] == "FAILED"
    assert says in task["state"]["state_message"]
    left = f"local-{task['run_id']}*"
    assert list((lab.workspace.root / "tasks").glob(left)) == []


def test_a_script_instrumented_for_dagster_reports_over_dbfs_unchanged(lab: Lab) -> None:
    """Dagster's writer reads the usage tags of the cluster, and asks for py4j."""
    from dagster_pipes import encode_param

    context = {
        "asset_keys": ["load"], "code_version_by_asset_key": {"load": None}, "extras": {"word": "hello"},
        "job_name": None, "partition_key": None, "partition_key_range": None, "partition_time_window": None,
        "provenance_by_asset_key": {"load": None}, "retry_number": 0, "run_id": "run",
    }  # fmt: skip
    lab.sdk.dbfs.upload("/pipes/context.json", io.BytesIO(json.dumps(context).encode()), overwrite=True)
    lab.sdk.dbfs.mkdirs("/pipes/messages")
    script = """
        from dagster_pipes import PipesDbfsContextLoader, PipesDbfsMessageWriter, open_dagster_pipes
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        with open_dagster_pipes(
            context_loader=PipesDbfsContextLoader(), message_writer=PipesDbfsMessageWriter(interval=0.2)
        ) as pipes:
            pipes.log.info(pipes.get_extra("word"))
            pipes.report_asset_materialization(metadata={"rows": spark.range(3).count()})
    """
    put_file(lab, "/Shared/dagster_script.py", textwrap.dedent(script))
    environment = {
        "DAGSTER_PIPES_CONTEXT": encode_param({"path": "/pipes/context.json"}),
        "DAGSTER_PIPES_MESSAGES": encode_param({"path": "/pipes/messages"}),
    }
    cluster = compute.ClusterSpec.from_dict({**CLUSTER, "spark_env_vars": environment})
    task = jobs.SparkPythonTask(python_file="/Workspace/Shared/dagster_script.py")
    run = lab.run(jobs.SubmitTask(task_key="only", spark_python_task=task, new_cluster=cluster))
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert run["state"]["result_state"] == "SUCCESS", output.error_trace
    chunks = sorted(item.path for item in lab.sdk.dbfs.list("/pipes/messages"))
    lines = [json.loads(line) for path in chunks for line in read_dbfs(lab, path).splitlines()]
    methods = [line["method"] for line in lines]
    assert methods == ["opened", "log", "report_asset_materialization", "closed"]
    assert lines[1]["params"]["message"] == "hello"
    assert lines[2]["params"]["metadata"]["rows"]["raw_value"] == 3
