"""A command goes on when nobody sees any more what it prints."""

from __future__ import annotations

import os
import subprocess
import sys

PRINTS = """
from dbflow.output import console, errors, output
from dbflow.terminal import StepBars
with StepBars(console).showing() as bars:
    for done in range(1, 2001):
        bars.update(f"step {done}", 1, 1)
output.write("x" * 100_000)
errors.print("seen")
raise SystemExit(129)
"""


def test_a_pipe_that_nobody_reads_any_more_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", PRINTS], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (129, "seen\n")


def test_a_terminal_that_is_gone_is_no_error() -> None:
    window, screen = os.openpty()
    os.close(window)
    ended = subprocess.run(
        [sys.executable, "-c", PRINTS], stdin=screen, stdout=screen, stderr=screen, check=False
    )
    os.close(screen)
    assert ended.returncode == 129
