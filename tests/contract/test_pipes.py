"""Code with the unmodified `dagster-pipes` is heard while it runs, whatever it is and wherever it runs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.job.request_bodies import create_body
from databricks_blocks.pipes.bootstrap import Caller, bootstrap
from databricks_blocks.pipes.protocol import Closed, LogLine, Materialization
from databricks_blocks.pipes.reader import DirectoryReader

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


FAILS_AT_FIRST = """
    for number in range(4):
        pipes.log.info(f"{attempt} line {number}")
        time.sleep(1.3)
    if attempt == "first":
        raise RuntimeError("not yet")
"""
"""Writes more chunks in its first attempt than in the second one, which overwrites some of them."""


def attempts_of(path: str) -> str:
    """Code that tells its first attempt from the second by a file."""
    return (
        f"attempt = 'second' if os.path.exists({path!r}) else 'first'\n"
        f"open({path!r}, 'w').close()\nFEWER = attempt == 'second'"
    )


def fails_at_first(lab: Lab, volume: str, name: str) -> str:
    body = FAILS_AT_FIRST.replace("range(4)", "range(2 if FEWER else 4)")
    return lab.notebook(name, code(body, loader=WIDGETS, before=attempts_of(f"{volume}/{name}")))


def told_apart(listener: Listener) -> None:
    """Each line was heard once, and in the attempt that said it."""
    heard = [each for each in listener.heard["only"] if isinstance(each.message, LogLine)]
    first = [f"first line {number}" for number in range(4)]
    second = [f"second line {number}" for number in range(2)]
    assert [(each.attempt, each.message.message) for each in heard if isinstance(each.message, LogLine)] == [
        *((1, line) for line in first),
        *((2, line) for line in second),
    ]
    assert len({each.key for each in listener.heard["only"]}) == len(listener.heard["only"])
    closed = [each.message for each in listener.heard["only"] if isinstance(each.message, Closed)]
    assert [end.exception and end.exception.name for end in closed] == ["RuntimeError", None]
    listener.finish()
    assert listener.warnings == []


def test_a_repair_says_nothing_again_and_loses_nothing(lab: Lab, listen: Listen, volume: str) -> None:
    path = fails_at_first(lab, volume, "pipes_repaired")
    task = task_of("notebook_task", {"notebook_path": path}, job_cluster_key="shared")
    listener = listen(task, name="repaired", launch="run_now", job_clusters={"shared": CLUSTER})
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "FAILED"
    parameters = listener.piped.specification.job_parameters
    lab.sdk.jobs.repair_run(listener.run_id, rerun_all_failed_tasks=True, job_parameters=parameters)
    listener.hears("second line 0")
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    told_apart(listener)


def test_retries_of_databricks_say_nothing_again_and_lose_nothing(
    lab: Lab, listen: Listen, volume: str
) -> None:
    path = fails_at_first(lab, volume, "pipes_retried")
    task = task_of("notebook_task", {"notebook_path": path}, max_retries=1, new_cluster=CLUSTER)
    listener = listen(task, name="retried")
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    told_apart(listener)


def test_an_existing_job_by_its_job_parameters(lab: Lab, listen: Listen) -> None:
    path = lab.notebook("pipes_existing", code(WAITS, loader=WIDGETS))
    settings = {
        "name": "theirs",
        "tasks": [
            {"task_key": "a", "notebook_task": {"notebook_path": path}, "new_cluster": CLUSTER},
        ],
    }
    job_id = lab.post("/api/2.2/jobs/create", settings).json()["job_id"]
    wanted = {"tasks": ["only"]}
    heard_before_the_end(listen(name="existing", launch="existing_job", existing_job_id=job_id, pipes=wanted))


def test_a_saved_job_and_its_script_get_other_values_with_each_run(lab: Lab, listen: Listen) -> None:
    """Arguments of a script refer to job parameters: the settings stay, and one job serves all runs."""
    path = script(lab, "pipes_saved", code(WAITS, loader=ARGUMENTS))
    task = task_of("spark_python_task", {"python_file": path}, job_cluster_key="shared")
    listener = listen(task, name="saved-script", launch="run_now", job_clusters={"shared": CLUSTER})
    heard_before_the_end(listener)
    other = bootstrap(listener.job, listener.pipes, Caller("another flow run"), token="another")
    tags = [create_body(each.specification)["tags"] for each in (listener.piped, other)]
    assert tags[0] == tags[1]
    assert listener.piped.specification.job_parameters != other.specification.job_parameters


def test_an_existing_cluster_by_widgets_and_arguments_each_task_for_itself(lab: Lab, listen: Listen) -> None:
    cluster = lab.post("/api/2.1/clusters/create", {**CLUSTER, "cluster_name": "shared"}).json()["cluster_id"]
    notebook = lab.notebook("pipes_on_existing", code(WAITS, loader=WIDGETS))
    path = script(lab, "pipes_on_existing", code(WAITS, loader=ARGUMENTS))
    tasks = [
        task_of("notebook_task", {"notebook_path": notebook}, "notebook", existing_cluster_id=cluster),
        task_of("spark_python_task", {"python_file": path}, "script", existing_cluster_id=cluster),
    ]
    listener = listen(*tasks, name="existing-cluster")
    listener.start()
    for key in ("notebook", "script"):
        listener.hears("hello Ada", key)
    go(listener)
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    assert [listener.kinds(key) for key in ("notebook", "script")] == [OF_ALL, OF_ALL]


def test_the_iterations_of_a_loop_one_after_the_other(lab: Lab, listen: Listen) -> None:
    body = """
        word = dbutils.widgets.get("input")
        pipes.log.info("input %s", word)
        while not os.path.exists(pipes.get_extra("go") + word):
            time.sleep(0.1)
    """
    path = lab.notebook("pipes_loop", code(body, loader=WIDGETS))
    notebook = {"notebook_path": path, "base_parameters": {"input": "{{input}}"}}
    nested = {"task_key": "each", "notebook_task": notebook}
    task = task_of("for_each_task", {"inputs": '["a", "b", "c"]', "task": nested}, "loop")
    listener = listen(task, name="loop")
    listener.start()
    for word in "abc":
        listener.hears(f"input {word}", "loop")
        lab.sdk.files.upload(f"{listener.pipes.extras['go']}{word}", io.BytesIO(b"go"), overwrite=True)
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    heard = [each for each in listener.heard["loop"] if isinstance(each.message, LogLine)]
    assert [each.message.message for each in heard if isinstance(each.message, LogLine)] == [
        "input a",
        "input b",
        "input c",
    ]
    assert [each.attempt for each in heard] == [1, 2, 3]
    listener.finish()
    assert listener.warnings == []


def test_a_flow_that_was_killed_goes_on_where_it_was(lab: Lab, listen: Listen) -> None:
    """The new process has its readers anew, and the files that the first one has not read."""
    lines = "for number in range(4):\n    pipes.log.info(f'line {number}')\n    time.sleep(1.3)"
    path = lab.notebook("pipes_resumed", code(lines, loader=WIDGETS))
    listener = listen(task_of("notebook_task", {"notebook_path": path}, new_cluster=CLUSTER), name="resumed")
    listener.start()
    listener.hears("line 1")
    listener.readers = {key: DirectoryReader(resumed=True) for key in listener.readers}
    assert listener.start() == listener.run_id
    listener.to_the_end()
    listener.finish()
    assert listener.lines() == [f"line {number}" for number in range(4)]
    assert listener.warnings == []


def test_code_that_never_opens_is_told_what_it_needs(lab: Lab, listen: Listen) -> None:
    path = lab.notebook("pipes_silent", "print('nothing')")
    listener = listen(task_of("notebook_task", {"notebook_path": path}, new_cluster=CLUSTER), name="silent")
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    listener.finish()
    (warning,) = listener.warnings
    assert "nothing was heard" in warning
    assert "PipesDatabricksNotebookWidgetsParamsLoader(dbutils.widgets)" in warning
    assert "PipesUnityCatalogVolumesMessageWriter()" in warning


def test_a_killed_process_is_told(lab: Lab, listen: Listen) -> None:
    kills = "pipes.log.info('last words')\ntime.sleep(2.5)\nos.kill(os.getpid(), 9)"
    path = script(lab, "pipes_killed", code(kills))
    task = task_of("spark_python_task", {"python_file": path}, new_cluster=CLUSTER)
    listener = listen(task, name="killed")
    listener.start()
    assert lab.ended(listener.run_id, 60)["state"]["result_state"] == "FAILED"
    listener.look(over=True)
    listener.finish()
    assert listener.lines() == ["last words"]
    (warning,) = listener.warnings
    assert "never said `closed`" in warning


def test_stdout_and_stderr_come_as_whole_lines_each_once(lab: Lab, listen: Listen) -> None:
    """The package captures stderr twice: the second `tee` prints into the stdout that is captured."""
    body = """
        for number in range(3):
            sys.stdout.write("half, "); sys.stdout.flush()
            time.sleep(1.2)
            print("whole", flush=True)
            print(f"err {number}", file=sys.stderr, flush=True)
            time.sleep(0.5)
            print(f"out {number}", flush=True)
    """
    path = script(lab, "pipes_stdio", code(body))
    task = task_of("spark_python_task", {"python_file": path}, new_cluster=CLUSTER)
    listener = listen(task, name="stdio", pipes={"include_stdio": True})
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    listener.finish()
    # If the copy in stdout comes with an earlier chunk, it is the one that is told.
    errors = [line for name in ("stderr", "stdout") for line in listener.output(name) if "err" in line]
    assert sorted(errors) == ["err 0", "err 1", "err 2"]
    out = [line for line in listener.output("stdout") if "whole" in line or "out" in line]
    assert out == [line for number in range(3) for line in ("half, whole", f"out {number}")]
