"""Removes what is not needed any more, and what a killed server left behind."""

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

_LOG = logging.getLogger("databricks_local")

PAUSES = (0.02, 0.1, 0.5, 2.0)
"""Seconds between the tries to remove a directory in which a dying process still writes."""


async def remove_directories(*directories: Path) -> None:
    """Remove directories, which can be large or missing. A cancel waits until they are gone."""
    # A thread that is still waiting for its turn would never run after a cancel.
    removing = asyncio.ensure_future(asyncio.to_thread(_remove_all, directories))
    try:
        await asyncio.shield(removing)
    except asyncio.CancelledError:
        await asyncio.wait({removing})
        raise


def _remove_all(directories: tuple[Path, ...]) -> None:
    for directory in directories:
        remove_stubborn(directory)


def remove_stubborn(directory: Path, sleep: Callable[[float], None] = time.sleep) -> None:
    """Remove a directory; try again while a dying process writes there, and say so if it stays."""
    for pause in (*PAUSES, None):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        if pause is not None:
            sleep(pause)
    _LOG.warning("%s cannot be removed; the next start of the workspace tries again", directory)


def remove_leftovers(directory: Path, names: re.Pattern[str]) -> None:
    """Remove the files and directories of these names, and nothing else.

    Other files stay: somebody may use the root for other things, too.

    Args:
        directory: The directory; it may be missing.
        names: The names that the server gives, which no person would choose.
    """
    for place in directory.iterdir() if directory.is_dir() else ():
        if not names.fullmatch(place.name):
            continue
        if place.is_dir() and not place.is_symlink():
            # A dying process may still write there.
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink()
