"""Clusters on a Spark Connect server that is there already."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service.catalog import VolumeType

from .job_lab import own_workspace, results, run_job, step, value
from .sql_lab import starter_of
from .wheel_lab import build_wheel
from .workspace_lab import Lab

SERVER = (
    "import threading\nfrom pysail.spark import SparkConnectServer\n"
    "server = SparkConnectServer('127.0.0.1', 0)\nserver.start(background=True)\n"
    "print(server.listening_address[1], flush=True)\nthreading.Event().wait()\n"
)


@contextmanager
def spark_server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"sc://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def listening(lab: Lab) -> set[int]:
    """The ports that the workspace and its processes listen on."""
    server = psutil.Process(lab.workspace.process.pid)
    ports = set()
    for process in [server, *server.children(recursive=True)]:
        # One that has just ended listens to nothing.
        with contextlib.suppress(psutil.NoSuchProcess):
            found = process.net_connections()
            ports |= {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}
    return ports


def test_clusters_use_the_server_and_keep_their_sessions_apart(tmp_path: Path) -> None:
    first = (
        "import os\nspark.range(7).createOrReplaceTempView('mine')\n"
        "spark.range(3).write.parquet('dbfs:/numbers')\n"
        "count = spark.table('mine').count()\n"
        "dbutils.notebook.exit((os.environ['SPARK_REMOTE'], count, os.path.isdir('/dbfs/numbers')))"
    )
    flag = tmp_path / "flag"
    second = (
        f"import os, time\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.02)\n"
        "seen = [table.name for table in spark.catalog.listTables()]\n"
        "dbutils.notebook.exit((seen, spark.read.parquet('dbfs:/numbers').count()))"
    )
    with spark_server() as remote, own_workspace(tmp_path / "root", spark_remote=remote) as lab:
        paths = lab.notebook("first", first), lab.notebook("second", second)
        run_id = lab.submit(lab.task("first", paths[0]), lab.task("second", paths[1], ["first"]))
        lab.wait_for_task(run_id, "second", "RUNNING")
        assert listening(lab) == {int(lab.workspace.url.rsplit(":", 1)[1])}
        flag.touch()
        run = lab.ended(run_id)
        assert value(lab, run, "first") == str((remote, 7, True))
        assert value(lab, run, "second") == str(([], 3))


def test_an_all_purpose_cluster_leaves_the_server_running(tmp_path: Path) -> None:
    with spark_server() as remote, own_workspace(tmp_path, spark_remote=remote) as lab:
        for _ in range(2):
            cluster = lab.sdk.clusters.create_and_wait(
                spark_version="15.4.x-scala2.12", cluster_name="mine", num_workers=1, node_type_id="x"
            )
            assert cluster.cluster_id is not None
            lab.sdk.clusters.delete_and_wait(cluster.cluster_id)
        assert lab.run_source("any", "spark.range(3).count()")[0]["state"]["result_state"] == "SUCCESS"


def test_libraries_of_tasks_that_use_the_server(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "dusk", "1.0", "NAME = 'installed'\n").read_bytes()
    source = "import dusk\ndbutils.notebook.exit(dusk.NAME)"
    root = tmp_path / "root"
    with spark_server() as remote, own_workspace(root, spark_remote=remote) as lab:
        place = "/Volumes/main/default/code/dusk-1.0-py3-none-any.whl"
        lab.sdk.volumes.create("main", "default", "code", VolumeType.MANAGED)
        lab.sdk.files.upload(place, io.BytesIO(wheel))
        run = run_job(lab, step("only", lab.notebook("uses", source), libraries=[{"whl": place}]))
        assert value(lab, run, "only") == "installed"
        assert not list((root / "tasks").iterdir())


def test_a_server_that_is_gone_ends_the_task_as_a_cluster_that_does_not_start(tmp_path: Path) -> None:
    with spark_server() as remote:
        pass
    with own_workspace(tmp_path, spark_remote=f"{remote}/;token=secret") as lab:
        task, output = lab.run_source("any", "x = 1")
        assert results({"tasks": [task]}) == {"only": "FAILED"}
        assert task["status"]["termination_details"]["code"] == "CLUSTER_ERROR"
        assert output["error"] == (
            f"Cluster local-{task['run_id']} could not be started. No Spark Connect server can be reached at "
            f"{remote.removeprefix('sc://')}: nothing listens there"
        )
        assert "secret" not in lab.workspace.log.read_text()


REFUSED = (["spark://host:7077"], ["sc://host/;session_id=1"], ["sc://host:99999"])
TWO_ENGINES = ["sc://host:15002", "--engine", "spark"]


@pytest.mark.parametrize("options", [*REFUSED, TWO_ENGINES])
def test_what_is_refused(tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "databricks_local", "--root", str(tmp_path), "--token", "x"]
    ended = subprocess.run(
        [*command, "--spark-remote", *options], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("workspace: ")
    assert ended.stderr.count("\n") == 1


def test_warehouses_use_the_server_too(tmp_path: Path) -> None:
    with spark_server() as remote, own_workspace(tmp_path, spark_remote=remote) as lab:
        starter = starter_of(lab)
        assert starter.rows("SELECT count(*) FROM range(3)") == [["3"]]
        lab.sdk.warehouses.stop_and_wait(starter.warehouse_id)
        assert starter.rows("SELECT 2") == [["2"]]
