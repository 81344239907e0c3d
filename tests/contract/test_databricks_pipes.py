"""Code with `databricks_pipes` is heard while it runs: in notebooks, scripts and wheels, however it ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask
from databricks_blocks.pipes.protocol import AssetCheck, Closed, CustomMessage, LogLine, Materialization
from databricks_blocks.run.launchers import launcher_of
from dbflow.notebooks import import_notebooks, packaged_sources

from .job_lab import put_file
from .pipes_lab import Listen, Listener, listening, task_of
from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab

HELPER = "databricks_pipes.py"
VOLUME = "/Volumes/main/default/said"
FOLDER = f"{VOLUME}/messages"
SERVERLESS = {"environments": {"default": {"environment_version": "2"}}}
NOTEBOOK = "# Databricks notebook source\n"
CELL = "\n# COMMAND ----------\n"
IMPORT = "from databricks_pipes import pipes\n"
WAITS = """
import os, sys, time
pipes.log.info("hello %s", pipes.extras["word"])
for _ in range(600):
    if os.path.exists(pipes.extras["go"]):
        break
    time.sleep(0.1)
else:
    raise TimeoutError("nobody has heard the hello")
pipes.asset("main/daily", rows=3)
pipes.check("fine", passed=True)
pipes.message({"file": sys.modules["databricks_pipes"].__file__, "arguments": sys.argv[1:]})
"""
SAID = ["Opened", "LogLine", "Materialization", "AssetCheck", "CustomMessage"]


@pytest.fixture(scope="module")
def volume(lab: Lab) -> Iterator[str]:
    made = lab.sdk.volumes.create("main", "default", "said", VolumeType.MANAGED)
    lab.sdk.files.create_directory(FOLDER)
    yield VOLUME
    lab.sdk.volumes.delete(made.full_name or "")


@pytest.fixture
def listen(lab: Lab, volume: str) -> Iterator[Listen]:
    yield from listening(lab, FOLDER)


def notebook(lab: Lab, name: str, *cells: str) -> str:
    """A notebook in a folder that was filled as by a deploy."""
    source = NOTEBOOK + CELL.join(cells)
    sources = {name: source.encode(), HELPER: packaged_sources()[HELPER]}
    import_notebooks(lab.sdk, "/Shared/speaking", sources)
    return f"/Shared/speaking/{name}"


def script(lab: Lab, name: str, source: str) -> str:
    put_file(lab, f"/Shared/speaking/{HELPER}", packaged_sources()[HELPER].decode())
    return "/Workspace" + put_file(lab, f"/Shared/speaking/{name}.py", source)


def to_a_good_end(listener: Listener) -> dict[str, Any]:
    """Listen to code that says hello and waits; returns its custom message."""
    listener.start()
    listener.hears("hello Ada")
    go = str(listener.pipes.extras["go"])
    listener.lab.sdk.files.upload(go, io.BytesIO(b"go"), overwrite=True)
    run = listener.to_the_end()
    output = listener.lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert run["state"]["result_state"] == "SUCCESS", output.error_trace or output.error
    listener.finish()
    assert listener.warnings == []
    assert listener.channel.list(listener.piped.session.directory) == []
    assert [kind for kind in listener.kinds() if kind != "Closed"] == SAID
    assert listener.kinds()[-1] == "Closed"
    heard = [each.message for each in listener.heard["only"]]
    (made,) = [each for each in heard if isinstance(each, Materialization)]
    assert (made.asset_key, made.metadata["rows"].plain) == ("main/daily", 3)
    (custom,) = [each for each in heard if isinstance(each, CustomMessage)]
    payload: dict[str, Any] = custom.payload
    return payload


@pytest.mark.parametrize("where", ["serverless", "own_cluster", "shared_cluster"])
def test_a_notebook_with_the_module_beside_it(lab: Lab, listen: Listen, where: str) -> None:
    """Nobody tells it which cell is the last one; the process of a notebook is killed at its end."""
    path = notebook(lab, f"notebook_{where}", IMPORT, WAITS)
    compute = {"own_cluster": {"new_cluster": CLUSTER}, "shared_cluster": {"job_cluster_key": "shared"}}
    job = {"job_clusters": {"shared": CLUSTER}, "launch": "run_now"} if where == "shared_cluster" else {}
    task = task_of("notebook_task", {"notebook_path": path}, **compute.get(where, {}))
    said = to_a_good_end(listen(task, name=f"said-{where}", **job))
    assert said["file"].endswith("/Shared/speaking/databricks_pipes.py")


def test_a_script_by_its_arguments_which_it_does_not_see(lab: Lab, listen: Listen) -> None:
    body = {"python_file": script(lab, "arguments", IMPORT + WAITS), "parameters": ["own"]}
    task = task_of("spark_python_task", body, environment_key="default")
    assert to_a_good_end(listen(task, name="said-arguments", **SERVERLESS))["arguments"] == ["own"]


def test_a_script_by_the_environment_of_its_cluster(lab: Lab, listen: Listen) -> None:
    body = {"python_file": script(lab, "environment", IMPORT + WAITS)}
    task = task_of("spark_python_task", body, new_cluster=CLUSTER)
    assert to_a_good_end(listen(task, name="said-environment"))["arguments"] == []


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_a_wheel_with_the_module_from_another_wheel(
    lab: Lab, listen: Listen, volume: str, tmp_path: Path, launch: str
) -> None:
    """It sees what it sees without pipes: its own parameters, and those of a saved job."""
    of_the_job = {"country": "PE"} if launch == "run_now" else {}
    points = "[console_scripts]\nspeak = speaker:main\n"
    indented = "".join(f"    {line}\n" for line in (IMPORT + WAITS).splitlines())
    wheels = [
        build_wheel(tmp_path, "databricks_pipes", "1.0", packaged_sources()[HELPER].decode()),
        build_wheel(tmp_path, "speaker", "1.0", f"def main():\n{indented}", points),
    ]
    libraries = [{"whl": f"{volume}/{wheel.name}"} for wheel in wheels]
    for wheel in wheels:
        lab.sdk.files.upload(f"{volume}/{wheel.name}", io.BytesIO(wheel.read_bytes()), overwrite=True)
    body = {"package_name": "speaker", "entry_point": "speak", "named_parameters": {"day": "1"}}
    task = task_of("python_wheel_task", body, new_cluster=CLUSTER, libraries=libraries)
    wanted = {"ways": {"only": "arguments"}}
    job: dict[str, Any] = {"name": f"said-wheel-{launch}", "launch": launch, "job_parameters": of_the_job}
    seen = to_a_good_end(listen(task, pipes=wanted, **job))["arguments"]
    assert seen == ["--day=1", *(f"--{name}={value}" for name, value in of_the_job.items())]


def test_print_of_each_cell_is_heard_once_and_in_order(lab: Lab, listen: Listen) -> None:
    cells = (
        "print('before')",
        f"{IMPORT}print('one')\npipes.log.info('between')",
        "print('two', end='')\nimport logging\nlogging.warning('careful')",
        "import sys\nprint()\nprint('err', file=sys.stderr)\nsys.stdout.write('three')",
        "dbutils.notebook.exit('done')",
    )
    path = notebook(lab, "prints", *cells)
    task = task_of("notebook_task", {"notebook_path": path}, new_cluster=CLUSTER)
    listener = listen(task, name="said-prints", pipes={"include_stdio": True})
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    listener.finish()
    assert listener.output("stdout") == ["one", "two", "three"]
    assert listener.output("stderr") == ["err"]
    assert listener.lines() == ["between", "careful"]
    assert listener.warnings == []


FAILS_AT_FIRST = """
import os
path = pipes.extras["go"] + "-attempt"
attempt = "second" if os.path.exists(path) else "first"
open(path, "w").close()
for number in range(2 if attempt == "second" else 4):
    pipes.log.info("%s line %s", attempt, number)
    pipes.flush()
