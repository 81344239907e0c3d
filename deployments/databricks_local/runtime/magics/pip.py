"""`%pip`: installs libraries for the rest of this run of the notebook."""

import importlib
import shlex
import subprocess
import sys

from databricks_local.runtime.environment import LibraryEnvironment

RESTART_NOTE = (
    "Note: you may need to restart the Python kernel using dbutils.library.restartPython() "
    "to use updated packages."
)


def run_pip(command: str, environment: LibraryEnvironment) -> None:
    """Run the command of a `%pip` line; what pip says is the cell's output.

    Args:
        command: What follows `%pip`.
        environment: Where it installs to.

    Raises:
        CalledProcessError: If pip fails; in the words of genai-cookbook#13.
    """
    arguments = shlex.split(command, comments=True)
    code = environment.pip(arguments, sys.stdout.write)
    if code:
        raise subprocess.CalledProcessError(
            code, shlex.join(["pip", "--disable-pip-version-check", *arguments])
        )
    importlib.invalidate_caches()
    if arguments[:1] in (["install"], ["uninstall"]):
        print(RESTART_NOTE)  # noqa: T201 - the cell's output
