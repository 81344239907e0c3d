"""Removes what is not needed any more, and what a killed server left behind."""

import asyncio
import re
import shutil
from pathlib import Path


async def remove_directory(directory: Path) -> None:
    """Remove a directory, which can be large; a dying process may still write there."""
    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


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
