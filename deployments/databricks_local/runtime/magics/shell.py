"""`%sh`: a cell that bash runs."""

import codecs
import importlib
import os
import select
import subprocess
import sys

from databricks_local.runtime.source import Cell

POLL_SECONDS = 0.1
PIPE_BYTES = 1 << 20
"""More than a pipe holds (Linux: 64 KiB unless somebody asks for more)."""


def run_shell(cell: Cell) -> None:
    """Run a `%sh` cell; what it writes is the cell's output.

    As on Databricks, a status that is not zero fails the cell only with `%sh -e` (docs: notebooks, magic
    commands), with the exception that IPython's script magic raises there.

    Raises:
        subprocess.CalledProcessError: With `-e`, if the script fails.
    """
    strict = cell.argument.split(" ", 1)[0] == "-e"
    script = cell.script.removeprefix("-e").strip() if strict else cell.script
    status = run_script(script, *(["-e"] if strict else []))
    if strict and status:
        raise subprocess.CalledProcessError(status, script)


def run_script(script: str, *options: str) -> int:
    """Run a script of bash, and copy what it writes to `sys.stdout`; returns its status."""
    command = ["bash", *options, "-c", script]
    with subprocess.Popen(  # noqa: S603 - running the notebook is the purpose
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        _copy_output(process)
        status = process.wait()
    # It may have installed something.
    importlib.invalidate_caches()
    return status


def _copy_output(process: "subprocess.Popen[bytes]") -> None:
    """Copy the output of a process until it ends. Its children may hold the pipe open longer."""
    if process.stdout is None:
        raise RuntimeError("The shell was started without a pipe.")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    ended = False
    while not ended:
        # Checked before the pipe is read, so that the last read gets everything.
        ended = process.poll() is not None
        if select.select([process.stdout], [], [], 0 if ended else POLL_SECONDS)[0]:
            content = os.read(process.stdout.fileno(), PIPE_BYTES)
            sys.stdout.write(decoder.decode(content))
            ended = ended or not content
