"""One service of the stack: how it is started, checked and stopped."""

from __future__ import annotations

import http.client
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import psutil

from dbflow.local import ports, processes
from dbflow.local.environment import service_environment
from dbflow.local.errors import ServiceStartError
from dbflow.local.state import ServiceRecord

_POLL_S = 0.05
_ANSWER_TIMEOUT_S = 2.0
# A process may start another one while it is looked for.
_ROUNDS_TO_KILL = 5
_ADDRESS_TAKEN_ATTEMPTS = 4
_LOG_LIMIT_BYTES = 10_000_000
# How long a service that was ready before may stay silent before it is replaced.
_SILENCE_S = 5.0


@dataclass(frozen=True)
class ServiceCommand:
    """The command that starts a service, and the variables besides those of `service_environment`."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    cwd: Path
    owner: processes.Owner | None = None
    # The address of another service that this one was given: it is restarted when that changes.
    depends_on: str = ""


@dataclass(frozen=True)
class Clock:
    """Time, to be replaced in tests."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Service(ABC):
    """A service of the stack. A subclass gives its command, its address and its health check."""

    name: str
    port_names: Sequence[str] = ("main",)
    start_timeout_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 5.0

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        self.root = root
        self.directory = root / self.name
        self.log = root / "logs" / f"{self.name}.log"
        self.clock = clock or Clock()

    @abstractmethod
    def command(self, chosen: Mapping[str, int]) -> ServiceCommand:
        """The command that makes the service listen on these ports."""

    @abstractmethod
    def url(self, chosen: Mapping[str, int]) -> str:
        """Where the service answers."""

    @abstractmethod
    def healthy(self, chosen: Mapping[str, int]) -> bool:
        """Whether the service answers as it should, right now."""

    def prepare(self) -> None:
        """Makes what the service needs on disk, before it is started."""
        self.directory.mkdir(mode=0o700, exist_ok=True)

    def complete(self, chosen: Mapping[str, int], record: ServiceRecord) -> None:
        """Makes what the service must contain, once it is healthy for the first time."""
        return

    def clean(self, chosen: Mapping[str, int]) -> None:
        """Removes what an ended process leaves outside the stack's directory."""
        return

    def leftovers(self) -> list[psutil.Process]:
        """Processes of this service that are not in `stack.json`."""
        return processes.marked_processes(processes.marker(self.root, self.name))

    def ensure(
        self,
        record: ServiceRecord | None,
        last_ports: Mapping[str, int],
        save: Callable[[ServiceRecord], None],
        report: Callable[[str], None],
    ) -> ServiceRecord:
        """Starts the service, or replaces one that does not answer; returns when it is healthy.

        Args:
            record: The service as it was started last, if it was.
            last_ports: Where it listened last time.
            save: Called as soon as there is a process, so that it is found again whatever happens.
            report: Told what is happening.
        """
        if record is not None and record.process.is_alive():
            if self._comes_up(record):
                if not record.ready:
                    self._complete(record, save)
                return record
            report("restarting")
        else:
            report("starting")
        started = self.clock.monotonic()
        self.stop(record)
        self.prepare()
        for attempt in range(1, _ADDRESS_TAKEN_ATTEMPTS + 1):
            fresh = self._start(last_ports if attempt == 1 else {})
            save(fresh)
            reason = self._first_answer(fresh, save)
            if reason is None:
                report(f"ready {self.clock.monotonic() - started:.1f} s")
                return fresh
            self.stop(fresh)
            if "address already in use" not in reason.lower() or attempt == _ADDRESS_TAKEN_ATTEMPTS:
                report("failed")
                raise ServiceStartError(self.name, reason, self.log)
        raise AssertionError("unreachable: the loop returns or raises")

    def stop(self, record: ServiceRecord | None) -> bool:
        """Stops the service and all processes that it left behind; returns whether there were any."""
        found = False
        if record is not None:
            found = record.process.is_alive()
            processes.stop(record.process, first=self.stop_signal, grace_s=self.stop_grace_s)
        for _ in range(_ROUNDS_TO_KILL):
            strays = self.leftovers()
            processes.kill(strays)
            if not strays:
                break
            found = True
        if record is not None:
            self.clean(record.ports)
        return found

    def _first_answer(self, fresh: ServiceRecord, save: Callable[[ServiceRecord], None]) -> str | None:
        """Wait until a new process is ready; return `None`, or why it is not. An error stops it."""
        try:
            reason = self._wait(fresh, self.clock.monotonic() + self.start_timeout_s)
            if reason is None:
                self._complete(fresh, save)
        except BaseException:
            self.stop(fresh)
            raise
        return reason

    def _comes_up(self, record: ServiceRecord) -> bool:
        if record.depends_on != self.command(record.ports).depends_on:
            return False
        now = self.clock.monotonic()
        # One that was never ready may still be starting: the command that started it may have been killed.
        age = self.clock.wall() - record.process.create_time
        patience = _SILENCE_S if record.ready else max(_SILENCE_S, self.start_timeout_s - age)
        return self._wait(record, now + patience) is None

    def _start(self, last_ports: Mapping[str, int]) -> ServiceRecord:
        chosen = ports.choose(self.port_names, last_ports)
        launch = self.command(chosen)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        inherited = service_environment(self.name, os.environ)
        marked = {processes.MARKER: processes.marker(self.root, self.name)}
        process = processes.spawn(
            launch.command,
            environment={**inherited, **launch.environment, **marked},
            cwd=launch.cwd,
            log=self.log,
            owner=launch.owner,
        )
        return ServiceRecord(process, chosen, self.url(chosen), launch.depends_on)

    def _complete(self, record: ServiceRecord, save: Callable[[ServiceRecord], None]) -> None:
        self.complete(record.ports, record)
        record.ready = True
        save(record)

    def _wait(self, record: ServiceRecord, deadline: float) -> str | None:
        """Waits for health; returns None, or why there is none."""
        while True:
            processes.reap()
            if not record.process.is_alive():
                return self._last_words()
            # Look at the process again: another program may answer on the port of one that has just ended.
            if self.healthy(record.ports) and record.process.is_alive():
                return None
            if self.clock.monotonic() >= deadline:
                return f"it gives no answer at {record.url}; its log ends with: {self._last_words()}"
            self.clock.sleep(_POLL_S)

    _log_start: int = 0

    def _last_words(self) -> str:
        """Why the service ended, by its log since the start."""
        if not self.log.exists():
            return "it ended and its log is empty"
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            text = file.read().decode(errors="replace")
        return cause_in(text, self.directory)


def cause_in(log: str, directory: Path) -> str:
    """Find in the log of a service why it ended.

    Args:
        log: What it wrote since its start.
        directory: Where it keeps its data.

    Returns:
        That the disk is full, or the line about a taken address, or else the last line.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if any("no space left on device" in line.lower() for line in lines):
        return f"the disk is full: make room where {directory} is"
    taken = [line for line in lines if "address already in use" in line.lower()]
    return (taken or lines or ["it ended and its log is empty"])[-1]


def answers_ok(port: int, path: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether 127.0.0.1 answers a GET with 200."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=_ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
