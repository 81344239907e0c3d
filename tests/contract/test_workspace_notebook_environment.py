"""What a notebook finds around it: its folder, its run, its cluster, packages, paths."""

import base64
import importlib.util
import io
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language
from databricks_local import LocalWorkspace

from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab, lab_of, until

NEXT = "\n\n# COMMAND ----------\n\n"


def result(lab: Lab, name: str, source: str, **fields: Any) -> Any:
    """Run one notebook, and return the JSON that it gives to `exit`."""
    task, output = lab.run_source(name, textwrap.dedent(source), **fields)
    assert task["state"].get("result_state") == "SUCCESS", (task["state"], output)
    return json.loads(output["notebook_output"]["result"])


def put_file(lab: Lab, path: str, content: str, form: ImportFormat = ImportFormat.RAW) -> None:
    folder = path.rpartition("/")[0]
    lab.sdk.workspace.mkdirs(folder)
    lab.sdk.workspace.upload(path, content.encode(), format=form, overwrite=True)


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


def on_cluster(path: str, cluster_id: str) -> jobs.SubmitTask:
    task = jobs.NotebookTask(notebook_path=path)
    return jobs.SubmitTask(task_key="only", notebook_task=task, existing_cluster_id=cluster_id)


def test_a_notebook_begins_in_its_folder(lab: Lab) -> None:
    put_file(lab, "/Shared/project/helpers.py", "FACTOR = 2\n\n\ndef twice(n):\n    return FACTOR * n\n")
    put_file(lab, "/Shared/project/package/__init__.py", "")
    put_file(lab, "/Shared/project/package/deep.py", "from helpers import twice\n\nFOUR = twice(2)\n")
    put_file(lab, "/Shared/project/data.csv", "a,b\n1,2\n")
    source = """
        import json, os
        import helpers
        from package.deep import FOUR
        doubled = udf(lambda n: helpers.twice(n), "long")
        rows = [row[0] for row in spark.range(3).select(doubled("id")).collect()]
        with open("data.csv") as file:
            first = file.readline().strip()
        open("written.txt", "w").write("kept")
        dbutils.notebook.exit(json.dumps([os.getcwd(), FOUR, rows, first, sorted(os.listdir("."))]))
    """
    found = result(lab, "project/main", source)
    assert found[:4] == ["/Workspace/Shared/project", 4, [0, 2, 4], "a,b"]
    # As there, the folder is the workspace's own; no byte code is left in it.
    assert found[4] == ["data.csv", "helpers.py", "main", "package", "written.txt"]
    assert (
        lab.sdk.workspace.download("/Shared/project/written.txt", format=ExportFormat.AUTO).read() == b"kept"
    )


def test_a_module_that_changed_between_two_tasks_of_a_cluster_is_read_anew(lab: Lab) -> None:
    put_file(lab, "/Shared/changing/fresh.py", "VALUE = 1\n\n\ndef value(_):\n    return VALUE\n")
    source = textwrap.dedent("""
        import fresh, pathlib
        seen = spark.range(1).select(udf(fresh.value, "int")("id")).first()[0]
        pathlib.Path("fresh.py").write_text("VALUE = 2\\n\\n\\ndef value(_):\\n    return VALUE\\n")
        dbutils.notebook.exit(f"{fresh.VALUE} {seen}")
    """)
    path = lab.notebook("changing/main", source)
    cluster = lab.sdk.clusters.create(**{**CLUSTER, "cluster_name": "shared"}).result()
    values = []
    for _ in range(2):
        run = lab.run(on_cluster(path, str(cluster.cluster_id)))
        output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
        values.append(output.notebook_output and output.notebook_output.result)
    lab.sdk.clusters.permanent_delete(str(cluster.cluster_id))
    assert values == ["1 1", "2 2"]


