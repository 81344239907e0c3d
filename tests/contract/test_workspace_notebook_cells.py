"""Cells that include notebooks and run programs, in a workspace."""

import base64
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service.workspace import ImportFormat, Language

from .workspace_lab import Lab, until

NEXT = "\n\n# COMMAND ----------\n\n"
MAGIC = "# MAGIC "


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_included_notebook_comes_from_the_workspace(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/library/deep")
    lab.notebook("library/deep/inner", "def greet(name):\n    return f'{greeting} {name}'\n")
    setup = "dbutils.widgets.text('word', 'hi')\ngreeting = dbutils.widgets.get('word')"
    lab.notebook("library/setup", f"{setup}{NEXT}{MAGIC}%run ./deep/inner")
    for path in ("./library/setup", "../Shared/library/setup", "/Workspace/Shared/library/setup"):
        source = f'{MAGIC}%run {path} $word="hello"{NEXT}dbutils.notebook.exit(greet("you"))'
        _, output = lab.run_source("including", source)
        assert output["notebook_output"] == {"result": "hello you", "truncated": False}


@pytest.mark.parametrize("path", ["./none", "../../../none", "/Shared", "/Shared/" + "x" * 300])
def test_an_included_notebook_that_is_not_there(lab: Lab, path: str) -> None:
    task, output = lab.run_source("including", f"{MAGIC}%run {path}")
    assert task["state"]["result_state"] == "FAILED"
    assert output["error"].count("\n") == 0
    assert any(word in output["error"] for word in ("Notebook not found: ", "has an invalid name in it"))


def test_an_error_in_an_included_notebook(lab: Lab) -> None:
    lab.notebook("broken", "x = 1\n" + NEXT + "raise ValueError('broken')")
    _, output = lab.run_source("including", f"{MAGIC}%run ./broken")
    assert output["error"] == "ValueError: broken"
    assert 'File "/Shared/broken", line 7, in <module>' in output["error_trace"]


def test_a_shell_cell_sees_the_mounts_and_its_output_is_redacted(lab: Lab) -> None:
    lab.sdk.secrets.create_scope("magics")
    lab.sdk.secrets.put_secret("magics", "key", string_value="very-secret")
    source = NEXT.join(
        [
            "import os\nos.environ['KEY'] = dbutils.secrets.get('magics', 'key')",
            f"{MAGIC}%sh -e\n{MAGIC}echo text > /dbfs/from_shell.txt\n"
            f"{MAGIC}ls -d /Volumes /Workspace/Shared\n{MAGIC}echo $KEY; pwd",
            f"{MAGIC}%fs ls /from_shell.txt",
        ]
    )
    run = lab.run(lab.task("only", lab.notebook("shell", source)))
    assert run["state"]["result_state"] == "SUCCESS"
    run_id = run["tasks"][0]["run_id"]
    (view,) = lab.sdk.jobs.export_run(run_id).views or []
    shown = str(view.content)
    assert "very-secret" not in shown
    for expected in ("[REDACTED]", "/Workspace/Shared\n", "dbfs:/from_shell.txt"):
        assert expected in shown


def test_a_shell_cell_that_fails(lab: Lab) -> None:
    task, output = lab.run_source("failing", f"{MAGIC}%sh -e\n{MAGIC}exit 3")
    assert task["state"]["result_state"] == "FAILED"
    assert output["error"] == "CalledProcessError: Command 'exit 3' returned non-zero exit status 3."
    task, _ = lab.run_source("going on", f"{MAGIC}%sh exit 3")
    assert task["state"]["result_state"] == "SUCCESS"


def test_a_cancel_ends_what_a_shell_cell_started(lab: Lab, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"setsid sleep 600 &\n{MAGIC}echo $$ $! > {pids}.part && mv {pids}.part {pids}\n{MAGIC}sleep 600"
    run_id = lab.submit(lab.task("only", lab.notebook("sleeping", f"{MAGIC}%sh\n{MAGIC}{script}")))
    started = [int(pid) for pid in until(lambda: pids.exists() and pids.read_text()).split()]
    lab.sdk.jobs.cancel_run(run_id)
    assert lab.ended(run_id, seconds=5)["state"]["result_state"] == "CANCELED"
    until(lambda: not any(alive(pid) for pid in started), seconds=5)


def test_a_sql_notebook(lab: Lab) -> None:
    source = (
        "-- Databricks notebook source\nCREATE TEMPORARY VIEW numbers AS SELECT * FROM range(5);\n"
        "SELECT sum(id) AS total FROM numbers\n\n-- COMMAND ----------\n\n"
        "-- MAGIC %python\n-- MAGIC dbutils.notebook.exit(_sqldf.collect()[0]['total'])\n"
    )
    lab.sdk.workspace.import_(
        path="/Shared/in_sql",
        content=base64.b64encode(source.encode()).decode(),
        format=ImportFormat.SOURCE,
        language=Language.SQL,
        overwrite=True,
    )
    run = lab.run(lab.task("only", "/Shared/in_sql"))
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert (output.error, output.notebook_output and output.notebook_output.result) == (None, "10")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("sc.parallelize([1])", "PySparkAttributeError: [JVM_ATTRIBUTE_NOT_SUPPORTED]"),
        (
            "spark.sparkContext",
            "PySparkAttributeError: [JVM_ATTRIBUTE_NOT_SUPPORTED] Attribute `sparkContext` is not supported "
            "in Spark Connect as it depends on the JVM.",
        ),
        ("from pyspark import SparkContext", "ImportError: cannot import name 'SparkContext' from 'pyspark'"),
        ("spark.range(1).rdd", "PySparkAttributeError: [JVM_ATTRIBUTE_NOT_SUPPORTED] Attribute `rdd`"),
    ],
)
def test_there_is_no_spark_context(lab: Lab, source: str, error: str) -> None:
    """As on shared and serverless compute, which speak Spark Connect, too (docs: compute limitations)."""
    _, output = lab.run_source("context", source)
    assert output["error"].startswith(error)
    assert "has no RDDs: use DataFrames" in output["error"]
    assert "\n" not in output["error"]
