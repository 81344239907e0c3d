"""Tables and views: their records, and the files of managed tables.

A table is there once its record is. Before that a note says where its files will be, so that a server that was
killed meanwhile finds them when it starts anew.
"""

import asyncio
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.catalog.columns import column_infos, fields_of, partitions_of
from databricks_local.catalog.delta_log import LOG, DeltaLogs, DeltaState, NewTable
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.names import HIVE, checked
from databricks_local.files.tree import remove
from databricks_local.storage.documents import Documents

KIND = "table"
IN_WORK = "table_in_work"
DELTA, MANAGED, EXTERNAL, VIEW = "DELTA", "MANAGED", "EXTERNAL", "VIEW"

Names = tuple[str, ...]


@dataclass(frozen=True)
class TableRequest:
    """A table or view to make.

    Attributes:
        names: The names of catalog, schema and table.
        table_type: MANAGED, EXTERNAL or VIEW.
        data_source_format: The format of its files.
        columns: Its columns, as the API takes them; of a Delta table that is there, those are taken.
        location: Where its files are, as it is kept; empty for the place of managed tables.
        comment: What it is told to be.
        properties: Its properties.
        view_definition: The query of a view.
    """

    names: Names
    table_type: str
    data_source_format: str = DELTA
    columns: tuple[Json, ...] = ()
    location: str = ""
    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    view_definition: str = ""


@dataclass(frozen=True)
class Table:
    """A table as it is now.

    Attributes:
        names: The names of catalog, schema and table.
        record: What is kept of it.
        state: What its Delta log says; None for a view, and for other formats.
    """

    names: Names
    record: Json
    state: DeltaState | None

    @property
    def columns(self) -> list[Json]:
        """Its columns, as the API shows them."""
        if self.state is None:
            return list(self.record.get("columns", []))
        return column_infos(self.state.fields, self.state.partitions)


