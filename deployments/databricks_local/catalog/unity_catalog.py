"""Catalogs, schemas and volumes as the Unity Catalog API shows them."""

import asyncio
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.catalog.locations import hive_directory
from databricks_local.catalog.names import HIVE, checked
from databricks_local.catalog.records import Table, TableRequest
from databricks_local.catalog.shown import METASTORE_ID
from databricks_local.catalog.tables import Tables
from databricks_local.files.volumes import Volumes
from databricks_local.storage.documents import Documents

INFORMATION_SCHEMA = "information_schema"
"""Docs: a schema of each catalog but `hive_metastore`, with views of what is in the catalog."""

SYSTEM = "system"
"""Docs: a catalog of Databricks' own, whose name nobody else can have."""

_TOLD = ("comment", "properties")


@dataclass(frozen=True)
class Level:
    """A level of the namespace: its name, its depth, and its error codes."""

    kind: str
    depth: int
    missing_code: str
    taken_code: str

    @property
    def label(self) -> str:
        """As messages name it."""
        return self.kind.capitalize()


# Source of CATALOG_DOES_NOT_EXIST and its words: docs, errors of Delta Sharing in the audit log; of the words
# for schemas and volumes: databricks/cli, acceptance tests. The other codes are by analogy.
CATALOG = Level("catalog", 1, "CATALOG_DOES_NOT_EXIST", "CATALOG_ALREADY_EXISTS")
SCHEMA = Level("schema", 2, "SCHEMA_DOES_NOT_EXIST", "SCHEMA_ALREADY_EXISTS")
VOLUME = Level("volume", 3, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")
LEVELS = (CATALOG, SCHEMA, VOLUME)


class Catalog:
    """Catalogs, schemas and volumes. They exist as directories; documents hold what is told about them."""

    def __init__(
        self, volumes: Volumes, tables: Tables, documents: Documents, clock: Callable[[], int], user: str
    ) -> None:
        self._volumes = volumes
        self._tables = tables
        self._documents = documents
        self._clock = clock
        self._user = user
        self._going: set[tuple[str, ...]] = set()
        """What is being removed: for everybody else, it is gone."""

    def create(self, level: Level, names: tuple[str, ...], told: Json) -> Json:
        """Make a catalog, schema or volume.

        Args:
            level: What to make.
            names: Its name, after the names of its parents.
            told: Further fields that the API shows.
        """
        above = names[:-1]
        if level.depth > 1:
            above = self.changeable(LEVELS[level.depth - 2], above)
        if level is VOLUME and above[0] == HIVE:
            raise invalid_parameter("Volumes are not supported in hive_metastore.")
        if level is not VOLUME:
            names = (*above, checked(names[-1], names[0]))
        names = (*above, names[-1])
        if self._volumes.find(*names) or names == (SYSTEM,) or _is_information_schema(names):
            raise ApiError(400, level.taken_code, f"{level.label} '{'.'.join(names)}' already exists")
        self._volumes.make(*names)
        document = {
            **told,
            "created_at": self._clock(),
            "created_by": self._user,
            "id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        }
        self._documents.put(level.kind, ".".join(names), document)
        if level is CATALOG:
            # Docs: a new catalog has a schema of this name.
            self._volumes.make(*names, "default")
        return self.get(level, names)

    async def create_table(self, request: TableRequest) -> Table:
        """Make a table or view in a schema that is there."""
        # Once nobody else changes it: the schema may be dropped until then.
        return await self._tables.create(request, lambda: self.changeable(SCHEMA, request.names[:2]))

    def get(self, level: Level, names: tuple[str, ...]) -> Json:
        """One item, as the API shows it."""
        return self.shown(level, self.existing(level, names))

    def shown(self, level: Level, names: tuple[str, ...]) -> Json:
        """One item, as the API shows it, of which it is known that it is there."""
        told = self.kept(level, names)
        created = told.get("created_at", 0)
        shown: Json = {
            "name": names[-1],
            "full_name": ".".join(names),
            "owner": told.get("owner", self._user),
            "metastore_id": METASTORE_ID,
            "created_at": created,
            "created_by": told.get("created_by", self._user),
            "updated_at": told.get("updated_at", created),
            "updated_by": self._user,
            **{key: told[key] for key in _TOLD if told.get(key)},
        }
        if level is CATALOG:
            shown |= {"catalog_type": _catalog_type(names), "isolation_mode": "OPEN"}
        else:
            shown["catalog_name"] = names[0]
        if level is SCHEMA:
            shown |= {"schema_id": told.get("id", ""), "catalog_type": _catalog_type(names)}
        if level is SCHEMA and names[0] == HIVE:
            shown["storage_location"] = hive_directory(names[1])
        if told.get("storage_root"):
            shown |= dict.fromkeys(("storage_root", "storage_location"), told["storage_root"])
        if level is VOLUME:
            shown |= {
                "schema_name": names[1],
                "volume_type": told.get("volume_type", "MANAGED"),
                "volume_id": told.get("id", ""),
                "storage_location": told.get("storage_location", f"dbfs:/Volumes/{'/'.join(names)}"),
            }
        return shown

    async def names_within(self, level: Level, names: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The names of all items of a level with the same parents."""
        if level.depth > 1:
            names = self.existing(LEVELS[level.depth - 2], names)
        below = set(await asyncio.to_thread(self._volumes.names, *names))
        if level is SCHEMA and names != (HIVE,):
            below.add(INFORMATION_SCHEMA)
        return [(*names, name) for name in sorted(below) if not self._is_going((*names, name))]

    def update(self, level: Level, names: tuple[str, ...], told: Json) -> Json:
        """Change what is told about an item."""
        names = self.changeable(level, names)
        document = {**self.kept(level, names), **told, "updated_at": self._clock()}
        self._documents.put(level.kind, ".".join(names), document)
        return self.get(level, names)

    def keep(self, level: Level, names: tuple[str, ...], changes: Json) -> None:
        """Keep something of an item besides what is told."""
        names = self.changeable(level, names)
        self._documents.put(level.kind, ".".join(names), {**self.kept(level, names), **changes})

    def kept(self, level: Level, names: tuple[str, ...]) -> Json:
        """What is kept of an item that is there, which need not be anything."""
        return self._documents.get(level.kind, ".".join(names)) or {}

    async def delete(self, level: Level, names: tuple[str, ...], *, force: bool) -> None:
        """Remove an item. A volume goes with its files; other levels have to be empty, unless forced."""
        names = self.changeable(level, names)
        if names[0] == HIVE and names[1:] in ((), ("default",)):
            raise invalid_parameter(f"{level.label} '{'.'.join(names)}' cannot be deleted.")
        if not force:
            await self._check_empty(level, names)
        self._going.add(names)
        try:
            await self._tables.settled(*names)
            if not force:
                # Something may have been made meanwhile; from now on nothing is.
                await self._check_empty(level, names)
            await self._tables.delete_below(*names)
            await asyncio.to_thread(self._volumes.drop, *names)
            self._forget(level, names)
        finally:
            self._going.discard(names)

    def _forget(self, level: Level, names: tuple[str, ...]) -> None:
        name = ".".join(names)
        self._documents.delete(level.kind, name)
        for below in LEVELS[level.depth :]:
            for key in self._documents.ids(below.kind, f"{name}."):
                self._documents.delete(below.kind, key)

    def changeable(self, level: Level, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of an item as they are kept, if people may change it, and what is in it.

        Raises:
            ApiError: If it is not there, or may not be changed.
        """
        names = self.existing(level, names)
        if _is_information_schema(names):
            raise invalid_parameter(f"{level.label} '{'.'.join(names)}' cannot be changed or deleted.")
        return names

    def existing(self, level: Level, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of an item as they are kept.

        Raises:
            ApiError: If it is not there.
        """
        found = self._volumes.find(*names) if len(names) == level.depth else ()
        if not found and _is_information_schema(names) and self._volumes.find(names[0]):
            found = names
        if not found or self._is_going(found):
            name = ".".join(names)[:1000]
            raise ApiError(404, level.missing_code, f"{level.label} '{name}' does not exist.")
        return found

    def _is_going(self, names: tuple[str, ...]) -> bool:
        return any(names[:depth] in self._going for depth in range(1, len(names) + 1))

    async def _check_empty(self, level: Level, names: tuple[str, ...]) -> None:
        if level is VOLUME:
            return
        name, tables = ".".join(names), len(self._tables.names_below(*names))
        below = await asyncio.to_thread(self._volumes.names, *names)
        # Source of the words for schemas: terraform-provider-databricks#3659.
        if level is SCHEMA and (tables or below):
            raise ApiError(
                400,
                "INVALID_STATE",
                f"Schema '{name}' is not empty. The schema has {tables} tables(s), 0 functions(s), "
                f"{len(below)} volumes(s)",
            )
        # Docs of DROP CATALOG: a schema `default` that is empty does not count.
        inner = await asyncio.to_thread(self._volumes.names, *names, "default") if level is CATALOG else []
        if level is CATALOG and (tables or inner or set(below) - {"default"}):
            raise ApiError(400, "INVALID_STATE", f"Cannot delete catalog '{name}' because it is not empty")


def _is_information_schema(names: tuple[str, ...]) -> bool:
    return len(names) == SCHEMA.depth and names[0] != HIVE and names[1] == INFORMATION_SCHEMA


def _catalog_type(names: tuple[str, ...]) -> str:
    return "INTERNAL_CATALOG" if names[0] == HIVE else "MANAGED_CATALOG"
