"""The names of a session: where it is in the catalog, its temporary views, what a name stands for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.runtime.tables.catalog.client import CatalogClient, CatalogError, NoAnswerError
from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.errors import (
    analysis_error,
    catalog_not_found,
    not_a_table,
    schema_not_found,
    table_exists,
    table_not_found,
)
from databricks_local.runtime.tables.plain_paths import SCHEME

DEFAULT_SCHEMA = "default"
HIVE = "hive_metastore"
GLOBAL_TEMPORARY = "global_temp"
FILES = frozenset({"avro", "binaryfile", "csv", "delta", "json", "orc", "parquet", "text", "xml"})

_IN_CATALOG = 3


@dataclass
class Place:
    """Where a session is."""

    catalog: str
    schema: str = DEFAULT_SCHEMA


@dataclass(frozen=True)
class Reach:
    """How places of tables are found.

    Attributes:
        engine: A path or URI as the engine reads it.
        here: The same as this process reads it.
    """

    engine: Callable[[str], str]
    here: Callable[[str], str]


@dataclass
class Variable:
    """A variable of a session: its type, and its value as an expression of SQL."""

    type_ddl: str
    literal: str
    default: str


@dataclass
class SessionCatalog:
    """What a session knows of the catalog."""

    client: CatalogClient
    reach: Reach
    place: Place
    temporary: set[str] = field(default_factory=set)
    variables: dict[str, Variable] = field(default_factory=dict)

    def full(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """A name of three parts, in lower case."""
        lower = tuple(part.lower() for part in parts)
        if len(lower) > _IN_CATALOG:
            raise table_not_found(parts)
        names = (self.place.catalog, self.place.schema)[: _IN_CATALOG - len(lower)] + lower
        return (HIVE, *names[1:]) if names[0] == "spark_catalog" else names

    def full_schema(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """The name of a schema in two parts, in lower case."""
        return self.full((*parts, ""))[:2]

    def is_temporary(self, parts: tuple[str, ...]) -> bool:
        """Whether it is a view of the session alone."""
        return (len(parts) == 1 and parts[0].lower() in self.temporary) or (
            parts[0].lower() == GLOBAL_TEMPORARY and len(parts) > 1
        )

    def find(self, parts: tuple[str, ...]) -> Entry | None:
        """What a name stands for; None if it is a temporary view, or not in the catalog."""
        if self.is_temporary(parts):
            return None
        if is_path(parts):
            return self.at_path(parts[1]) if parts[0].lower() == "delta" else None
        if len(parts) > _IN_CATALOG:
            return None
        record = self.client.find("tables", self.full(parts))
        return None if record is None else self.entry(record)

    def require(self, parts: tuple[str, ...]) -> Entry:
        """What a name stands for.

        Raises:
            AnalysisException: If it is not in the catalog.
        """
        entry = self.find(parts)
        if entry is None:
            raise table_not_found(parts)
        return entry

    def require_table(self, parts: tuple[str, ...], statement: str) -> Entry:
        """The Delta table of a name.

        Raises:
            AnalysisException: If there is none, or it is a view or a table of another format.
        """
        entry = self.require(parts)
        if entry.is_view:
            raise not_a_table(entry.names, statement)
        if not entry.is_delta:
            raise analysis_error(
                "DELTA_TABLE_ONLY_OPERATION",
                f"{entry.shown} is not a Delta table. {statement} is only supported for Delta tables.",
            )
        return entry

    def entry(self, record: dict[str, Any]) -> Entry:
        """A record of the catalog as a statement finds it."""
        names = (record["catalog_name"], record["schema_name"], record["name"])
        location = record.get("storage_location") or ""
        return self.placed(names, location, record) if location else Entry(names, record=record)

    def placed(self, names: tuple[str, ...], location: str, record: Mapping[str, Any] | None = None) -> Entry:
        """A table at a location."""
        return Entry(names, location, self.path(location), record or {}, lambda: self.uri(location))

    def at_path(self, path: str) -> Entry:
        """The table at a path."""
        return self.placed(("delta", path), path)

    def uri(self, location: str) -> str:
        """A location as the engine reads it."""
        place = self.reach.engine(location)
        # Paths without a scheme are those of DBFS, where statements are sent.
        return place if SCHEME.match(place) else f"file://{place}"

    def path(self, location: str) -> Path | None:
        """A location as this process reads it; None if it is not on this machine."""
        place = self.reach.here(location)
        if SCHEME.match(place) and not place.startswith("file:"):
            return None
        return Path("/" + place.removeprefix("file:").lstrip("/"))

    def require_schema(self, names: tuple[str, ...]) -> dict[str, Any]:
        """A schema that has to be there.

        Raises:
            AnalysisException: If it is not.
        """
        found = self.client.find("schemas", names)
        if found is None:
            if self.client.find("catalogs", names[:1]) is None:
                raise catalog_not_found(names[0])
            raise schema_not_found(names)
        return found

    def register(self, body: dict[str, Any]) -> None:
        """Make a table or view known.

        Raises:
            AnalysisException: If the catalog refuses.
            NoAnswerError: If it does not say whether it did it.
        """
        names = (body["catalog_name"], body["schema_name"], body["name"])
        try:
            self.client.create("tables", body)
        except NoAnswerError:
            raise
        except CatalogError as error:
            raise refusal_of(error, names) from error

    def forget(self, names: tuple[str, ...]) -> None:
        """Drop a table or view."""
        self.client.delete("tables", names)


def is_path(parts: tuple[str, ...]) -> bool:
    """Whether a name is a format and a path, as in delta.`/x`.

    Example:
        >>> is_path(("delta", "/x")), is_path(("main", "delta"))
        (True, False)
    """
    return (
        len(parts) == len(("format", "path"))
        and parts[0].lower() in FILES
        and ("/" in parts[1] or bool(SCHEME.match(parts[1])))
    )


def refusal_of(error: CatalogError, names: tuple[str, ...]) -> Exception:
    """What Spark says for a refusal of the catalog."""
    if error.code == "TABLE_ALREADY_EXISTS":
        return table_exists(names)
    if error.code == "SCHEMA_DOES_NOT_EXIST":
        return schema_not_found(names[:2])
    if error.code == "CATALOG_DOES_NOT_EXIST":
        return catalog_not_found(names[0])
    if error.code == "TABLE_DOES_NOT_EXIST":
        return table_not_found(names)
    message = str(error)
    if message.startswith("["):
        condition, _, rest = message[1:].partition("] ")
        return analysis_error(condition, rest)
    return analysis_error(error.code or "INVALID_PARAMETER_VALUE", message)
