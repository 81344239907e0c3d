"""Parts of `dbutils` that need no workspace."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from databricks_local.runtime import run_notebook
from databricks_local.runtime.dbutils.context import EntryPoint, NotebookContext
from databricks_local.runtime.dbutils.filesystem import FileSystemUtils
from databricks_local.runtime.dbutils.utilities import DBUtils
from databricks_local.runtime.imports.packages import explain

HEADER = "# Databricks notebook source\n"


def context(facts: dict[str, str]) -> Any:
    return EntryPoint(NotebookContext(facts)).getDbutils().notebook().getContext()


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("dbutils.help()", ["fs: ", "widgets: ", "notebook: ", "secrets", "jobs: ", "library: ", "data: "]),
        (
            "dbutils.fs.help()",
            ["cp(source: str, to: str, recurse: bool = False) -> bool -> Copy", "ls("],
        ),
        ("dbutils.fs.help('head')", ["head(file: str"]),
        ("dbutils.widgets.help()", ["dropdown(", "getAll() -> dict[str, str] -> All values by name."]),
        ("dbutils.notebook.help()", ["exit(", "run("]),
        ("dbutils.jobs.help()", ["taskValues: "]),
        ("dbutils.jobs.taskValues.help()", ["get(taskKey: str", "set("]),
        ("dbutils.library.help()", ["restartPython("]),
        ("dbutils.data.help()", ["summarize("]),
    ],
)
def test_help(call: str, lines: list[str]) -> None:
    places = {"/dbfs": "/a", "/Volumes": "/b", "/Workspace": "/c"}
    dbutils = DBUtils({}, lambda *_, **__: None, places)
    result = run_notebook(HEADER + call, {}, None, dbutils=dbutils)
    assert result.error == "", result.error_trace
    text = result.cells[0].outputs[0].text
    assert [line for line in lines if line not in text] == []


def test_a_file_of_the_web_is_copied(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "data.csv").write_text("a,b\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/data.csv"
        fs = FileSystemUtils({name: str(tmp_path) for name in ("/dbfs", "/Volumes", "/Workspace")})
        assert fs.cp(url, "dbfs:/deep/copy.csv")
        fs.mkdirs("/folder")
        assert fs.cp(url, "/folder")
        server.shutdown()
    assert fs.head("/deep/copy.csv") == fs.head("/folder/data.csv") == "a,b\n"


def test_a_context_of_which_nothing_is_known() -> None:
    nothing = context({})
    assert (nothing.jobId().isDefined(), nothing.jobId().getOrElse(None), str(nothing.jobId())) == (
        False,
        None,
        "None",
    )
    assert json.loads(nothing.toJson())["currentRunId"] is None
    with pytest.raises(RuntimeError, match=r"NoSuchElementException: None\.get"):
        nothing.notebookPath().get()
    with pytest.raises(RuntimeError, match="key not found: jobId"):
        nothing.tags().apply("jobId")


def test_the_workspace_is_asked_once_for_the_rest_of_a_context() -> None:
    asked: list[str] = []

    def call(name: str) -> dict[str, str]:
        asked.append(name)
        return {"jobId": "7", "currentRunId": "8"}

    found = NotebookContext({"notebookPath": "/x"}, call)
    assert not asked
    assert (found.all()["jobId"], found.all()["notebookPath"]) == ("7", "/x")
    assert asked == ["task_context"]


def test_the_token_is_in_no_text_and_no_repr() -> None:
    facts = {"apiToken": "secret-token", "notebookPath": "/x"}
    found = context(facts)
    texts = [repr(NotebookContext(facts)), found.toJson(), found.safeToJson(), str(found.tags())]
    assert not any("secret-token" in text for text in texts)
    assert found.apiToken().get() == "secret-token"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "sklearn.svm",
            "No module named 'sklearn.svm': the Databricks runtime has it (16.4 LTS: scikit-learn",
        ),
        ("mlflow", "No module named 'mlflow': the ML runtime has it"),
        ("no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_a_missing_package_of_the_runtime(name: str, says: str) -> None:
    error = ModuleNotFoundError(f"No module named '{name}'", name=name)
    explain(error)
    assert str(error).startswith(says)
    assert (": " in str(error)) == (": " in says)
