"""Where tables are: as the API names it, on disk, and as Sail names it."""

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from databricks_local.api.errors import invalid_parameter
from databricks_local.catalog.names import HIVE
from databricks_local.files.tree import leads_inside
from databricks_local.runtime.tables.plain_paths import PlainPaths

WAREHOUSE = "dbfs:/user/hive/warehouse"
"""Docs: where the managed tables of `hive_metastore` are."""

_SCHEME = re.compile(r"[A-Za-z][\w+.\-]*:")
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

    def is_staged(self, kept: str, names: tuple[str, ...]) -> bool:
        """Whether a table is there that has to move when it is registered."""
        return names[0] == HIVE and kept.startswith(f"file://{self.tables}/")

    def kept(self, given: str, *, by_sail: bool = False) -> str:
        """A location as it is kept and shown.

        Args:
            given: A URI or a path.
            by_sail: Whether Sail names it, whose paths are those of the machine; others are those of DBFS.

        Raises:
            ApiError: If it cannot be the place of a table.
        """
        if _SCHEME.match(given) and not given.startswith(("dbfs:", "file:")):
            return given.rstrip("/")
        plain = "/" + given.split(":", 1)[1].lstrip("/") if _SCHEME.match(given) else given
        path = self.aliases.original(posixpath.normpath(plain))
        if not path.startswith("/") or not path.isprintable():
            raise invalid_parameter(f"'{given[:1000]}' is not a location of a table.")
        if not by_sail and not given.startswith("file:"):
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
