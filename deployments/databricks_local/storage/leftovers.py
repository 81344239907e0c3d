"""Removes what a server that was killed could not remove."""

import re
import shutil
from pathlib import Path


def remove_leftovers(directory: Path, names: re.Pattern[str]) -> None:
    """Remove the files and directories of these names, and nothing else.

    The root may be a directory that somebody uses for other things, too: what lies beside is theirs.

    Args:
        directory: Where they are, if it is there.
        names: What the server calls those that it makes; no name that a person would choose matches.
    """
    for place in directory.iterdir() if directory.is_dir() else ():
        if not names.fullmatch(place.name):
            continue
        if place.is_dir() and not place.is_symlink():
            # What is still ending may write there.
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink()
