"""The files of tables: removed, moved, and swept up after a killed server."""

import errno
import hashlib
import logging
import re
import shutil
from pathlib import Path

from databricks_local.api.errors import ApiError
from databricks_local.catalog.locations import Locations
from databricks_local.files.tree import remove

_LOG = logging.getLogger("databricks_local")

_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\.dropped-[0-9a-f]{16}", re.ASCII)
"""The names that the server gives among the managed tables. What has another one is somebody else's."""

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


class TableFiles:
    """The files of tables on this machine, by the locations of the tables. It reads and writes the disk."""

    def __init__(self, locations: Locations) -> None:
        self._locations = locations

    def place(self, location: str) -> Path | str:
        """The directory of a table, or its URI elsewhere."""
        return self._locations.on_disk(location) or location

    def are_at(self, location: str) -> bool:
        """Whether there is anything in the place of a table."""
        place = self._locations.on_disk(location)
        return place is not None and place.is_dir() and any(place.iterdir())

    def remove(self, location: str) -> bool:
        """Remove the files of a table; what is left of them is said in the log.

        Returns:
            Whether none are left.
        """
        try:
            place = self._locations.on_disk(location)
            if place is not None:
                _remove_at_once(place)
        except (OSError, ApiError) as error:
            _LOG.warning("the files of a dropped table at %s cannot be removed: %s", location, error)
            return False
        return True

    def move(self, location: str, target: str) -> None:
        """Move the files of a table, all at once.

        Raises:
            FileExistsError: If there is something at the target.
            OSError: If they cannot be moved.
        """
        before, after = self._locations.on_disk(location), self._locations.on_disk(target)
        if before is None or after is None or not before.exists():
            return
        after.parent.mkdir(parents=True, exist_ok=True)
        try:
            _move(before, after)
        except OSError as error:
            if error.errno in _TAKEN:
                raise FileExistsError(error.errno, error.strerror, str(after)) from error
            raise

    def move_back(self, location: str, target: str) -> bool:
        """Undo a move, if it was done. Whether that did not fail."""
        try:
            place = self._locations.on_disk(location)
            if place is not None and not place.exists():
                self.move(target, location)
        except (OSError, ApiError) as error:
            _LOG.warning("the files of a table cannot be moved from %s to %s: %s", target, location, error)
            return False
        return True

    def sweep(self, used: set[str]) -> None:
        """Remove what the server has put among the managed tables and belongs to none.

        Args:
            used: The locations of all tables.
        """
        self._locations.tables.mkdir(exist_ok=True)
        for place in self._locations.tables.iterdir():
            if _OURS.fullmatch(place.name) and f"file://{place}" not in used:
                self.remove(f"file://{place}")


def _remove_at_once(place: Path) -> None:
    # Beside it, since its place may be another file system. The name is the same one each time, so that the
    # next server finds what a killed one has left.
    waste = _beside(place, "dropped")
    if place.exists():
        remove(waste)
        place.rename(waste)
    remove(waste)


def _move(before: Path, after: Path) -> None:
    try:
        before.rename(after)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    # To another file system: there it appears at once, when it is whole.
    draft = _beside(after, "moving")
    remove(draft)
    try:
        shutil.copytree(before, draft, symlinks=True)
        draft.rename(after)
    finally:
        remove(draft)
    remove(before)


def _beside(place: Path, kind: str) -> Path:
    return place.with_name(f".{kind}-{hashlib.sha256(place.name.encode()).hexdigest()[:16]}")
