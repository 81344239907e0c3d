"""Where tables are: as the API names it, on disk, and as Sail names it."""

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.catalog.names import HIVE
from databricks_local.files.tree import leads_inside
from databricks_local.files.volumes import VOLUME_DEPTH
from databricks_local.runtime.tables.plain_paths import PlainPaths

WAREHOUSE = "dbfs:/user/hive/warehouse"
"""Docs: where the managed tables of `hive_metastore` are."""

_SCHEME = re.compile(r"([A-Za-z][\w+.\-]*):(.*)", re.DOTALL)
_SERVED_ELSEWHERE = ("s3", "s3a")
_IN_STORAGE = re.compile(r"//[A-Za-z0-9][\w.\-]+(/[^/?#]+)*/*")
_MOUNTED = {"/dbfs": "dbfs", "/Volumes": "volumes", "/Workspace": "files"}
"""The paths that tasks and clusters see, and the directories of the workspace that they lead to."""

_BEFORE = {"dbfs": "dbfs:", "volumes": "dbfs:/Volumes", "files": "file:/Workspace"}
_IN_TABLES = "tables:"


@dataclass(frozen=True)
class Locations:
    """The locations of a workspace.

    Attributes:
        root: The directory of the workspace, its links followed.
        aliases: Other paths of the same places, for Sail.
    """

    root: Path
    aliases: PlainPaths = field(default_factory=PlainPaths)

    @property
    def tables(self) -> Path:
        """The directory of managed tables."""
        return self.root / "tables"

    def managed(self, names: tuple[str, ...], table_id: str, storage_root: str = "") -> str:
        """Where a managed table is.

        Args:
            names: The names of catalog, schema and table.
            table_id: The id of the table, by which its files are told apart from those of one before.
            storage_root: Where the tables of its schema are; empty for the usual place.
        """
        catalog, schema, table = names
        if catalog == HIVE:
            return f"{storage_root or hive_directory(schema)}/{table}"
        # Docs: managed tables of a location are in this folder.
        return f"{storage_root}/__unitystorage/{table_id}" if storage_root else self.staged(table_id)

    def staged(self, table_id: str) -> str:
        """Where the files of a managed table may be before it is registered."""
        return f"file://{self.tables / table_id}"

    def portable(self, kept: str) -> str:
        """A location without the path of the workspace, for what is kept on disk.

        Example:
            >>> Locations(Path("/w")).portable("file:///w/tables/one")
            'tables:one'
        """
        before = f"file://{self.tables}/"
        return f"{_IN_TABLES}{kept.removeprefix(before)}" if kept.startswith(before) else kept

    def here(self, portable: str) -> str:
        """The location that `portable` was given."""
        if not portable.startswith(_IN_TABLES):
            return portable
        return f"file://{self.tables}/{portable.removeprefix(_IN_TABLES)}"

    def is_staged(self, kept: str, managed: str) -> bool:
        """Whether a table is where it was written, and has to move to its place when it is registered."""
        return self.is_in_tables(kept) and not self.is_in_tables(managed)

    def is_in_tables(self, kept: str) -> bool:
        """Whether a location is among those of managed tables that have no storage root."""
        return kept.startswith(f"file://{self.tables}/")

    def kept(self, given: str, *, by_sail: bool = False) -> str:
        """A location as it is kept and shown.

        Args:
            given: A URI or a path.
            by_sail: Whether Sail names it, whose paths are those of the machine; others are those of DBFS.

        Raises:
            ApiError: If it cannot be the place of a table.
        """
        scheme, rest = _split(given)
        if scheme not in ("", "dbfs", "file"):
            return _kept_elsewhere(given, scheme, rest)
        plain = f"/{rest.lstrip('/')}" if scheme else given
        path = self.aliases.original(posixpath.normpath(plain))
        if not path.startswith("/") or not path.isprintable():
            raise invalid_parameter(f"'{given[:1000]}' is not a location of a table.")
        if not by_sail and scheme != "file":
            return f"dbfs:{path}"
        for mounted, name in _MOUNTED.items():
            for above in (mounted, str(self.root / name)):
                if path.startswith(f"{above}/"):
                    return _BEFORE[name] + path.removeprefix(above)
        return f"file://{path}"

    def on_disk(self, kept: str) -> Path | None:
        """Where a kept location is on this machine; None if it is elsewhere.

        Raises:
            ApiError: If it is a directory of the workspace in which no tables are.
        """
        if not kept.startswith(("dbfs:", "file:")):
            return None
        path = "/" + kept.split(":", 1)[1].lstrip("/")
        for mounted, name in _MOUNTED.items():
            if path.startswith(f"{mounted}/") and (name == "volumes" or not kept.startswith("dbfs:")):
                return self._inside(self.root / name, path.removeprefix(mounted), kept)
        if kept.startswith("dbfs:"):
            return self._inside(self.root / "dbfs", path, kept)
        place = Path(path)
        if leads_inside(place, self.root) and not leads_inside(place, self.tables):
            raise invalid_parameter(f"'{kept[:1000]}' is not a location of a table.")
        return place

    def check_external(self, kept: str) -> None:
        """Refuse a place in which an external table would be in the way of something else.

        Raises:
            ApiError: If its volume is not there, or it is among managed tables, or above the workspace.
        """
        place = self.on_disk(kept)
        if place is None:
            return
        if leads_inside(place, self.tables) or self.root.is_relative_to(place.resolve()):
            raise overlapping(kept)
        volumes = self.root / "volumes"
        names = place.relative_to(volumes).parts if place.is_relative_to(volumes) else None
        if names is None:
            return
        if len(names) <= VOLUME_DEPTH:
            raise invalid_parameter(f"'{kept[:1000]}' is not a location of a table.")
        if not volumes.joinpath(*names[:VOLUME_DEPTH]).is_dir():
            name = ".".join(names[:VOLUME_DEPTH])
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Volume '{name[:1000]}' does not exist.")

    def checked_root(self, given: str, *, by_sail: bool = False) -> str:
        """Where the managed tables of a schema or catalog will be, as it is kept.

        Args:
            given: A URI or a path.
            by_sail: Whether Sail names it.

        Raises:
            ApiError: If no managed tables can be there.
        """
        kept = self.kept(given, by_sail=by_sail)
        place = self.on_disk(kept)
        if place is None:
            raise invalid_parameter(
                f"The local workspace has no managed tables at '{kept[:1000]}', where dropped ones would "
                "stay: use a storage_root on DBFS or on this machine, or external tables."
            )
        if leads_inside(place, self.tables):
            raise overlapping(kept)
        return kept

    def for_sail(self, kept: str) -> str:
        """A kept location as Sail reads it."""
        place = self.on_disk(kept)
        if place is None:
            return kept
        return f"file://{self.aliases.plain(place)}"

    def _inside(self, directory: Path, path: str, kept: str) -> Path:
        place = directory / path.lstrip("/")
        if place == directory or not leads_inside(place, directory.resolve()):
            raise invalid_parameter(f"'{kept[:1000]}' is not a location of a table.")
        return place


