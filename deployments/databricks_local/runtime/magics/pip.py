"""`%pip` cells: they install libraries for the rest of this run of the notebook."""

import importlib
import shlex
import subprocess
import sys

from databricks_local.runtime.dbutils.library import Interpreter
from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.source import Cell

RESTART_NOTE = (
    "Note: you may need to restart the Python kernel using dbutils.library.restartPython() "
    "to use updated packages."
)


class PipCellError(ValueError):
    """Raised when a %pip cell holds something besides %pip commands."""


def pip_commands(cell: Cell) -> list[list[str]]:
    """The commands of a cell: its first line, and each further one that begins with %pip."""
    lines = f"%pip {cell.argument}\n{cell.text}".replace("\\\n", " ").splitlines()
    commands: list[list[str]] = []
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("#"):
            continue
        if line.partition(" ")[0] != "%pip":
            raise PipCellError(f"A %pip cell holds %pip commands only, but has the line: {line[:200]}")
        commands.append(shlex.split(line, comments=True)[1:])
    return commands


def run_pip_cell(cell: Cell, environment: LibraryEnvironment, interpreter: Interpreter) -> None:
    """Run the commands of a cell; what pip says is the cell's output.

    Raises:
        CalledProcessError: If pip fails; in the words of genai-cookbook#13.
    """
    for arguments in pip_commands(cell):
        code = environment.pip(arguments, sys.stdout.write)
        if code:
            command = shlex.join(["pip", "--disable-pip-version-check", *arguments])
            raise subprocess.CalledProcessError(code, command)
        interpreter.add_path(str(environment.site_packages))
        importlib.invalidate_caches()
        if arguments[:1] in (["install"], ["uninstall"]):
            print(RESTART_NOTE)  # noqa: T201 - the cell's output
