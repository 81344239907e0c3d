"""Files of this machine: those that a person names, and a folder for unfinished ones."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from databricks_blocks.csv.faults import InputError
from databricks_blocks.regular_files import file_fault

if TYPE_CHECKING:
    from databricks_flows.shared.telling import AnyLogger


def files_named(name: str, what: str, belongs: Callable[[Path], bool]) -> list[Path]:
    """Find the files of a name.

    Args:
        name: A file, a folder, or a pattern such as `data/2026-*.csv`.
        what: What is looked for in a folder, for the message: `CSV file`.
        belongs: Whether a file in a folder is meant.

    Raises:
        InputError: There is no such file, or one is a pipe or a device.
    """
    path = Path(name)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if belongs(file))
        missing = f"{path}: holds no {what}"
    elif path.exists():
        found, missing = [path], ""
    else:
        found = [Path(match) for match in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
        missing = f"{name}: no such file or folder, and no file of such a name"
    found = [file for file in found if file.exists() and not file.is_dir()]
    if not found:
        raise InputError(missing)
    for file in found:
        if fault := file_fault(file):
            raise InputError(f"{file}: {fault}")
    return found


@contextmanager
def fresh_folder(path: Path, logger: AnyLogger) -> Iterator[Path]:
    """Make an empty folder, and remove it at the end. What a killed attempt left in it is removed first.

    A folder that cannot be removed is logged: it is no reason to lose a result.

    Args:
        path: The folder.
        logger: Logs it.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(exist_ok=True)
    try:
        yield path
    finally:
        try:
            shutil.rmtree(path)
        except OSError as error:
            logger.warning("Left for the flow sweep_leftovers: folder %s: %s", path, error)
