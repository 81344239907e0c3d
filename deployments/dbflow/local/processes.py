"""Detached processes: known by pid and creation time, so that a recycled pid is never taken for ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# Every process of a stack carries this variable, which names the stack's directory and the service. It finds
# the processes of a starter that was killed between starting one and writing down its pid.
MARKER = "DBFLOW_STACK_SERVICE"

# psutil reads creation times with the resolution of the kernel's clock tick (10 ms), relative to boot.
_CREATE_TIME_TOLERANCE_S = 0.05
_POLL_S = 0.02


@dataclass(frozen=True)
class ProcessIdentity:
    """A process and when it was created."""

    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """The identity of the running process `pid`; raises `psutil.NoSuchProcess`."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process, or None when it has ended (a zombie has ended) or its pid belongs to another one."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.create_time) > _CREATE_TIME_TOLERANCE_S:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return self.process() is not None


@dataclass(frozen=True)
class Owner:
    """The account that a process runs as, instead of root."""

    name: str
    uid: int
    gid: int


def marker(root: Path, service: str) -> str:
    """The value of `MARKER` for one service of the stack in `root`."""
    return f"{service}:{root}"


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    owner: Owner | None = None,
) -> ProcessIdentity:
    """Starts a process that outlives this one, in a session of its own, with its output in `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - starting commands is what this is for
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=None if owner is None else owner.uid,
            group=None if owner is None else owner.gid,
            extra_groups=None if owner is None else [],
        )
    _children.append(process)
    return ProcessIdentity.of(process.pid)


# Kept so that an ended child is reaped by `reap` instead of staying a zombie of this process.
_children: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Collects the children of this process that have ended."""
    _children[:] = [child for child in _children if child.poll() is None]


def session_members(identity: ProcessIdentity) -> list[psutil.Process]:
    """The processes of the session that `identity` led, without itself; also when it is gone."""
    leader = identity.process()
    if leader is None and psutil.pid_exists(identity.pid):
        # It may end between the two questions; then its members are looked for below.
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(identity.pid).status() != psutil.STATUS_ZOMBIE:
                return []  # recycled: the session with this number is another one
    members = []
    for process in psutil.process_iter(["create_time"]):
        # A process may end, or be one that the system hides, between listing and asking.
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if process.pid == identity.pid or process.info["create_time"] < identity.create_time - 1:
                continue
            if os.getsid(process.pid) == identity.pid:
                members.append(process)
    return members


def marked_processes(value: str) -> list[psutil.Process]:
    """The processes whose environment carries this marker."""
    found = []
    for process in psutil.process_iter():
        # Processes of other users hide their environment, and any process may end meanwhile.
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARKER) == value:
                found.append(process)
    return found


def processes_in(directory: Path, executable: Path) -> list[psutil.Process]:
    """The processes of an executable whose working directory is `directory`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()) == directory and Path(process.exe()).samefile(executable):
                found.append(process)
    return found


def stop(identity: ProcessIdentity, *, first: signal.Signals, grace_s: float) -> None:
    """Asks the process to end, then kills it and whatever is left of its session."""
    process = identity.process()
    others = session_members(identity)
    if process is not None:
        others += process.children(recursive=True)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(first)
        _wait_gone([process], grace_s)
        others.append(process)
    kill(others + session_members(identity))
    reap()


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kills processes at once and waits until the system has let go of them."""
    doomed = list(processes)
    for process in doomed:
        # psutil compares the creation time before it sends the signal; one that has ended is what we want.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_gone(doomed, 5.0)


def _wait_gone(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        reap()
        if not any(_runs(process) for process in processes):
            return
        time.sleep(_POLL_S)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
