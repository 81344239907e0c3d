"""Tables and views: their records, and the files of managed tables.

A table is there once its record is. Before that a note says where its files will be, so that a server that
was killed meanwhile finds them when it starts anew.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.catalog.columns import column_infos, fields_of, partitions_of
from databricks_local.catalog.delta_log import DeltaLogs, DeltaState, NewTable
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.looking import Look, look_at
from databricks_local.catalog.names import HIVE, checked, parts_of
from databricks_local.catalog.records import (
    DELTA,
    EXTERNAL,
    MANAGED,
    TOLD,
    VIEW,
    Names,
    Table,
    TableRequest,
    check_same_columns,
    missing,
    new_record,
    taken,
    without_log,
)
from databricks_local.files.tree import remove
from databricks_local.storage.documents import Documents

KIND = "table"
IN_WORK = "table_in_work"
"""Documents by location: files that belong to no table, unless one is found to have them."""


class Tables:
    """The tables and views of all schemas."""

    def __init__(
        self, documents: Documents, locations: Locations, logs: DeltaLogs, clock: Callable[[], int], user: str
    ) -> None:
        """Set up.

        Args:
            documents: Where records are kept.
            locations: Where tables are.
            logs: Reads and begins the logs of Delta tables.
            clock: Milliseconds since 1970.
            user: Who owns what is made.
        """
        self._documents = documents
        self.locations = locations
        self._logs = logs
        self._clock = clock
        self._user = user
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def names_below(self, *above: str) -> list[Names]:
        """The names of the tables and views of a schema, or of a catalog."""
        prefix = ".".join((*above, "")).lower()
        return [tuple(key.split(".")) for key in self._documents.ids(KIND, prefix)]

    def has(self, names: Names) -> bool:
        """Whether there is such a table or view."""
        return self._documents.get(KIND, ".".join(names)) is not None

    def record(self, names: Names) -> Json:
        """What is kept of a table or view.

        Raises:
            ApiError: If it is not there.
        """
        record = self._documents.get(KIND, ".".join(names))
        if record is None:
            raise missing(names)
        return record

    def keep(self, names: Names, changes: Json) -> None:
        """Change what is kept of a table or view that is there."""
        self._documents.put(KIND, ".".join(names), {**self.record(names), **changes})

    async def get(self, names: Names) -> Table:
        """A table or view, with what its log says.

        Raises:
            ApiError: If it is not there.
        """
        record = self.record(names)
        return Table(names, record, await self._state(record))

    async def look(self, table: Table) -> Look:
        """The first rows and the history of a table."""
        place = self._place(table.record["storage_location"])
        return await asyncio.to_thread(look_at, table, place, self._logs.storage_options)

    def staging(self, names: Names) -> tuple[str, str]:
        """An id and a location for a managed table that is to be made."""
        table_id = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        return table_id, self.locations.managed(names, table_id, self._storage_root(names))

    async def create(self, request: TableRequest) -> Table:
        """Make a table or view. A Delta table that is there already keeps its log.

        Raises:
            ApiError: If the name is taken or refused, or the table cannot be made so.
        """
        names = (*request.names[:2], checked(request.names[2], request.names[0]))
        async with self._locked(names):
            if self.has(names):
                raise taken(names)
            record = new_record(names, request, *self.staging(names), self._clock(), self._user)
            if request.table_type != VIEW:
                record |= await self._make(names, request, record["storage_location"])
            self._documents.put(KIND, ".".join(names), record)
            self._documents.delete(IN_WORK, record.get("storage_location", ""))
        return await self.get(names)

    async def update(self, names: Names, changes: Json) -> Table:
        """Change a table or view. What the log of a Delta table says is changed there."""
        async with self._locked(names):
            table = await self.get(names)
            told = {key: changes[key] for key in TOLD if key in changes}
            if table.state is not None and told:
                location = table.record["storage_location"]
                await asyncio.to_thread(self._logs.tell, self._place(location), told)
                changes = {**changes, "comment": "", "properties": {}}
            self.keep(names, {**changes, "updated_at": self._clock(), "updated_by": self._user})
        return await self.get(names)

    async def rename(self, names: Names, new_name: str) -> Names:
        """Give a table or view another name in its schema. Its new names."""
        parts = parts_of(new_name)
        if len(parts) > 1 and parts[:-1] != names[-len(parts) : -1]:
            raise invalid_parameter(f"A table cannot be renamed into another schema: {new_name[:300]}")
        renamed = (*names[:-1], checked(parts[-1], names[0]))
        async with self._locked(names, renamed):
            record = self.record(names)
            if self.has(renamed):
                raise taken(renamed)
            if names[0] == HIVE and record["table_type"] == MANAGED:
                before, location = record["storage_location"], self.staging(renamed)[1]
                await asyncio.to_thread(self._move_files, before, location)
                record["storage_location"] = location
            record |= {"updated_at": self._clock(), "updated_by": self._user}
            self._documents.replace(KIND, ".".join(names), ".".join(renamed), record)
        return renamed

    async def delete(self, names: Names) -> None:
        """Remove a table or view; of a managed table the files, too."""
        async with self._locked(names):
            record = self.record(names)
            if record["table_type"] != MANAGED:
                self._documents.delete(KIND, ".".join(names))
                return
            location = record["storage_location"]
            self._documents.put(IN_WORK, location, {})
            self._documents.delete(KIND, ".".join(names))
            await asyncio.to_thread(self._remove_files, location)
            self._documents.delete(IN_WORK, location)

    def remove_leftovers(self) -> None:
        """Remove the files of tables that a killed server did not finish, or not remove to the end."""
        used = {record.get("storage_location") for _, record in self._documents.all(KIND)}
        for location in self._documents.ids(IN_WORK, ""):
            if location not in used:
                self._remove_files(location)
            self._documents.delete(IN_WORK, location)
        self.locations.tables.mkdir(exist_ok=True)
        for place in self.locations.tables.iterdir():
            if f"file://{place}" not in used:
                remove(place)

    async def _make(self, names: Names, request: TableRequest, location: str) -> Json:
        """Write the first commit of a Delta table, unless it has one. What the record has because of it."""
        fields, partitions = fields_of(request.columns), partitions_of(request.columns)
        if request.data_source_format != DELTA:
            return {"columns": column_infos(fields, partitions)}
        place = self._place(location)
        state = await asyncio.to_thread(self._logs.state, place)
        if state is not None:
            check_same_columns(location, state, fields)
            return {}
        if not fields and request.table_type == EXTERNAL:
            raise without_log(names, location)
        if request.table_type == MANAGED:
            self._documents.put(IN_WORK, location, {})
        new = NewTable(fields, partitions, request.properties, request.comment)
        try:
            await asyncio.to_thread(self._logs.create, place, new)
        except ApiError:
            self._documents.delete(IN_WORK, location)
            raise
        return {"comment": "", "properties": {}}

    def _storage_root(self, names: Names) -> str:
        """Where the managed tables of a schema are, if that was said of it or of its catalog."""
        for kind, above in (("schema", names[:2]), ("catalog", names[:1])):
            root = (self._documents.get(kind, ".".join(above)) or {}).get("storage_root", "")
            if root:
                return str(root)
        return ""

    def _remove_files(self, location: str) -> None:
        place = self.locations.on_disk(location)
        if place is None or not place.exists():
            return
        # At once gone from its place, where the next table of this name may be made meanwhile.
        waste = self.locations.tables / f"dropped-{secrets.token_hex(8)}"
        place.rename(waste)
        remove(waste)

    def _move_files(self, location: str, target: str) -> None:
        before, after = self.locations.on_disk(location), self.locations.on_disk(target)
        if before is not None and after is not None and before.exists():
            after.parent.mkdir(parents=True, exist_ok=True)
            before.rename(after)

    async def _state(self, record: Json) -> DeltaState | None:
        if record.get("data_source_format") != DELTA:
            return None
        return await asyncio.to_thread(self._logs.state, self._place(record["storage_location"]))

    def _place(self, location: str) -> Path | str:
        return self.locations.on_disk(location) or location

    @asynccontextmanager
    async def _locked(self, *tables: Names) -> AsyncIterator[None]:
        """One change of a table at a time."""
        async with AsyncExitStack() as locks:
            for key in sorted({".".join(names) for names in tables}):
                await locks.enter_async_context(self._locks.setdefault(key, asyncio.Lock()))
            yield
