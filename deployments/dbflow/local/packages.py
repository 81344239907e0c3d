"""Finds this package, and what the wheels of the local stack contain, without importing them."""

from __future__ import annotations

import importlib.util
import shutil
import sysconfig
from pathlib import Path

from dbflow.local.errors import StackNotInstalled

# Where `dbflow` is, installed or not: the working directory of a service is another one.
IMPORT_ROOT = Path(__file__).resolve().parents[2]


def package_directory(package: str, distribution: str) -> Path:
    """The directory of an installed package, found without importing it: that has side effects."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StackNotInstalled(distribution)
    return Path(next(iter(spec.submodule_search_locations)))


def executable(name: str, distribution: str) -> Path:
    """A command that a wheel brought into this environment; never one of the same name elsewhere on PATH."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise StackNotInstalled(distribution)
    return Path(found)