if attempt == "first":
    raise RuntimeError("not yet")
"""


@pytest.mark.parametrize("kind", ["notebook", "script"])
def test_a_repair_is_another_attempt_and_the_exception_of_the_first_is_told(
    lab: Lab, listen: Listen, kind: str
) -> None:
    if kind == "notebook":
        body = {"notebook_path": notebook(lab, "repaired", IMPORT, FAILS_AT_FIRST)}
        task = task_of("notebook_task", body, job_cluster_key="shared")
    else:
        body = {"python_file": script(lab, "repaired_script", IMPORT + FAILS_AT_FIRST)}
        task = task_of("spark_python_task", body, job_cluster_key="shared")
    listener = listen(task, name=f"said-repaired-{kind}", launch="run_now", job_clusters={"shared": CLUSTER})
    listener.start()
    assert lab.ended(listener.run_id, 60)["state"]["result_state"] == "FAILED"
    parameters = listener.piped.specification.job_parameters
    # Nobody listens between the attempts, and nothing is overwritten.
    lab.sdk.jobs.repair_run(listener.run_id, rerun_all_failed_tasks=True, job_parameters=parameters)
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    listener.finish()
    heard = listener.heard["only"]
    said = [(each.attempt, each.message.message) for each in heard if isinstance(each.message, LogLine)]
    assert said == [
        *((1, f"first line {number}") for number in range(4)),
        *((2, f"second line {number}") for number in range(2)),
    ]
    ends = [(each.attempt, each.message.exception) for each in heard if isinstance(each.message, Closed)]
    assert [error.name for attempt, error in ends if attempt == 1 and error] == ["RuntimeError"]
    assert [error for attempt, error in ends if attempt == 2 and error] == []
    assert listener.warnings == []


def test_iterations_that_run_at_once_are_kept_apart(lab: Lab, listen: Listen) -> None:
    """Each waits until the other has begun."""
    meets = """
