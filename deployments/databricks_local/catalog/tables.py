"""Tables and views: their records, and the files of managed tables.

A table is there once its record is. Before that a note says where its files will be, for the next server.
"""

import asyncio
import secrets
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.catalog.columns import column_infos, fields_of, partitions_of
from databricks_local.catalog.delta_log import DeltaLogs, NewTable
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.looking import Look, look_at
from databricks_local.catalog.names import HIVE, checked, parts_of
from databricks_local.catalog.records import (
    DELTA,
    EXTERNAL,
    MANAGED,
    TOLD,
    VIEW,
    MissingTableError,
    Names,
    Table,
    TableRequest,
    check_same_columns,
    location_taken,
    new_record,
    taken,
    without_files,
    without_log,
)
from databricks_local.catalog.table_files import TableFiles
from databricks_local.catalog.table_leftovers import bring_to_order
from databricks_local.catalog.table_locks import TableLocks
from databricks_local.catalog.table_records import TableRecords
from databricks_local.storage.documents import Documents


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
        self.locations = locations
        self._records = TableRecords(documents, locations)
        self._files = TableFiles(locations)
        self._logs = logs
        self._clock = clock
        self._user = user
        self._locks = TableLocks()

    def names_below(self, *above: str) -> list[Names]:
        """The names of the tables and views of a schema, or of a catalog."""
        return self._records.names_below(*above)

    def has(self, names: Names) -> bool:
        """Whether there is such a table or view."""
        return self._records.has(names)

    def record(self, names: Names) -> Json:
        """What is kept of a table or view.

        Raises:
            ApiError: If it is not there.
        """
        return self._records.get(names)

    def keep(self, names: Names, changes: Json) -> None:
        """Change what is kept of a table or view that is there."""
        self._records.keep(names, changes)

    async def get(self, names: Names) -> Table:
        """A table or view, with what its log says; a log that cannot be read is its problem.

        Raises:
            ApiError: If it is not there.
        """
        record = self.record(names)
        if record.get("data_source_format") != DELTA:
            return Table(names, record, None)
        location = record["storage_location"]
        try:
            state = await asyncio.to_thread(self._logs.state, self._files.place(location))
        except ApiError as error:
            return Table(names, record, None, error.message)
        return Table(names, record, state, "" if state else without_files(names, location))

    async def those_of(self, wanted: Iterable[Names]) -> list[Table]:
        """Those tables and views that are there. Somebody may drop one while the others are read."""
        return [await self.get(names) for names in wanted if self.has(names)]

    async def look(self, table: Table) -> Look:
        """The first rows and the history of a table."""
        place = self._files.place(table.record["storage_location"])
        return await asyncio.to_thread(look_at, table, place, self._logs.storage_options)

    def staging(self, names: Names) -> tuple[str, str]:
        """An id and a location for a managed table that is to be made."""
        table_id = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        return table_id, self.locations.managed(names, table_id, self._records.storage_root(names))

    def staging_of_whole(self, names: Names) -> tuple[str, str]:
        """An id and a location for a managed Delta table that is registered once it is whole."""
        table_id, location = self.staging(names)
        if self.locations.on_disk(location) is None:
            return table_id, location
        # If its place is elsewhere, it moves there when it is registered.
        return table_id, self.locations.staged(table_id)

    async def create(self, request: TableRequest, check: Callable[[], object] = lambda: None) -> Table:
        """Make a table or view. A Delta table that is there already keeps its log.

        A managed one may have been written where `staging_of_whole` says; it is there, whole, from then on.

        Args:
            request: What to make.
            check: Refuses it if it cannot be made by now. From then on, who removes its schema waits for it.

        Raises:
            ApiError: If the name is taken or refused, or the table cannot be made so.
        """
        names = (*request.names[:2], checked(request.names[2], request.names[0]))
        async with self._locks.of(names):
            check()
            if self.has(names):
                raise taken(names)
            table_id, managed = self.staging(names)
            staged = ""
            if request.table_type == MANAGED and self.locations.is_staged(request.location, managed):
                staged, request = request.location, replace(request, location="")
            record = new_record(names, request, table_id, managed, self._clock(), self._user)
            self._records.check_place(record)
            if staged:
                await self._take(staged, record["storage_location"], fields_of(request.columns))
                record |= {"comment": "", "properties": {}}
            elif request.table_type != VIEW:
                record |= await self._make(names, request, record["storage_location"])
            self._records.put(names, record)
            self._records.end(record.get("storage_location", ""))
            return await self.get(names)

    async def update(self, names: Names, changes: Json) -> Table:
        """Change a table or view. What the log of a Delta table says is changed there."""
        async with self._locks.of(names):
            table = await self.get(names)
            told = {key: changes[key] for key in TOLD if key in changes}
            if told:
                table.require_log()
            if table.state is not None and told:
                location = table.record["storage_location"]
                if await asyncio.to_thread(self._logs.tell, self._files.place(location), told):
                    changes = {**changes, "comment": "", "properties": {}}
            self.keep(names, {**changes, "updated_at": self._clock(), "updated_by": self._user})
            return await self.get(names)

    def renamed(self, names: Names, new_name: str) -> Names:
        """The names that a table or view would have.

        Raises:
            ApiError: If it cannot have them.
        """
        parts = parts_of(new_name)
        if len(parts) > 1 and parts[:-1] != names[-len(parts) : -1]:
            raise invalid_parameter(f"A table cannot be renamed into another schema: {new_name[:300]}")
        renamed = (*names[:-1], checked(parts[-1], names[0]))
        self.record(names)
        if self.has(renamed):
            raise taken(renamed)
        return renamed

    async def rename(self, names: Names, new_name: str) -> Names:
        """Give a table or view another name in its schema. Its new names."""
        async with self._locks.of(names, self.renamed(names, new_name)):
            renamed = self.renamed(names, new_name)
            record = self.record(names)
            if names[0] == HIVE and record["table_type"] == MANAGED:
                record = await self._move_to_name(names, renamed)
            record |= {"updated_at": self._clock(), "updated_by": self._user}
            self._records.rename(names, renamed, record)
        return renamed

    async def delete(self, names: Names) -> None:
        """Remove a table or view; of a managed table the files, too."""
        async with self._locks.of(names):
            record = self.record(names)
            if record["table_type"] != MANAGED:
                self._records.delete(names)
                return
            location = record["storage_location"]
            self._records.begin(location)
            self._records.delete(names)
            if await asyncio.to_thread(self._remove, location):
                self._records.end(location)

    def _remove(self, location: str) -> bool:
        if not self._files.remove(location):
            return False
        self._logs.forget(self._files.place(location))
        return True

    async def settled(self, *above: str) -> None:
        """Wait until what is being changed in a schema or catalog at this moment is changed."""
        for names in self._locks.held_below(*above):
            async with self._locks.of(names):
                pass

    async def delete_below(self, *above: str) -> None:
        """Remove the tables and views of a schema or catalog; others may do so at the same time."""
        while below := {*self.names_below(*above), *self._locks.held_below(*above)}:
            for names in sorted(below):
                with suppress(MissingTableError):
                    await self.delete(names)

    def remove_leftovers(self) -> None:
        """Bring files to where they belong that a killed server left in the middle of something."""
        bring_to_order(self._records, self._files)

    async def _make(self, names: Names, request: TableRequest, location: str) -> Json:
        """Write the first commit of a Delta table, unless it has one. What the record has because of it."""
        fields, partitions = fields_of(request.columns), partitions_of(request.columns)
        place = self._files.place(location)
        delta = request.data_source_format == DELTA
        state = await asyncio.to_thread(self._logs.state, place) if delta else None
        # What is there would be removed with the table.
        finished = state is not None and request.location
        if (
            request.table_type == MANAGED
            and not finished
            and await asyncio.to_thread(self._files.are_at, location)
        ):
            raise location_taken(location)
        if not delta:
            return {"columns": column_infos(fields, partitions)}
        if state is not None:
            check_same_columns(location, state, fields)
            return {}
        if not fields and request.table_type == EXTERNAL:
            raise without_log(names, location)
        if request.table_type == MANAGED:
            self._records.begin(location)
        new = NewTable(fields, partitions, request.properties, request.comment)
        try:
            await asyncio.to_thread(self._logs.create, place, new)
        except ApiError:
            self._records.end(location)
            raise
        return {"comment": "", "properties": {}}

    async def _take(self, staged: str, location: str, fields: list[Json]) -> None:
        """Bring a Delta table to its place."""
        state = await asyncio.to_thread(self._logs.state, self._files.place(staged))
        if state is None:
            raise invalid_parameter(f"There is no Delta table at {staged[:1000]}.")
        check_same_columns(staged, state, fields)
        self._records.begin(location)
        try:
            await self._move(staged, location)
        except ApiError:
            self._records.end(location)
            raise

    async def _move_to_name(self, names: Names, renamed: Names) -> Json:
        """Bring the files of a table to where its new name says. Its record after that."""
        before, location = self.record(names)["storage_location"], self.staging(renamed)[1]
        # A table without rows need not have a directory, so that nothing would stand in the way.
        if await asyncio.to_thread(self._files.are_at, location):
            raise location_taken(location)
        self._records.begin_move(names, location)
        try:
            await self._move(before, location)
        except ApiError:
            self._records.put(names, self._records.unmoved(names))
            raise
        # It may have been granted something meanwhile.
        return {**self._records.unmoved(names), "storage_location": location}

    async def _move(self, before: str, location: str) -> None:
        try:
            await asyncio.to_thread(self._files.move, before, location)
            self._logs.forget(self._files.place(before))
        except FileExistsError as error:
            raise location_taken(location) from error
        except OSError as error:
            message = f"The files of the table cannot be moved to {location}: {error.strerror}."
            raise ApiError(400, "INVALID_STATE", message) from error
