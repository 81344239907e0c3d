"""Commands in terminals of their own, which can be closed, and signalled as from a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from threading import Event, Thread

_DEFAULT_SIGNALS = """
import os, signal, sys
numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
for number in numbers:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
"""
_OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
_RUN = "os.execvp(sys.argv[1], sys.argv[1:])"


def with_default_signals(command: Sequence[str]) -> list[str]:
    """A command that each signal ends, as in a shell: whoever started the tests may ignore some."""
    return [sys.executable, "-ISc", _DEFAULT_SIGNALS + _RUN, *command]


class Terminal:
    """A terminal with one command in its foreground."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._window, screen = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-ISc", _DEFAULT_SIGNALS + _OWN_TERMINAL + _RUN, *command],
            cwd=cwd,
            env=dict(env),
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )
        os.close(screen)
        self._shown = b""
        self._closed = Event()
        self._reader = Thread(target=self._read)
        self._reader.start()

    @property
    def text(self) -> str:
        """What the command has shown so far."""
        return self._shown.decode(errors="replace")

    def press_ctrl_c(self) -> None:
        """Send SIGINT to all that runs in the foreground."""
        os.write(self._window, b"\x03")

    def close(self) -> None:
        """Close the window: what runs in it gets SIGHUP, and cannot write any more."""
        self._closed.set()
        self._reader.join()

    def _read(self) -> None:
        while not self._closed.is_set():
            if select([self._window], [], [], 0.05)[0]:
                try:
                    self._shown += os.read(self._window, 65536)
                except OSError:  # the command has ended
                    self._closed.wait()
        os.close(self._window)


@contextmanager
def in_terminal(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a command in a terminal of its own. What still runs at the end is killed."""
    terminal = Terminal(command, cwd, env)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()
        terminal.close()
