"""An environment of libraries on top of the Python that is running, filled by pip."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

FIXED = (
    "cloudpickle", "googleapis-common-protos", "grpcio", "grpcio-status", "numpy", "pandas", "protobuf",
    "psutil", "pyarrow", "pysail", "pyspark-client", "python-dateutil", "pytz", "six", "sqlglot",
    "typing_extensions", "zstandard",
)  # fmt: skip
"""Packages that are loaded before tasks are forked. Another version could be installed, but not imported."""

FOR_ANY_PIP = frozenset({"PIP_PYTHON", "PIP_CONSTRAINT"})

_BELOW = "below.pth"
_CONSTRAINTS = "constraints.txt"


class LibraryEnvironment:
    """An environment with an interpreter that sees its own libraries first, then those of this process.

    Pip takes the latter as installed, so that it adds only what is missing.
    """

    def __init__(self, directory: Path, pip_environment: Mapping[str, str] | None = None) -> None:
        """Set up.

        Args:
            directory: Where it is made when pip is first asked for.
            pip_environment: Variables that pip gets besides those of this process, such as `PIP_INDEX_URL`.
        """
        self._directory = directory
        self._pip_environment = dict(pip_environment or {})

    @property
    def site_packages(self) -> Path:
        """The directory of its libraries, for the beginning of `sys.path`."""
        scheme = {"base": str(self._directory), "platbase": str(self._directory)}
        return Path(sysconfig.get_path("purelib", "venv", scheme))

    def pip(self, arguments: Sequence[str], on_line: Callable[[str], object]) -> int:
        """Run pip in it.

        Args:
            arguments: Its command line.
            on_line: Called with each line of its output at once.

        Returns:
            Its exit code.
        """
        self.create()
        command = [str(self._directory / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        command += arguments
        if arguments[:1] == ["install"]:
            command += ["--constraint", str(self._directory / _CONSTRAINTS)]
        own = {"PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
        outer = {name: value for name, value in os.environ.items() if name not in FOR_ANY_PIP}
        environment = {**self._pip_environment, **outer, **own}
        with subprocess.Popen(  # noqa: S603 - installing what the user asks for is the purpose
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        ) as process:
            for line in process.stdout or ():
                on_line(line)
        return process.returncode

    def for_any_pip(self, scratch: Path) -> dict[str, str]:
        """The variables by which any pip that a program calls installs here, and nowhere else.

        The environment is made when such a pip first runs.

        Args:
            scratch: A directory for the program that pip takes for the interpreter.
        """
        program = scratch / "pip-python"
        maker = f'"{sys.executable}" -P -m databricks_local.runtime.environment "{self._directory}"'
        python = self._directory / "bin" / "python"
        program.write_text(f'#!/bin/sh\n[ -e "{python}" ] || {maker} || exit 1\nexec "{python}" "$@"\n')
        program.chmod(0o700)
        return {"PIP_PYTHON": str(program), "PIP_CONSTRAINT": str(self._directory / _CONSTRAINTS)}

    def create(self) -> None:
        """Make it, unless it is there."""
        if (self.site_packages / _BELOW).exists():
            return
        venv.EnvBuilder(symlinks=True).create(self._directory)
        below = [path for path in sys.path if Path(path).is_dir() and Path(path) != self.site_packages]
        (self._directory / _CONSTRAINTS).write_text("".join(map(_constraint, FIXED)))
        (self.site_packages / _BELOW).write_text("\n".join(below))


def _constraint(name: str) -> str:
    try:
        return f"{name}=={metadata.version(name)}\n"
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    LibraryEnvironment(Path(sys.argv[1])).create()
