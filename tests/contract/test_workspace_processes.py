"""Processes: they end when a run is stopped, and none outlives the server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from databricks.sdk.service import jobs
from databricks_local import LocalWorkspace

from .workspace_lab import Lab, lab_of, until

SLEEPER = (
    "import os, subprocess, sys\n"
    "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
    "child = subprocess.Popen(sleep)\n"
    "away = subprocess.Popen(sleep, start_new_session=True)\n"
    "with open(dbutils.widgets.get('pids') + '.part', 'w') as file:\n"
    "    file.write(f'{os.getpid()} {child.pid} {away.pid}')\n"
    "os.rename(dbutils.widgets.get('pids') + '.part', dbutils.widgets.get('pids'))\n"
)
WAITING = "import time\ntime.sleep(600)\n"
STUBBORN = (
    "import time\nwhile True:\n    try:\n        time.sleep(600)\n    except BaseException:\n        pass\n"
)
HOLDS_THE_INTERPRETER = "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')\n"


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(lab: Lab) -> set[int]:
    return {child.pid for child in psutil.Process(lab.workspace.process.pid).children(recursive=True)}


@contextmanager
def own_workspace(root: Path) -> Iterator[Lab]:
    with LocalWorkspace(root) as running:
        yield from lab_of(running)


def started(lab: Lab, pids: Path, source: str, **fields: int) -> tuple[int, list[int]]:
    """Submit a notebook that starts processes; the run, and the process ids."""
    path = lab.notebook("sleeper", SLEEPER + source)
    task = lab.task("sleeper", path, parameters={"pids": str(pids)})
    run_id = lab.submit(task, lab.task("below", path, ["sleeper"]), **fields)
    return run_id, [int(pid) for pid in until(lambda: pids.exists() and pids.read_text()).split()]


@pytest.mark.parametrize("source", [WAITING, STUBBORN, HOLDS_THE_INTERPRETER])
def test_cancel_ends_the_process_and_its_children(lab: Lab, tmp_path: Path, source: str) -> None:
    run_id, pids = started(lab, tmp_path / "pids", source)
    assert all(alive(pid) for pid in pids)
    answer = lab.post("/api/2.2/jobs/runs/cancel", {"run_id": run_id})
    assert (answer.status_code, answer.json()) == (200, {})
    run = lab.ended(run_id, seconds=2)
    until(lambda: not any(alive(pid) for pid in pids), seconds=2)
    assert run["state"] == {
        "life_cycle_state": "TERMINATED",
        "result_state": "CANCELED",
        "state_message": "Run cancelled.",
        "user_cancelled_or_timedout": True,
    }
    assert run["status"]["termination_details"]["code"] == "USER_CANCELED"
    assert [task["state"]["result_state"] for task in run["tasks"]] == ["CANCELED", "CANCELED"]
    assert lab.post("/api/2.2/jobs/runs/cancel", {"run_id": run_id}).json() == {}
    assert lab.ended(run_id) == run


def test_cancel_of_one_task_lets_those_run_that_handle_it(lab: Lab, tmp_path: Path) -> None:
    waiting, plain = lab.notebook("waiting", WAITING), lab.notebook("plain", "x = 1\n")
    run_id = lab.submit(
        lab.task("waiting", waiting),
        lab.task("below", plain, ["waiting"]),
        lab.task("anyway", plain, ["waiting"], run_if=jobs.RunIf.ALL_DONE),
    )
    task = lab.wait_for_task(run_id, "waiting", "RUNNING")
    lab.sdk.jobs.cancel_run(task["run_id"])
    run = lab.ended(run_id)
    assert [task["state"]["result_state"] for task in run["tasks"]] == [
        "CANCELED",
        "UPSTREAM_CANCELED",
        "SUCCESS",
    ]
    assert run["state"]["result_state"] == "CANCELED"


def test_the_time_of_a_task_is_over(lab: Lab, tmp_path: Path) -> None:
    waiting = lab.notebook("waiting", WAITING)
    run = lab.run(lab.task("slow", waiting, timeout_seconds=1), lab.task("below", waiting, ["slow"]))
    slow, below = run["tasks"]
    assert (slow["state"]["life_cycle_state"], slow["state"]["result_state"]) == ("TERMINATED", "TIMEDOUT")
    assert slow["state"]["user_cancelled_or_timedout"] is True
    assert below["state"]["result_state"] == "UPSTREAM_FAILED"
    assert run["state"]["result_state"] == "TIMEDOUT"
    assert 900 < slow["end_time"] - slow["start_time"] < 3000


def test_the_time_of_a_run_is_over(lab: Lab, tmp_path: Path) -> None:
    run_id, pids = started(lab, tmp_path / "pids", WAITING, timeout_seconds=1)
    run = lab.ended(run_id, seconds=5)
    assert run["state"]["result_state"] == "TIMEDOUT"
    assert [task["state"]["result_state"] for task in run["tasks"]] == ["TIMEDOUT", "TIMEDOUT"]
    until(lambda: not any(alive(pid) for pid in pids), seconds=2)


def test_a_driver_that_dies(lab: Lab) -> None:
    task, output = lab.run_source("dies", "import ctypes\nprint('last words')\nctypes.string_at(0)\n")
    assert task["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert task["state"]["result_state"] == "FAILED"
    assert task["status"]["termination_details"]["code"] == "DRIVER_ERROR"
    assert output["error"] == "Driver of the cluster was lost"
    assert "Segmentation fault" in output["error_trace"]


def test_nothing_that_a_task_started_outlives_it(lab: Lab, tmp_path: Path) -> None:
    directory = lab.workspace.log.parent / "tasks"
    before = set(directory.iterdir())
    run_id, pids = started(lab, tmp_path / "pids", "x = 1\n")
    lab.ended(run_id)
    until(lambda: not any(alive(pid) for pid in pids), seconds=2)
    assert set(directory.iterdir()) <= before


def test_notebooks_see_no_remarks_of_pyspark_and_their_own_folder(lab: Lab) -> None:
    source = (
        "import os, warnings\nimport pyspark, pyspark.sql\n"
        "frame = spark.range(3).toPandas()\nprint(os.getcwd())\ndisplay(frame)\n"
    )
    run = lab.run(lab.task("only", lab.notebook("quiet", source)))
    assert run["state"]["result_state"] == "SUCCESS"
    page = f"/jobs/{run['job_id']}/runs/{run['run_id']}"
    with lab_browser(lab) as browser:
        text = browser.get(page).text
    assert "FutureWarning" not in text
    assert "SPARK_HOME" not in text
    assert "/Workspace/Shared" in text


@contextmanager
def lab_browser(lab: Lab) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=lab.workspace.url, follow_redirects=True, trust_env=False) as browser:
        browser.post("/login", data={"token": lab.workspace.token})
        yield browser


def test_a_notebook_that_does_not_read_its_answers_holds_up_nobody(lab: Lab) -> None:
    lab.sdk.secrets.create_scope("answers")
    lab.sdk.secrets.put_secret("answers", "large", string_value="x" * 120_000)
    source = (
        "import os, signal, threading, time\n"
        "for _ in range(50):\n"
        "    threading.Thread(target=dbutils.secrets.get, args=('answers', 'large'), daemon=True).start()\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    run_id = lab.submit(lab.task("only", lab.notebook("deaf", source)))
    lab.wait_for_task(run_id, "only", "RUNNING")
    stopped = psutil.STATUS_STOPPED
    until(lambda: stopped in {psutil.Process(pid).status() for pid in family(lab)})
    assert lab.run_source("another", "x = 1")[0]["state"]["result_state"] == "SUCCESS"
    lab.sdk.jobs.cancel_run(run_id)
    assert lab.ended(run_id)["state"]["result_state"] == "CANCELED"


def test_kill_9_of_the_server_leaves_no_process(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root") as lab:
        _, waiting = started(lab, tmp_path / "waiting", WAITING)
        _, holding = started(lab, tmp_path / "holding", HOLDS_THE_INTERPRETER)
        processes = family(lab) | {*waiting, *holding}
        assert len(processes) >= 10
        lab.workspace.process.kill()
        until(lambda: not [pid for pid in processes if alive(pid)], seconds=5)


def test_a_stop_ends_everything_within_two_seconds(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root") as lab:
        _, pids = started(lab, tmp_path / "pids", WAITING)
        processes = family(lab) | set(pids)
        lab.workspace.process.send_signal(signal.SIGTERM)
        assert lab.workspace.process.wait(2) == 0
        until(lambda: not [pid for pid in processes if alive(pid)], seconds=2)
        assert "Traceback" not in lab.workspace.log.read_text()


def test_a_stop_right_after_the_start(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root") as lab:
        lab.workspace.process.send_signal(signal.SIGINT)
        assert lab.workspace.process.wait(2) == 0


def start(*options: str, token: str = "x") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "databricks_local", *options],
        env={**os.environ, "DBFLOW_WORKSPACE_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_port_that_is_taken(lab: Lab, tmp_path: Path) -> None:
    port = lab.workspace.url.rsplit(":", 1)[1]
    ended = start("--port", port, "--root", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr == f"workspace: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = start("--root", str(tmp_path / "file" / "root"))
    assert ended.returncode == 2
    assert ended.stderr == f"workspace: cannot write to {tmp_path / 'file' / 'root'}: Not a directory\n"


def test_no_token(tmp_path: Path) -> None:
    ended = start("--root", str(tmp_path), token="")
    assert ended.returncode == 2
    assert "a token is needed" in ended.stderr


def test_the_log_has_state_changes_and_no_secrets(lab: Lab) -> None:
    run = lab.run(lab.task("only", lab.notebook("plain", "x = 1\n")))
    log = lab.workspace.log.read_text()
    assert f"run {run['run_id']} (a test): TERMINATED SUCCESS" in log
    for secret in (lab.workspace.token, "a-secret"):
        assert secret not in log