def hive_directory(schema: str) -> str:
    """Where the tables of a schema of `hive_metastore` are.

    Example:
        >>> hive_directory("sales")
        'dbfs:/user/hive/warehouse/sales.db'
    """
    return WAREHOUSE if schema == "default" else f"{WAREHOUSE}/{schema}.db"


def overlapping(location: str) -> ApiError:
    """The refusal for a place that managed tables have (Databricks' words)."""
    return invalid_parameter(f"[LOCATION_OVERLAP] Input path url '{location}' overlaps with managed storage.")


def _split(given: str) -> tuple[str, str]:
    """The scheme in small letters, and the rest; no scheme is a path."""
    found = _SCHEME.match(given)
    return (found[1].lower(), found[2]) if found else ("", given)


def _kept_elsewhere(given: str, scheme: str, rest: str) -> str:
    if scheme not in _SERVED_ELSEWHERE:
        raise invalid_parameter(
            f"The local workspace has no tables at {scheme[:100]}: ('{given[:1000]}'); "
            "use dbfs:, file:, s3: or s3a:."
        )
    parts = rest.rstrip("/").split("/")
    if not _IN_STORAGE.fullmatch(rest) or not rest.isprintable() or {".", ".."} & set(parts):
        raise invalid_parameter(f"'{given[:1000]}' is not a location of a table.")
    return f"{scheme}:{rest.rstrip('/')}"
