"""Code with the unmodified `dagster-pipes` is heard while it runs, whatever it is and wherever it runs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.pipes.protocol import Materialization

from .job_lab import put_file
from .pipes_lab import WAITS, Listen, Listener, code, listening, task_of
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab

FOLDER = "/Volumes/main/default/pipes/messages"
WIDGETS = "PipesDatabricksNotebookWidgetsParamsLoader(dbutils.widgets)"
ARGUMENTS = "PipesCliArgsParamsLoader()"
SERVERLESS = {"environments": {"default": {"environment_version": "2"}}}
OF_ALL = ["Opened", "LogLine", "Materialization", "CustomMessage", "Closed"]


@pytest.fixture(scope="module")
def volume(lab: Lab) -> Iterator[str]:
    made = lab.sdk.volumes.create("main", "default", "pipes", VolumeType.MANAGED)
    lab.sdk.files.create_directory(FOLDER)
    yield FOLDER
    lab.sdk.volumes.delete(made.full_name or "")


@pytest.fixture
def listen(lab: Lab, volume: str) -> Iterator[Listen]:
    yield from listening(lab, volume)


def go(listener: Listener) -> None:
    """Let the code go on that waits until it was heard."""
    listener.lab.sdk.files.upload(str(listener.pipes.extras["go"]), io.BytesIO(b"go"), overwrite=True)


def heard_before_the_end(listener: Listener) -> None:
    """Listen to code that says hello and waits; nothing stays behind."""
    listener.start()
    listener.hears("hello Ada")
    go(listener)
    run = listener.to_the_end()
    output = listener.lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert run["state"]["result_state"] == "SUCCESS", output.error_trace or output.error
    assert listener.kinds() == OF_ALL
    (made,) = [each.message for each in listener.heard["only"] if isinstance(each.message, Materialization)]
    assert (made.asset_key, made.metadata["rows"].plain) == ("main/daily", 3)
    listener.finish()
    assert listener.warnings == []
    assert listener.channel.list(listener.piped.session.directory) == []


@pytest.mark.parametrize("where", ["serverless", "job_cluster"])
def test_a_notebook_by_its_widgets(lab: Lab, listen: Listen, where: str) -> None:
    path = lab.notebook(f"pipes_{where}", code(WAITS, loader=WIDGETS))
    shared = where == "job_cluster"
    compute = {"job_cluster_key": "shared"} if shared else {}
    job = {"job_clusters": {"shared": CLUSTER}, "launch": "run_now"} if shared else {}
    task = task_of("notebook_task", {"notebook_path": path}, **compute)
    heard_before_the_end(listen(task, name=f"notebook-{where}", **job))


def test_a_notebook_on_its_own_cluster_by_the_environment(lab: Lab, listen: Listen) -> None:
    path = lab.notebook("pipes_environment", code(WAITS))
    task = task_of("notebook_task", {"notebook_path": path}, new_cluster=CLUSTER)
    heard_before_the_end(listen(task, name="notebook-environment"))


def script(lab: Lab, name: str, source: str) -> str:
    return "/Workspace" + put_file(lab, f"/Shared/{name}.py", source)


def test_a_script_by_its_arguments(lab: Lab, listen: Listen) -> None:
    checked = "assert sys.argv[1] == 'own', sys.argv"
    path = script(lab, "pipes_arguments", code(WAITS, loader=ARGUMENTS, before=checked))
    body = {"python_file": path, "parameters": ["own"]}
    task = task_of("spark_python_task", body, environment_key="default")
    heard_before_the_end(listen(task, name="script-arguments", **SERVERLESS))


def test_a_script_by_the_environment_of_its_cluster(lab: Lab, listen: Listen) -> None:
    path = script(lab, "pipes_env", code(WAITS, before="assert len(sys.argv) == 1, sys.argv"))
    task = task_of("spark_python_task", {"python_file": path}, new_cluster=CLUSTER)
    heard_before_the_end(listen(task, name="script-environment"))


def test_a_wheel(lab: Lab, listen: Listen, volume: str, tmp_path: Path) -> None:
    before = (
        "def main():\n    global pipes\n    assert '--day=1' in sys.argv\n    run()\ndef run():\n    pass"
    )
    speaks = code(WAITS, loader=ARGUMENTS)
    source = "def main():\n    import sys\n    assert '--day=1' in sys.argv, sys.argv\n    exec(CODE, {})\n"
    wheel = build_wheel(
        tmp_path,
        "speaker",
        "1.0",
        f"CODE = {speaks!r}\n{source}",
        "[console_scripts]\nspeak = speaker:main\n",
    )
    path = f"{volume}/{wheel.name}"
    lab.sdk.files.upload(path, io.BytesIO(wheel.read_bytes()), overwrite=True)
    body = {"package_name": "speaker", "entry_point": "speak", "named_parameters": {"day": "1"}}
    libraries = [{"whl": path}]
    task = task_of("python_wheel_task", body, new_cluster=CLUSTER, libraries=libraries)
    heard_before_the_end(listen(task, name="wheel", pipes={"ways": {"only": "arguments"}}))


def test_a_script_over_dbfs(lab: Lab, listen: Listen) -> None:
    """The writer for DBFS asks for a session, and for the usage tags of its cluster."""
    spark = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()"
    path = script(lab, "pipes_dbfs", code(WAITS, place="Dbfs", before=spark))
    task = task_of("spark_python_task", {"python_file": path}, new_cluster=CLUSTER)
    heard_before_the_end(listen(task, name="script-dbfs", pipes={"dbfs": "dbfs:/tmp/pipes"}))
