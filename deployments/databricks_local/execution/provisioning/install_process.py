"""The code of the process that installs a library."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from databricks_local.execution.children import begin, send
from databricks_local.execution.mounts import Mounts
from databricks_local.jobs.libraries import Library
from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.spark_paths import Rewrite, path_rewriter

LINES_NAME = "dependencies.txt"
_FILE_OPTIONS = ("-r ", "--requirement ")


@dataclass(frozen=True)
class InstallLaunch:
    """The arguments of the process."""

    directory: str
    library: Library
    log: str
    mounts: Mounts
    pip_environment: Mapping[str, str] = field(repr=False)


def install_main(connection: Connection, launch: InstallLaunch) -> None:
    """Install one library into the environment of a cluster, and report how that went.

    Args:
        connection: The line to the server.
        launch: What to install, and where.
    """
    rewrite = path_rewriter(begin([launch.log], launch.mounts))
    directory = Path(launch.directory)
    output: list[str] = []
    command = ["install", *_arguments(launch.library, rewrite, directory)]
    code = LibraryEnvironment(directory, launch.pip_environment).pip(command, output.append)
    send(connection, {"code": code, "command": ["pip", *command], "output": "".join(output)})
    # The server ends this process. If it ended by itself, its children could no longer be found and killed.
    threading.Event().wait()


def _arguments(library: Library, rewrite: Rewrite, directory: Path) -> list[str]:
    if library.kind == "pypi":
        return [library.value, *(["--index-url", library.repo] if library.repo else [])]
    if library.kind == "whl":
        return ["--upgrade", rewrite(library.value)]
    if library.kind == "requirements":
        return ["--requirement", rewrite(library.value)]
    lines = [_rewritten(line.strip(), rewrite) for line in library.value.splitlines()]
    directory.mkdir(exist_ok=True)
    file = directory / LINES_NAME
    file.write_text("\n".join(lines))
    return ["--requirement", str(file)]


def _rewritten(line: str, rewrite: Rewrite) -> str:
    """A requirement, with its path, if any, rewritten for this process."""
    for option in _FILE_OPTIONS:
        if line.startswith(option):
            return option + rewrite(line.removeprefix(option).strip())
    return rewrite(line)
