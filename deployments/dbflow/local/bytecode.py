"""Compiled Python code for the processes of a stack."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path


def bytecode_directory(root: Path) -> Path:
    """Where byte code is kept: in the virtual environment for all stacks, or else in the directory of one."""
    in_environment = sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK)
    return Path(sys.prefix, "share", "dbflow", "bytecode") if in_environment else root / "bytecode"


def keep_bytecode(directory: Path, package: str = "prefect") -> None:
    """Keep byte code in `directory` where Python is told to write none, as in many containers.

    `PYTHONDONTWRITEBYTECODE` asks for no files beside the code. But then each process of the stack would
    compile Prefect and all libraries anew, which takes longer than the rest of its start.

    Args:
        directory: Where this process, and those that it starts, write byte code and find it.
        package: A package that has its byte code beside it if all were compiled when they were installed.
    """
    spec = importlib.util.find_spec(package)
    compiled = bool(spec and spec.cached and Path(spec.cached).exists())
    if compiled or sys.pycache_prefix or not sys.dont_write_bytecode:
        return
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(directory)
