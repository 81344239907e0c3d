"""Apache Spark where it cannot be installed: one line for people, and nothing left."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from databricks_local import LocalWorkspace
from databricks_local.jobs.engines import ENGINE_TAG, SPARK

from .job_lab import own_workspace, results

FAILURE = r"Apache Spark pyspark==\d+\.\d+\.\* could not be installed: ERROR: No matching distribution found"


def without_index(folder: Path) -> dict[str, str]:
    """The variables of a machine without a package index, on which nothing was installed yet."""
    return {"XDG_CACHE_HOME": str(folder / "cache"), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


def test_a_cluster_that_asks_for_it_by_its_tag(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root", environment=without_index(tmp_path)) as lab:
        cluster = {"custom_tags": {ENGINE_TAG: SPARK}}
        task, output = lab.run_source("any", "x = 1", cluster=cluster)
        assert results({"tasks": [task]}) == {"only": "FAILED"}
        assert task["status"]["termination_details"]["code"] == "CLUSTER_ERROR"
        start = f"Cluster local-{task['run_id']} could not be started: "
        assert re.fullmatch(f"{start}{FAILURE}.*", output["error"])
        assert "installing Apache Spark" in lab.workspace.log.read_text()
        assert not list((tmp_path / "root" / "tasks").iterdir())
        # The others run.
        assert lab.run_source("any", "spark.range(3).count()")[0]["state"]["result_state"] == "SUCCESS"


def test_a_workspace_that_asks_for_it(tmp_path: Path) -> None:
    workspace = LocalWorkspace(tmp_path / "root", engine=SPARK, environment=without_index(tmp_path))
    with pytest.raises(RuntimeError, match=f"^The workspace did not start: {FAILURE}"), workspace:
        pass
    command = [sys.executable, "-m", "databricks_local", "--root", str(tmp_path), "--token", "x"]
    ended = subprocess.run(
        [*command, "--engine", SPARK],
        env={**os.environ, **without_index(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    told, refused = ended.stderr.splitlines()
    assert told.startswith("workspace: installing Apache Spark ")
    assert refused.startswith("workspace: Apache Spark pyspark==")
