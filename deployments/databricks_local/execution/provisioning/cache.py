"""What is installed at its first use, in the cache of the user: once for all workspaces."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

_PARTIAL = ".partial-"


class InstallationError(Exception):
    """Raised when something cannot be installed; in one line for people."""


def cache_of(environment: Mapping[str, str]) -> Path:
    """The folder for what is installed for a user.

    Example:
        >>> str(cache_of({"XDG_CACHE_HOME": "/cache"}))
        '/cache/databricks-local'
    """
    return Path(environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")) / "databricks-local"


def install_in(
    directory: Path, command_for: Callable[[Path], list[str]], environment: Mapping[str, str]
) -> None:
    """Install something in a folder, unless it is there; another process may be at it, too.

    Args:
        directory: The folder. It is there only when it is complete.
        command_for: The command that installs in the folder that it is given.
        environment: Variables of the command.

    Raises:
        InstallationError: If it cannot be installed.
    """
    try:
        _install(directory, command_for, environment)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InstallationError(
            f"cannot write to {directory.parent}: {reason}. XDG_CACHE_HOME names another folder."
        ) from error


def _install(
    directory: Path, command_for: Callable[[Path], list[str]], environment: Mapping[str, str]
) -> None:
    from filelock import FileLock

    directory.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{directory}.lock"):
        if directory.exists():
            return
        # What an installation that was killed has left: nobody else can be at it now.
        for left in directory.parent.glob(f"{directory.name}{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        target = Path(tempfile.mkdtemp(prefix=f"{directory.name}{_PARTIAL}", dir=directory.parent))
        try:
            _run(command_for(target), environment)
            target.rename(directory)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    own = {"PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    ended = subprocess.run(  # noqa: S603 - pip, and no shell
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, **environment, **own},
    )
    if ended.returncode:
        lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")]
        raise InstallationError((errors or lines or ["pip said nothing"])[-1])
