"""The records of tables as they are kept: places in the workspace's own directory without its path.

So a workspace can be moved, copied, or mounted elsewhere, and its tables go with it.
"""

from collections.abc import Iterator

from databricks_local.api.bodies import Json
from databricks_local.catalog.locations import Locations, overlapping
from databricks_local.catalog.names import HIVE
from databricks_local.catalog.records import (
    EXTERNAL,
    MANAGED,
    UNREADABLE,
    MissingTableError,
    Names,
    is_readable,
)
from databricks_local.storage.documents import Documents

KIND = "table"
IN_WORK = "table_in_work"
"""Documents by location: files that belong to no table, unless one is found to have them."""

MOVING = "moving_to"
"""In a record: where its files are about to go, with its new name."""

_PLACES = ("storage_location", MOVING)


class TableRecords:
    """The records of tables and views, and whose the places of managed tables are."""

    def __init__(self, documents: Documents, locations: Locations) -> None:
        self._documents = documents
        self._locations = locations
        self._managed: dict[str, Names] = {}
        self._places: dict[Names, str] = {}
        for names, record in self.all():
            self._own(names, record)

    def names_below(self, *above: str) -> list[Names]:
        """The names of the tables and views of a schema, or of a catalog."""
        prefix = ".".join((*above, "")).lower()
        return [tuple(key.split(".")) for key in self._documents.ids(KIND, prefix)]

    def has(self, names: Names) -> bool:
        """Whether there is such a table or view."""
        return self._documents.get(KIND, ".".join(names)) is not None

    def get(self, names: Names) -> Json:
        """What is kept of a table or view.

        Raises:
            ApiError: If it is not there.
        """
        record = self._documents.get(KIND, ".".join(names))
        if record is None:
            raise MissingTableError(names)
        return self._opened(record) if is_readable(record) else UNREADABLE

    def all(self) -> Iterator[tuple[Names, Json]]:
        """All records; one that cannot be read is empty."""
        for key, record in self._documents.all(KIND):
            yield tuple(key.split(".")), self._opened(record)

    def put(self, names: Names, record: Json) -> None:
        """Write a record, over the one before."""
        self._documents.put(KIND, ".".join(names), self._closed(record))
        self._own(names, record)

    def keep(self, names: Names, changes: Json) -> None:
        """Change what is kept of a table or view that is there."""
        self.put(names, {**self.get(names), **changes})

    def rename(self, names: Names, renamed: Names, record: Json) -> None:
        """Write a record under another name, in place of the one before: both or neither."""
        self._documents.replace(KIND, ".".join(names), ".".join(renamed), self._closed(record))
        self._disown(names)
        self._own(renamed, record)

    def delete(self, names: Names) -> None:
        """Remove a record."""
        self._documents.delete(KIND, ".".join(names))
        self._disown(names)

    def is_owned(self, location: str) -> bool:
        """Whether a managed table is in this very place."""
        return location in self._managed

    def check_place(self, record: Json) -> None:
        """Refuse the files of a managed table: who drops one of two with the same files drops both.

        Raises:
            ApiError: If it is to be there, or if no external table can be there.
        """
        location = record.get("storage_location", "")
        if record["table_type"] == EXTERNAL:
            self._locations.check_external(location)
        if location and (
            self.is_owned(location) if record["table_type"] == MANAGED else self._overlaps(location)
        ):
            raise overlapping(location)

    def _overlaps(self, location: str) -> bool:
        """Whether it is the place of a managed table of Unity Catalog, is in it, or has it in it."""
        return any(
            f"{location}/".startswith(f"{place}/") or place.startswith(f"{location}/")
            for place, names in self._managed.items()
            if names[0] != HIVE
        )

    def storage_root(self, names: Names) -> str:
        """Where the managed tables of a schema are, if that was said of it or of its catalog."""
        for kind, above in (("schema", names[:2]), ("catalog", names[:1])):
            root = (self._documents.get(kind, ".".join(above)) or {}).get("storage_root", "")
            if root:
                return str(root)
        return ""

    def begin_move(self, names: Names, location: str) -> None:
        """Note where the files of a table are about to go, with its new name."""
        self.keep(names, {MOVING: location})

    def unmoved(self, names: Names) -> Json:
        """The record of a table without that note."""
        return {key: value for key, value in self.get(names).items() if key != MOVING}

    def begin(self, location: str) -> None:
        """Note that files will be in a place, or are about to go, which belong to no table."""
        self._documents.put(IN_WORK, self._locations.portable(location), {})

    def end(self, location: str) -> None:
        """Take the note of a place back."""
        self._documents.delete(IN_WORK, self._locations.portable(location))

    def in_work(self) -> list[str]:
        """The places that are noted."""
        return [self._locations.here(place) for place in self._documents.ids(IN_WORK, "")]

    def _opened(self, record: Json) -> Json:
        return {**record, **{key: self._locations.here(record[key]) for key in _PLACES if key in record}}

    def _closed(self, record: Json) -> Json:
        return {**record, **{key: self._locations.portable(record[key]) for key in _PLACES if key in record}}

    def _own(self, names: Names, record: Json) -> None:
        if record.get("table_type") == MANAGED:
            self._managed[record["storage_location"]] = names
            self._places[names] = record["storage_location"]

    def _disown(self, names: Names) -> None:
        if names in self._places:
            del self._managed[self._places.pop(names)]
