"""The files of tables: removed, moved, and swept up after a killed server."""

import secrets
from collections.abc import Collection
from pathlib import Path

from databricks_local.catalog.locations import Locations
from databricks_local.files.tree import remove


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

    def remove(self, location: str) -> None:
        """Remove the files of a table."""
        place = self._locations.on_disk(location)
        if place is None or not place.exists():
            return
        # At once gone from its place, where the next table of this name may be made meanwhile.
        waste = self._locations.tables / f"dropped-{secrets.token_hex(8)}"
        place.rename(waste)
        remove(waste)

    def move(self, location: str, target: str) -> None:
        """Move the files of a table, all at once.

        Raises:
            OSError: If there is something at the target.
        """
        before, after = self._locations.on_disk(location), self._locations.on_disk(target)
        if before is not None and after is not None and before.exists():
            after.parent.mkdir(parents=True, exist_ok=True)
            before.rename(after)

    def move_back(self, location: str, target: str) -> None:
        """Undo a move, if it was done."""
        place = self._locations.on_disk(location)
        if place is not None and not place.exists():
            self.move(target, location)

    def sweep(self, used: Collection[str]) -> None:
        """Remove what is among the managed tables and belongs to none.

        Args:
            used: The locations of all tables.
        """
        self._locations.tables.mkdir(exist_ok=True)
        for place in self._locations.tables.iterdir():
            if f"file://{place}" not in used:
                remove(place)
