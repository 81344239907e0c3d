"""Where a notebook is: its folder, its run, its cluster, and the user whom it works for."""

import json
import textwrap
from pathlib import Path

from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ExportFormat, ImportFormat
from databricks_local import LocalWorkspace

from .job_lab import put_file, result
from .workspace_lab import CLUSTER, Lab

NEXT = "\n\n# COMMAND ----------\n\n"


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
