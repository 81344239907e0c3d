"""The spare server of Apache Spark: `uv run pytest -m apache_spark`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks_local.jobs.engines import SPARK

from .job_lab import own_workspace, value
from .workspace_lab import CLUSTER, Lab, java_processes, until

pytestmark = pytest.mark.apache_spark

START_SECONDS = 120
SERVER = (
    "@udf('long')\ndef server(_):\n    import psutil\n"
    "    return next(each.pid for each in psutil.Process().parents() if each.name() == 'java')\n"
    "dbutils.notebook.exit(str(spark.range(1).select(server('id')).first()[0]))\n"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with own_workspace(tmp_path_factory.mktemp("spare") / "root", engine=SPARK) as started:
        yield started


def server_of_a_cluster(lab: Lab, **cluster: Any) -> int:
    """Run a notebook on a cluster of its own; the process id of the server that ran it."""
    task = lab.task("only", lab.notebook("server", SERVER), cluster=cluster)
    return int(value(lab, lab.ended(lab.submit(task), START_SECONDS), "only"))


def spare_of(lab: Lab) -> psutil.Process:
    """The spare server, once it waits and no cluster is there."""

    def waiting() -> psutil.Process | None:
        said = re.findall(r"spare server \S+ (waits|is taken|is lost|ends)", lab.workspace.log.read_text())
        servers = java_processes(lab)
        return servers[0] if said and said[-1] == "waits" and len(servers) == 1 else None

    found: psutil.Process = until(waiting, START_SECONDS)
    return found


def files_of_clusters(root: Path) -> set[str]:
    return {each.name for each in (root / "tasks").iterdir()}


def test_the_next_cluster_takes_the_spare_server_and_leaves_nothing_of_it(lab: Lab) -> None:
    first = server_of_a_cluster(lab)
    spare = spare_of(lab)
    assert spare.pid != first
    before = files_of_clusters(lab.workspace.root)
    assert server_of_a_cluster(lab, cluster_log_conf={"dbfs": {"destination": "dbfs:/logs"}}) == spare.pid
    assert spare_of(lab).pid != spare.pid
    assert not before & files_of_clusters(lab.workspace.root)
    (folder,) = (lab.workspace.root / "dbfs" / "logs").glob("*/driver")
    assert "Spark Connect server started at" in (folder / "log4j-active.log").read_text()


def test_a_cluster_with_variables_of_its_own_leaves_the_spare_server_alone(lab: Lab) -> None:
    server_of_a_cluster(lab)
    spare = spare_of(lab)
    assert server_of_a_cluster(lab, spark_env_vars={"REGION": "eu"}) != spare.pid
    assert spare_of(lab).pid == spare.pid


def test_a_spare_server_that_died_is_not_handed_out(lab: Lab) -> None:
    server_of_a_cluster(lab)
    spare = spare_of(lab)
    spare.kill()
    assert server_of_a_cluster(lab) != spare.pid


def test_a_spare_server_makes_room_and_none_begins_without_memory(lab: Lab) -> None:
    server_of_a_cluster(lab)
    spare = spare_of(lab)
    everything = {"spark.driver.memory": f"{psutil.virtual_memory().total // 1024**2}m"}
    path = lab.notebook("waits", "import time\ntime.sleep(600)")
    run_id = lab.submit(lab.task("only", path, cluster={"spark_conf": everything}))
    until(lambda: not spare.is_running(), START_SECONDS)
    # It would have fitted this one.
    cluster = lab.sdk.clusters.create_and_wait(cluster_name="all-purpose", **CLUSTER)  # type: ignore[arg-type]
    lab.sdk.jobs.cancel_run(run_id)
    lab.ended(run_id)
    lab.sdk.clusters.permanent_delete(cluster.cluster_id or "")
    until(lambda: not java_processes(lab))


def servers_at(lab: Lab, moment: str) -> list[psutil.Process]:
    """All servers, when a spare one waits, or when it starts beside a cluster."""
    if moment == "waiting":
        server_of_a_cluster(lab)
        return [spare_of(lab)]
    lab.submit(lab.task("only", lab.notebook("waits", "import time\ntime.sleep(600)")))
    return until(lambda: found if len(found := java_processes(lab)) == 2 else None, START_SECONDS)  # type: ignore[no-any-return]


@pytest.mark.parametrize("moment", ["waiting", "starting"])
def test_kill_9_of_the_workspace_leaves_no_spare_server(tmp_path: Path, moment: str) -> None:
    with own_workspace(tmp_path, engine=SPARK) as own:
        servers = servers_at(own, moment)
        own.workspace.process.kill()
        until(lambda: not any(each.is_running() for each in servers))
    assert any(name.startswith("spare-") for name in files_of_clusters(tmp_path))
    with own_workspace(tmp_path):
        assert files_of_clusters(tmp_path) == set()


@pytest.mark.parametrize("moment", ["waiting", "starting"])
def test_the_end_of_the_workspace_is_the_end_of_the_spare_server(tmp_path: Path, moment: str) -> None:
    with own_workspace(tmp_path, engine=SPARK) as own:
        servers = servers_at(own, moment)
    until(lambda: not any(each.is_running() for each in servers))
    assert files_of_clusters(tmp_path) == set()
    assert "Traceback" not in (tmp_path / "server.log").read_text()
