"""Processes are ended by what they are, not by the number that they had."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from databricks_local.execution.children import created_at, kill_group


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that leads its own group."""
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_another_process_with_the_same_id_is_let_live(stranger: "subprocess.Popen[bytes]") -> None:
    kill_group(stranger.pid, created_at(stranger.pid) - 60)
    assert psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE
    assert stranger.poll() is None
    kill_group(stranger.pid, created_at(stranger.pid))
    assert stranger.wait(10) == -9


def test_a_process_that_is_gone_is_no_error(stranger: "subprocess.Popen[bytes]") -> None:
    created = created_at(stranger.pid)
    stranger.kill()
    stranger.wait()
    kill_group(stranger.pid, created)
    assert created_at(stranger.pid) == 0


def test_the_group_of_a_leader_that_is_gone_is_ended() -> None:
    child = "import time; time.sleep(600)"
    leader = (
        "import subprocess, sys\n"
        f"print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True)\n"
        "input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", leader],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    member = psutil.Process(int(process.stdout.readline()))
    created = created_at(process.pid)
    process.stdin.write("\n")
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
    kill_group(process.pid, created)
    psutil.wait_procs([member], timeout=10)
    assert not member.is_running() or member.status() == psutil.STATUS_ZOMBIE
