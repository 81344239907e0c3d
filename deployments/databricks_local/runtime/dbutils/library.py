"""`dbutils.library`, and the restart of Python."""

import os
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import NoReturn

from databricks_local.runtime.dbutils.help import Helpful

EXTENSION_SUFFIXES = (".so", ".pyd", ".dylib")


class PythonRestart(BaseException):
    """Raised by `dbutils.library.restartPython`. Not an `Exception`, so that handlers do not catch it."""


class LibraryUtils(Helpful):
    """`dbutils.library`."""

    def restartPython(self) -> NoReturn:  # noqa: N802
        """End the cell; those that follow begin with an empty namespace and newly imported modules."""
        raise PythonRestart

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"dbutils.library.{name} is not served by the local workspace yet")


class Interpreter:
    """The state of the interpreter when the notebook began, which a restart restores.

    The process stays the same. Modules that were imported since are removed, so that a new version can be
    imported. Packages with native modules stay, since most cannot be loaded twice.
    """

    def __init__(self) -> None:
        self._modules = frozenset(sys.modules)
        self._path = list(sys.path)
        self._environment = dict(os.environ)

    def add_path(self, path: str) -> None:
        """Look for modules here before anywhere but the working directory, after a restart, too."""
        for paths in (sys.path, self._path):
            if path not in paths:
                paths.insert(1, path)

    def restart(self) -> None:
        """Restore the state."""
        imported = [name for name in sys.modules if name not in self._modules]
        native = _native_packages(imported)
        for name in imported:
            if name.partition(".")[0] not in native:
                del sys.modules[name]
        sys.path[:] = self._path
        for name in set(os.environ) - set(self._environment):
            del os.environ[name]
        os.environ.update(self._environment)


def _native_packages(names: Iterable[str]) -> set[str]:
    """The packages of which a module is native, among the modules of these names."""
    return {name.partition(".")[0] for name in names if _is_native(sys.modules[name])}


def _is_native(module: ModuleType) -> bool:
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return isinstance(origin, str) and origin.endswith(EXTENSION_SUFFIXES)
