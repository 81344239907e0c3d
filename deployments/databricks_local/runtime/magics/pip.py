"""`%pip`: installs libraries for the rest of this run of the notebook."""

import importlib
import shlex
import subprocess
import sys
from collections.abc import Callable

from databricks_local.runtime.dbutils.library import Interpreter
from databricks_local.runtime.environment import LibraryEnvironment

RESTART_NOTE = (
    "Note: you may need to restart the Python kernel using dbutils.library.restartPython() "
    "to use updated packages."
)


def run_pip(
    command: str,
    environment: LibraryEnvironment,
    interpreter: Interpreter,
    offer: Callable[[str], object],
) -> None:
    """Run the command of a `%pip` line; what pip says is the cell's output.

    Args:
        command: What follows `%pip`.
        environment: Where it installs to.
        interpreter: Of the notebook, which gets the path of the libraries.
        offer: Gets that path, too, for functions that run on the cluster.

    Raises:
        CalledProcessError: If pip fails; in the words of genai-cookbook#13.
    """
    arguments = shlex.split(command, comments=True)
    code = environment.pip(arguments, sys.stdout.write)
    if code:
        raise subprocess.CalledProcessError(
            code, shlex.join(["pip", "--disable-pip-version-check", *arguments])
        )
    interpreter.add_path(str(environment.site_packages))
    offer(str(environment.site_packages))
    importlib.invalidate_caches()
    if arguments[:1] in (["install"], ["uninstall"]):
        print(RESTART_NOTE)  # noqa: T201 - the cell's output