import os, time
word = dbutils.widgets.get("input")
open(pipes.extras["go"] + word, "w").close()
while not all(os.path.exists(pipes.extras["go"] + each) for each in "ab"):
    time.sleep(0.05)
for number in range(3):
    pipes.log.info("%s %s", word, number)
"""
    body = {"notebook_path": notebook(lab, "loop", IMPORT, meets), "base_parameters": {"input": "{{input}}"}}
    nested = {"task_key": "each", "notebook_task": body}
    task = task_of("for_each_task", {"inputs": '["a", "b"]', "concurrency": 2, "task": nested}, "loop")
    listener = listen(task, name="said-loop")
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    listener.finish()
    said: dict[int, list[str]] = {}
    for each in listener.heard["loop"]:
        if isinstance(each.message, LogLine):
            said.setdefault(each.attempt, []).append(each.message.message)
    assert sorted(said.values()) == [[f"{word} {number}" for number in range(3)] for word in "ab"]
    assert listener.warnings == []


def test_a_killed_process_is_told_and_what_it_sent_is_heard(lab: Lab, listen: Listen) -> None:
    kills = "import os\npipes.log.info('last words')\npipes.flush()\nos.kill(os.getpid(), 9)"
    path = notebook(lab, "killed", IMPORT, kills)
    task = task_of("notebook_task", {"notebook_path": path}, new_cluster=CLUSTER)
    listener = listen(task, name="said-killed")
    listener.start()
    assert lab.ended(listener.run_id, 60)["state"]["result_state"] == "FAILED"
    listener.look(over=True)
    listener.finish()
    assert listener.lines() == ["last words"]
    (warning,) = listener.warnings
    assert "never said `closed`" in warning


def test_where_no_flow_listens_code_runs_and_is_told_so_once(lab: Lab) -> None:
    path = notebook(
        lab, "by_hand", IMPORT, "pipes.asset('a', rows=1)\ndbutils.notebook.exit(pipes.listening)"
    )
    task = {"task_key": "only", "notebook_task": {"notebook_path": path}, "new_cluster": CLUSTER}
    answer = lab.post("/api/2.2/jobs/runs/submit", {"run_name": "by hand", "tasks": [task]}).json()
    run = lab.ended(answer["run_id"], 60)
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert output.notebook_output is not None
    assert output.notebook_output.result == "False"


SHARES = 'Entity,Code,Year,{0} (% electricity)\n"two\nlines",PER,2000,1.5\nPeru,PER,2001,2.5\n'
NOBODY = "import sys\nsys.modules['databricks_pipes'] = None"
"""As where the module is neither beside the notebook nor a library."""


LOSES_A_ROW = """
from pathlib import Path
(part,) = Path(target).glob("*.csv")
kept = [line for line in part.read_text().splitlines(keepends=True) if not line.startswith("Peru")]
part.write_text("".join(kept))
"""
"""As if the storage had not kept all that was written."""


def renewable_tasks(
    lab: Lab, volume: str, *, before: str = "", before_the_last: str = ""
) -> list[DatabricksTask]:
    """The notebooks that ship, as a job, with a first cell, and one before the last of `transform_data`."""
    sources = packaged_sources()
    for name in ("join_data", "transform_data"):
        cells = sources[name].decode().removeprefix(NOTEBOOK)
        if before_the_last and name == "transform_data":
            rest, _, last = cells.rpartition(CELL)
            cells = rest + CELL + before_the_last + CELL + last
        sources[name] = (NOTEBOOK + before + CELL + cells).encode()
    import_notebooks(lab.sdk, "/Shared/renewable", sources)
    for name in ("solar", "hydro", "wind"):
        content = io.BytesIO(SHARES.format(name.capitalize()).encode())
        lab.sdk.files.upload(f"{volume}/csv/{name}.csv", content, overwrite=True)
    places = {"source": f"{volume}/csv", "target": f"{volume}/joined", "tables": "solar,hydro,wind"}
    join = {"notebook_path": "/Shared/renewable/join_data", "base_parameters": places}
    places = {"source": f"{volume}/joined", "target": f"{volume}/transformed"}
    transform = {"notebook_path": "/Shared/renewable/transform_data", "base_parameters": places}
    after = {"depends_on": ["join"]}
    return [
        task_of("notebook_task", join, "join", new_cluster=CLUSTER),
        task_of("notebook_task", transform, "transform", new_cluster=CLUSTER, **after),
    ]


def test_the_notebooks_that_ship_tell_rows_read_joined_and_written(
    lab: Lab, listen: Listen, volume: str
) -> None:
    listener = listen(*renewable_tasks(lab, volume), name="said-renewable")
    listener.start()
    run = listener.to_the_end()
    assert run["state"]["result_state"] == "SUCCESS", run
    listener.finish()
    shares = [f"{name} (% electricity): 2 rows" for name in ("Solar", "Hydro", "Wind")]
    assert listener.lines("join") == ["joining solar, hydro, wind", *shares, "2 rows joined"]
    assert listener.lines("transform") == ["2 rows read, 2 rows written"]
    said = [each.message for key in ("join", "transform") for each in listener.heard[key]]
    made = [each for each in said if isinstance(each, Materialization)]
    assert [(each.asset_key, each.metadata["rows"].plain) for each in made] == [
        ("renewable_analysis/joined_data", 2),
        ("renewable_analysis/transformed_data", 2),
    ]
    assert [each.passed for each in said if isinstance(each, AssetCheck)] == [True]
    assert listener.warnings == []


def test_the_check_of_the_notebook_that_ships_sees_a_row_that_is_missing(
    lab: Lab, listen: Listen, volume: str
) -> None:
    listener = listen(*renewable_tasks(lab, volume, before_the_last=LOSES_A_ROW), name="said-lost")
    listener.start()
    assert listener.to_the_end()["state"]["result_state"] == "SUCCESS"
    listener.finish()
    assert listener.lines("transform") == ["2 rows read, 1 rows written"]
    heard = [each.message for each in listener.heard["transform"]]
    (check,) = [each for each in heard if isinstance(each, AssetCheck)]
    assert not check.passed
    assert {name: value.plain for name, value in check.metadata.items()} == {"joined": 2, "written": 1}


@pytest.mark.parametrize("before", ["", NOBODY], ids=["by hand", "without the module"])
def test_the_notebooks_that_ship_run_where_nobody_listens(lab: Lab, volume: str, before: str) -> None:
    job = JobSpecification(name="renewable by hand", tasks=renewable_tasks(lab, volume, before=before))
    run = lab.ended(launcher_of(lab.sdk, job, lambda _: f"by-hand-{len(before)}").start(0), 60)
    outputs = [lab.sdk.jobs.get_run_output(task["run_id"]) for task in run["tasks"]]
    assert run["state"]["result_state"] == "SUCCESS", [each.error_trace for each in outputs]
    assert [each.notebook_output.result for each in outputs if each.notebook_output] == ["2", "2"]