class Tables:
    """The tables and views of all schemas."""

    def __init__(
        self, documents: Documents, locations: Locations, logs: DeltaLogs, clock: Callable[[], int], user: str
    ) -> None:
        """Set up, and remove what a killed server left.

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
        prefix = ".".join((*above, ""))
        return [tuple(key.split(".")) for key, _ in self._documents.all(KIND) if key.startswith(prefix)]

    def has(self, names: Names) -> bool:
        """Whether there is such a table or view."""
        return self._documents.get(KIND, ".".join(names)) is not None

    async def get(self, names: Names) -> Table:
        """A table or view.

        Raises:
            ApiError: If it is not there.
        """
        record = self._documents.get(KIND, ".".join(names))
        if record is None:
            raise missing(names)
        return Table(names, record, await self._state(record))

    def staging(self, names: Names) -> tuple[str, str]:
        """An id and a location for a managed table that is to be made."""
        table_id = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        return table_id, self.locations.managed(names, table_id)

    async def create(self, request: TableRequest) -> Table:
        """Make a table or view. A Delta table that is there already keeps its log.

        Raises:
            ApiError: If the name is taken or refused, or the table cannot be made so.
        """
        names = (*request.names[:2], checked(request.names[2], request.names[0]))
        async with self._lock(names):
            if self.has(names):
                raise taken(names)
            record = self._new_record(names, request)
            if request.table_type != VIEW:
                await self._make(names, request, record)
            self._documents.put(KIND, ".".join(names), record)
            self._documents.delete(IN_WORK, record.get("storage_location", ""))
        return await self.get(names)

    async def update(self, names: Names, changes: Json) -> Table:
        """Change what is kept of a table besides its log."""
        async with self._lock(names):
            table = await self.get(names)
            changed = {**changes, "updated_at": self._clock(), "updated_by": self._user}
            self._documents.put(KIND, ".".join(names), {**table.record, **changed})
        return await self.get(names)

    async def delete(self, names: Names) -> None:
        """Remove a table or view; of a managed table the files, too."""
        async with self._lock(names):
            record = self._documents.get(KIND, ".".join(names))
            if record is None:
                raise missing(names)
            location = record.get("storage_location", "")
            if record.get("table_type") != MANAGED or not location:
                self._documents.delete(KIND, ".".join(names))
                return
            self._documents.put(IN_WORK, location, {})
            self._documents.delete(KIND, ".".join(names))
            await asyncio.to_thread(self._remove_files, location)
            self._documents.delete(IN_WORK, location)

    def remove_leftovers(self) -> None:
        """Remove the files of managed tables that were not finished, or not removed to the end."""
        records = [record for _, record in self._documents.all(KIND)]
        used = {record.get("storage_location") for record in records}
        for location, _ in list(self._documents.all(IN_WORK)):
            if location not in used:
                self._remove_files(location)
            self._documents.delete(IN_WORK, location)
        for place in self._places():
            if f"file://{place}" not in used:
                remove(place)

    def _places(self) -> Iterator[Path]:
        self.locations.tables.mkdir(exist_ok=True)
        yield from self.locations.tables.iterdir()

    def _new_record(self, names: Names, request: TableRequest) -> Json:
        now = self._clock()
        table_id, location = self.staging(names)
        record: Json = {
            "table_type": request.table_type,
            "table_id": table_id,
            "owner": self._user,
            "created_at": now,
            "created_by": self._user,
            "updated_at": now,
            "updated_by": self._user,
            "comment": request.comment,
            "properties": request.properties,
        }
        if request.table_type == VIEW:
            return {**record, "view_definition": request.view_definition, "columns": list(request.columns)}
        record |= {"data_source_format": request.data_source_format, "storage_location": location}
        if request.location:
            record["storage_location"] = request.location
        if request.table_type == MANAGED:
            self._check_managed(names, request, record)
        return record

    def _check_managed(self, names: Names, request: TableRequest, record: Json) -> None:
        if names[0] != HIVE and request.data_source_format != DELTA:
            raise invalid_parameter(
                f"Managed tables are Delta tables; {'.'.join(names)} is {request.data_source_format}: "
                "give it a location, or make it in hive_metastore."
            )
        if names[0] != HIVE and request.location:
            place = self.locations.on_disk(request.location)
            if place is None or place.parent != self.locations.tables:
                raise invalid_parameter("A managed table has no location of its own.")
            record["table_id"] = place.name
        elif request.location and request.location != self.locations.managed(names, ""):
            raise invalid_parameter("A managed table has no location of its own.")

    async def _make(self, names: Names, request: TableRequest, record: Json) -> None:
        """Write the first commit of a Delta table, unless it has one."""
        location = record["storage_location"]
        fields = fields_of(request.columns)
        partitions = partitions_of(request.columns)
        place = self.locations.on_disk(location) or location
        if request.data_source_format != DELTA:
            record["columns"] = column_infos(fields, partitions)
            return
        state = await asyncio.to_thread(self._logs.state, place)
        if state is not None:
            _check_same(location, state, fields)
            return
        if not fields and request.table_type == EXTERNAL:
            raise invalid_parameter(
                "[DELTA_CREATE_EXTERNAL_TABLE_WITHOUT_TXN_LOG] You are trying to create an external table "
                f"{'.'.join(names)} from `{location}` using Delta, but there is no transaction log present at "
                f"`{location}/{LOG}`."
            )
        if request.table_type == MANAGED:
            self._documents.put(IN_WORK, location, {})
        new = NewTable(fields, partitions, request.properties, request.comment)
        await asyncio.to_thread(self._logs.create, place, new)

    def _remove_files(self, location: str) -> None:
        place = self.locations.on_disk(location)
        if place is None or not place.exists():
            return
        # At once gone from its place, where the next table of this name may be made meanwhile.
        waste = self.locations.tables / f"dropped-{secrets.token_hex(8)}"
        place.rename(waste)
        remove(waste)

    async def _state(self, record: Json) -> DeltaState | None:
        if record.get("data_source_format") != DELTA:
            return None
        location = record["storage_location"]
        return await asyncio.to_thread(self._logs.state, self.locations.on_disk(location) or location)

    def _lock(self, names: Names) -> asyncio.Lock:
        return self._locks.setdefault(".".join(names), asyncio.Lock())


def missing(names: Names) -> ApiError:
    """The refusal for a table that is not there."""
    return ApiError(404, "TABLE_DOES_NOT_EXIST", f"Table '{'.'.join(names)[:1000]}' does not exist.")


def taken(names: Names) -> ApiError:
    """The refusal for a name that is taken."""
    return ApiError(400, "TABLE_ALREADY_EXISTS", f"Table '{'.'.join(names)[:1000]}' already exists")


def _check_same(location: str, state: DeltaState, fields: list[Json]) -> None:
    """Refuse columns that are not those of the table that is there."""
    if fields and [(each["name"], each["type"]) for each in fields] != [
        (each["name"], each["type"]) for each in state.fields
    ]:
        raise invalid_parameter(
            "[DELTA_CREATE_TABLE_SCHEME_MISMATCH] The specified schema does not match the existing schema at "
            f"{location}."
        )
