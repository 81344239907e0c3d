"""Catalogs, schemas and volumes as the Unity Catalog API shows them."""

import asyncio
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError
from databricks_local.catalog.names import checked
from databricks_local.catalog.tables import Tables
from databricks_local.files.volumes import Volumes
from databricks_local.storage.documents import Documents


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
        if level.depth > 1:
            self._existing(LEVELS[level.depth - 2], names[:-1])
        if level is not VOLUME:
            names = (*names[:-1], checked(names[-1], names[0]))
        if self._volumes.has(*names):
            raise ApiError(400, level.taken_code, f"{level.label} '{'.'.join(names)}' already exists")
        self._volumes.make(*names)
        document = {
            **told,
            "created_at": self._clock(),
            "created_by": self._user,
            "id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        }
        self._documents.put(level.kind, ".".join(names), document)
        return self.get(level, names)

    def get(self, level: Level, names: tuple[str, ...]) -> Json:
        """One item, as the API shows it."""
        self._existing(level, names)
        told = self._documents.get(level.kind, ".".join(names)) or {}
        created = told.get("created_at", 0)
        shown: Json = {
            "name": names[-1],
            "full_name": ".".join(names),
            "owner": self._user,
            "created_at": created,
            "created_by": told.get("created_by", self._user),
            "updated_at": told.get("updated_at", created),
            "updated_by": self._user,
            **{key: told[key] for key in ("comment", "properties") if key in told},
        }
        if level.depth > 1:
            shown["catalog_name"] = names[0]
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
            self._existing(LEVELS[level.depth - 2], names)
        return [self.get(level, (*names, name)) for name in self._volumes.names(*names)]

    def update(self, level: Level, names: tuple[str, ...], told: Json) -> Json:
        """Change what is told about an item."""
        self._existing(level, names)
        known = self._documents.get(level.kind, ".".join(names)) or {}
        self._documents.put(level.kind, ".".join(names), {**known, **told, "updated_at": self._clock()})
        return self.get(level, names)

    async def delete(self, level: Level, names: tuple[str, ...], *, force: bool) -> None:
        """Remove an item. A volume goes with its files; other levels have to be empty, unless forced."""
        self._existing(level, names)
        tables = [] if level is VOLUME else self._tables.names_below(*names)
        if level is not VOLUME and not force and (tables or self._volumes.names(*names)):
            raise ApiError(
                400,
                "INVALID_STATE",
                f"Cannot delete {level.kind} '{'.'.join(names)}' because it is not empty",
            )
        for table in tables:
            await self._tables.delete(table)
        await asyncio.to_thread(self._volumes.drop, *names)
        prefix = ".".join(names)
        for below in LEVELS[level.depth - 1 :]:
            for key, _ in self._documents.all(below.kind):
                if key == prefix or key.startswith(f"{prefix}."):
                    self._documents.delete(below.kind, key)

    def _existing(self, level: Level, names: tuple[str, ...]) -> None:
        if len(names) != level.depth or not self._volumes.has(*names):
            name = ".".join(names)[:1000]
            raise ApiError(404, level.missing_code, f"{level.label} '{name}' does not exist.")
