"""What the process of a task is told."""

import os
from pathlib import Path

import pytest
from databricks_local.access.task_tokens import TaskTokens
from databricks_local.execution.engines.choice import ANSI
from databricks_local.execution.launching import (
    WorkspaceFacts,
    facts_of_task,
    home_of,
    spark_conf,
    task_environment,
)
from databricks_local.execution.provisioning.init_scripts import run_init_scripts
from databricks_local.jobs.compute import parse_cluster
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.jobs.specs import ClusterSpec

WORKSPACE = WorkspaceFacts("https://127.0.0.1:8080", 7)


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/Workspace/Shared/a", "/Shared/a"), ("/Shared/a", "/Shared/a"), ("/WorkspaceX/a", "/WorkspaceX/a")],
)
def test_how_a_task_names_its_notebook(path: str, shown: str) -> None:
    assert facts_of_task(path, "c-1", "", ClusterSpec(), WORKSPACE)["notebookPath"] == shown


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("/Shared/a", "/Workspace/Shared"),
        ("/Workspace/Users/me/a.py", "/Workspace/Users/me"),
        ("/a", "/Workspace"),
        ("/Volumes/a/b/c/d.py", ""),
        ("dbfs:/a.py", ""),
        ("relative/in_git", ""),
        ("", ""),
    ],
)
def test_where_a_task_begins(path: str, home: str) -> None:
    assert home_of(path) == home


def test_the_configuration_of_a_cluster_wins_over_what_is_told() -> None:
    spec = parse_cluster(
        {
            "spark_version": "16.4.x-scala2.12",
            "node_type_id": "big",
            "autoscale": {"min_workers": 2, "max_workers": 8},
            "cluster_log_conf": {"volumes": {"destination": "/Volumes/a/b/c"}},
            "init_scripts": [
                {"workspace": {"destination": "/Shared/i.sh"}},
                {"dbfs": {"destination": "dbfs:/j"}},
            ],
            "spark_conf": {"spark.databricks.workspaceUrl": "mine"},
        }
    )
    conf = spark_conf("c-1", spec, WORKSPACE, "")
    tags = {name.rpartition(".")[2]: value for name, value in conf.items()}
    assert (tags["clusterWorkers"], tags["clusterNodeType"], tags["clusterId"]) == ("2", "big", "c-1")
    assert (tags["clusterLogDeliveryEnabled"], tags["clusterLogDestination"]) == ("true", "/Volumes/a/b/c")
    assert tags["workspaceUrl"] == "mine"
    assert spec.init_scripts == ("/Shared/i.sh", "dbfs:/j")
    assert "pandas_on_Spark.compute.default_index_type" not in conf
    told = spark_conf("c", ClusterSpec(), WORKSPACE, SAIL)
    assert told["spark.databricks.workspaceUrl"] == "127.0.0.1:8080"


def test_what_a_server_of_apache_spark_has_started_with_is_not_set_anew() -> None:
    own = {"spark.databricks.workspaceUrl": "mine", "spark.x": "1", "fs.key": "k"}
    conf = spark_conf("c-1", ClusterSpec("17.3.x-scala2.13", own), WORKSPACE, SPARK)
    assert conf["fs.key"] == "k"
    assert conf["spark.databricks.clusterUsageTags.clusterId"] == "c-1"
    assert not conf.keys() & {"spark.databricks.workspaceUrl", "spark.x", ANSI, "spark.sql.sources.default"}


def test_variables_of_the_cluster_win() -> None:
    spec = ClusterSpec("15.4.x-scala2.12", {}, {"DATABRICKS_CONFIG_FILE": "/mine"})
    assert task_environment(spec, WORKSPACE) == {
        "DATABRICKS_RUNTIME_VERSION": "15.4",
        "DATABRICKS_CONFIG_FILE": "/mine",
    }
    trusting = WorkspaceFacts("https://h", 7, "/srv/workspace/tls/bundle.pem")
    assert task_environment(ClusterSpec(), trusting) == {
        "DATABRICKS_RUNTIME_VERSION": "local",
        "DATABRICKS_CONFIG_FILE": os.devnull,
        "REQUESTS_CA_BUNDLE": "/srv/workspace/tls/bundle.pem",
    }


def test_a_token_is_good_while_its_task_runs() -> None:
    tokens = TaskTokens()
    with tokens.issued() as first, tokens.issued() as second:
        assert first != second
        assert [tokens.accepts(token) for token in (first, second)] == [True, True]
    assert [tokens.accepts(token) for token in (first, "")] == [False, False]


def test_init_scripts_run_in_order_up_to_the_first_that_fails(tmp_path: Path) -> None:
    places = {"/dbfs": str(tmp_path), "/Volumes": str(tmp_path), "/Workspace": str(tmp_path)}
    for name, script in {
        "one": f"echo one $DB_CLUSTER_ID >> {tmp_path}/ran",
        "bad": f"echo bad >> {tmp_path}/ran; exit 4",
        "never": f"echo never >> {tmp_path}/ran",
    }.items():
        (tmp_path / name).write_text(script)
    scripts = ["dbfs:/one", "/bad", f"file:{tmp_path}/never"]
    refusal = run_init_scripts(scripts, "c-1", tmp_path / "libraries", places)
    assert refusal == "Cluster scoped init script /bad failed: Script exit status is non-zero"
    assert (tmp_path / "ran").read_text() == "one c-1\nbad\n"
    assert run_init_scripts([f"file:{tmp_path}/one"], "c-2", tmp_path / "libraries", places) == ""