def test_a_script_of_the_workspace_begins_in_its_folder(lab: Lab) -> None:
    put_file(lab, "/Shared/scripts/beside.py", "WORD = 'beside'\n")
    put_file(lab, "/Shared/scripts/main.py", "import os, beside\nprint(os.getcwd(), beside.WORD)\n")
    script = jobs.SparkPythonTask(python_file="/Workspace/Shared/scripts/main.py")
    cluster = compute.ClusterSpec.from_dict(CLUSTER)
    run = lab.run(jobs.SubmitTask(task_key="only", spark_python_task=script, new_cluster=cluster))
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert output.logs == "/Workspace/Shared/scripts beside\n"


def test_requirements_above_the_folder(lab: Lab) -> None:
    put_file(lab, "/Shared/above/requirements.txt", "# nothing\n")
    lab.sdk.workspace.mkdirs("/Shared/above/deep")
    source = "# MAGIC %pip install -r ../requirements.txt" + NEXT + "dbutils.notebook.exit('1')"
    assert result(lab, "above/deep/main", source) == 1


def test_files_are_imported_by_path_and_by_content(lab: Lab) -> None:
    url = "/api/2.0/workspace-files/import-file/Shared/imported/a%20file.csv?overwrite=true"
    lab.sdk.workspace.mkdirs("/Shared/imported")
    for content in (b"a,b\n", b"a,b\n1,2\n"):
        assert lab.http.post(url, content=content).json() == {}
    refused = lab.http.post(url.replace("true", "false"), content=b"")
    assert (refused.status_code, refused.json()["error_code"]) == (409, "RESOURCE_ALREADY_EXISTS")
    assert lab.sdk.workspace.get_status("/Shared/imported/a file.csv").size == 8
    missing = lab.http.post("/api/2.0/workspace-files/import-file/Shared/no/such.txt", content=b"x")
    assert missing.status_code == 404
    notebook = "# Databricks notebook source\nprint(1)\n"
    put_file(lab, "/Shared/imported/auto.py", notebook, ImportFormat.AUTO)
    put_file(lab, "/Shared/imported/plain.py", "print(1)\n", ImportFormat.AUTO)
    put_file(lab, "/Shared/imported/raw.py", notebook, ImportFormat.RAW)
    found = {item.path: str(item.object_type) for item in lab.sdk.workspace.list("/Shared/imported")}
    assert found["/Shared/imported/auto"].endswith("NOTEBOOK")
    assert found["/Shared/imported/plain.py"].endswith("FILE")


def test_the_sdk_logs_in_by_itself_as_the_user_of_the_run(lab: Lab) -> None:
    source = """
        import json, os
        from databricks.sdk import WorkspaceClient
        client = WorkspaceClient()
        path = dbutils.notebook.entry_point.getDbutils().notebook().getContext().notebookPath().get()
        print(client.config.token, client.config.authenticate())
        dbutils.notebook.exit(json.dumps([
            client.current_user.me().user_name,
            client.config.auth_type,
            client.workspace.get_status(path).path,
            sorted(name for name in os.environ if "TOKEN" in name),
        ]))
    """
    found = result(lab, "client", source)
    assert found == ["local@dbflow.example", "runtime", "/Shared/client", []]
    run_id = next(iter(lab.sdk.jobs.list_runs(limit=1))).run_id
    task = lab.sdk.jobs.get_run(run_id).tasks[0]
    page = str(lab.sdk.jobs.export_run(task.run_id).views[0].content)
    assert "Bearer [REDACTED]" in page.replace("&#x27;", "'")


def test_the_token_of_a_task_is_good_while_it_runs(lab: Lab) -> None:
    source = """
        import json
        context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()
        token = context.apiToken().get()
        dbutils.fs.put("/kept_token", token[::-1], True)
        dbutils.notebook.exit(json.dumps(len(token)))
    """
    assert result(lab, "token", source) == 36
    kept = b"".join(iter(lab.sdk.dbfs.download("/kept_token").read, b"")).decode()[::-1]
    answer = lab.http.get("/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {kept}"})
    assert answer.status_code == 403


