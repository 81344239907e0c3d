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

    def create(self, level: Level, names: tuple[str, ...], told: Json) -> Json:
        """Make a catalog, schema or volume.

        Args:
            level: What to make.
            names: Its name, after the names of its parents.
            told: Further fields that the API shows.
        """
        above = names[:-1]
        if level.depth > 1:
            above = self.existing(LEVELS[level.depth - 2], above)
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

    def get(self, level: Level, names: tuple[str, ...]) -> Json:
        """One item, as the API shows it."""
        names = self.existing(level, names)
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

    def within(self, level: Level, names: tuple[str, ...]) -> list[Json]:
        """All items of a level with the same parents."""
        if level.depth > 1:
            names = self.existing(LEVELS[level.depth - 2], names)
        below = self._volumes.names(*names)
        if level is SCHEMA and names != (HIVE,):
            below = sorted([*below, INFORMATION_SCHEMA])
        return [self.get(level, (*names, name)) for name in below]

    def update(self, level: Level, names: tuple[str, ...], told: Json) -> Json:
        """Change what is told about an item."""
        names = self.existing(level, names)
        document = {**self.kept(level, names), **told, "updated_at": self._clock()}
        self._documents.put(level.kind, ".".join(names), document)
        return self.get(level, names)

    def keep(self, level: Level, names: tuple[str, ...], changes: Json) -> None:
        """Keep something of an item besides what is told."""
        self._documents.put(level.kind, ".".join(names), {**self.kept(level, names), **changes})

    def kept(self, level: Level, names: tuple[str, ...]) -> Json:
        """What is kept of an item that is there, which need not be anything."""
        return self._documents.get(level.kind, ".".join(names)) or {}

    async def delete(self, level: Level, names: tuple[str, ...], *, force: bool) -> None:
        """Remove an item. A volume goes with its files; other levels have to be empty, unless forced."""
        names = self.existing(level, names)
        if (names[0] == HIVE and names[1:] in ((), ("default",))) or _is_information_schema(names):
            raise invalid_parameter(f"{level.label} '{'.'.join(names)}' cannot be deleted.")
        tables = [] if level is VOLUME else self._tables.names_below(*names)
        if level is not VOLUME and not force:
            self._check_empty(level, names, len(tables))
        for table in tables:
            await self._tables.delete(table)
        await asyncio.to_thread(self._volumes.drop, *names)
        prefix = ".".join(names)
        for below in LEVELS[level.depth - 1 :]:
            for key, _ in self._documents.all(below.kind):
                if key == prefix or key.startswith(f"{prefix}."):
                    self._documents.delete(below.kind, key)

    def existing(self, level: Level, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of an item as they are kept.

        Raises:
            ApiError: If it is not there.
        """
        found = self._volumes.find(*names) if len(names) == level.depth else ()
        if not found and _is_information_schema(names) and self._volumes.find(names[0]):
            return names
        if not found:
            name = ".".join(names)[:1000]
            raise ApiError(404, level.missing_code, f"{level.label} '{name}' does not exist.")
        return found

    def _check_empty(self, level: Level, names: tuple[str, ...], tables: int) -> None:
        name, below = ".".join(names), self._volumes.names(*names)
        # Source of the words for schemas: terraform-provider-databricks#3659.
        if level is SCHEMA and (tables or below):
            raise ApiError(
                400,
                "INVALID_STATE",
                f"Schema '{name}' is not empty. The schema has {tables} tables(s), 0 functions(s), "
                f"{len(below)} volumes(s)",
            )
        # Docs of DROP CATALOG: a schema `default` that is empty does not count.
        if level is CATALOG and (
            tables or set(below) - {"default"} or any(self._volumes.names(*names, each) for each in below)
        ):
            raise ApiError(400, "INVALID_STATE", f"Cannot delete catalog '{name}' because it is not empty")


def _is_information_schema(names: tuple[str, ...]) -> bool:
    return len(names) == SCHEMA.depth and names[0] != HIVE and names[1] == INFORMATION_SCHEMA


def _catalog_type(names: tuple[str, ...]) -> str:
    return "INTERNAL_CATALOG" if names[0] == HIVE else "MANAGED_CATALOG"
