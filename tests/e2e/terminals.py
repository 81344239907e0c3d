"""Commands in terminals of their own, which can be closed, and signalled as from a shell."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from threading import Event, Thread

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def default_signals() -> None:
    """Let each signal end the process, as in a shell: whoever started the tests may ignore some.

    To be called in the child, as `preexec_fn`.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class Terminal:
    """A terminal with one command in its foreground."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._window, screen = os.openpty()

        def take_terminal() -> None:
            default_signals()
            os.login_tty(screen)

        self.process = subprocess.Popen(command, cwd=cwd, env=dict(env), preexec_fn=take_terminal)
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