def test_with_tls_the_sdk_in_a_task_trusts_the_workspace(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path, tls=True) as workspace:
        client = workspace.client()
        source = (
            "# Databricks notebook source\nfrom databricks.sdk import WorkspaceClient\n"
            "dbutils.notebook.exit(WorkspaceClient().current_user.me().user_name)"
        )
        client.workspace.upload("/Shared/tls.py", source.encode(), format=ImportFormat.AUTO)
        task = jobs.SubmitTask(
            task_key="only",
            notebook_task=jobs.NotebookTask(notebook_path="/Shared/tls"),
            new_cluster=compute.ClusterSpec.from_dict(CLUSTER),
        )
        run = client.jobs.submit(run_name="tls", tasks=[task]).result()
        output = client.jobs.get_run_output(run.tasks[0].run_id)
        assert (output.error, output.notebook_output.result) == (None, "local@dbflow.example")


def test_the_context_of_a_run(lab: Lab) -> None:
    source = """
        import json
        from dbruntime.databricks_repl_context import get_context
        context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()
        told = json.loads(context.toJson())
        ours = get_context()
        dbutils.notebook.exit(json.dumps({
            "path": [context.notebookPath().get(), told["extraContext"]["notebook_path"], ours.notebookPath],
            "url": [context.apiUrl().get(), told["extraContext"]["api_url"]],
            "job": [context.jobId().get(), context.tags().apply("jobId"), told["tags"]["jobId"], ours.jobId],
            "run": [context.currentRunId().get(), str(told["currentRunId"]["id"]), ours.currentRunId],
            "root": [context.tags().get("multitaskParentRunId").get(), str(told["rootRunId"]["id"])],
            "cluster": [context.clusterId().get(), told["tags"]["clusterId"]],
            "user": [context.userName().get(), context.tags().get("user").get()],
            "org": context.tags().get("orgId").isDefined(),
            "none": context.tags().get("nothing").getOrElse("default"),
            "safe": json.loads(context.safeToJson())["attributes"]["notebook_path"],
            "secret": context.apiToken().get() in context.toJson() + context.safeToJson(),
            "host": [spark.conf.get("spark.databricks.workspaceUrl"), ours.workspaceUrl],
        }))
    """
    task, output = lab.run_source("context", textwrap.dedent(source))
    found = json.loads(output["notebook_output"]["result"])
    host = lab.workspace.url.removeprefix("http://")
    run_id = str(output["metadata"]["job_run_id"]) if "job_run_id" in output["metadata"] else found["root"][0]
    assert found == {
        "path": ["/Shared/context"] * 3,
        "url": [lab.workspace.url] * 2,
        "job": [str(output["metadata"]["job_id"])] * 4,
        "run": [str(task["run_id"])] * 3,
        "root": [run_id] * 2,
        "cluster": [task["cluster_instance"]["cluster_id"]] * 2,
        "user": ["local@dbflow.example"] * 2,
        "org": True,
        "none": "default",
        "safe": "/Shared/context",
        "secret": False,
        "host": [host] * 2,
    }


def test_the_usage_tags_of_a_cluster(lab: Lab) -> None:
    source = """
        import json
        prefix = "spark.databricks.clusterUsageTags."
        names = ["clusterId", "clusterName", "sparkVersion", "clusterNodeType", "clusterWorkers",
                 "clusterLogDeliveryEnabled", "clusterLogDestination"]
        told = {name: spark.conf.get(prefix + name) for name in names}
        listed = json.loads(spark.conf.get(prefix + "clusterAllTags"))
        dbutils.notebook.exit(json.dumps([told, listed[0]["value"], spark.conf.get("my.own")]))
    """
    logs = {"dbfs": {"destination": "dbfs:/cluster-logs"}}
    cluster = {"cluster_log_conf": logs, "spark_conf": {"my.own": "set"}, "cluster_name": "nightly"}
    told, listed, own = result(lab, "tags", source, cluster=cluster)
    assert told == {
        "clusterId": listed,
        "clusterName": "nightly",
        "sparkVersion": "15.4.x-scala2.12",
        "clusterNodeType": "i3.xlarge",
        "clusterWorkers": "1",
        "clusterLogDeliveryEnabled": "true",
        "clusterLogDestination": "dbfs:/cluster-logs",
    }
    assert own == "set"


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
