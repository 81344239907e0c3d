"""The schema of Prefect's SQLite database as SQL, so that a new database skips Prefect's many migrations.

`schema.sql` holds what the migrations of one Prefect version make, and no data but the revision. Prefect's
later migrations run on it as on any other database. After an update of Prefect, write it anew:

    uv run python -m dbflow.local.prefect.schema
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from dbflow.local.packages import package_directory

_FILE = Path(__file__).with_name("schema.sql")
_MIGRATIONS = Path("server", "database", "_migrations", "versions", "sqlite")
_FIRST_LINE = re.compile(r"-- Prefect (?P<version>\S+), revision (?P<revision>\w+)\n")


@dataclass(frozen=True)
class Snapshot:
    """The schema after the migrations of one Prefect version.

    Attributes:
        prefect_version: The version.
        revision: Its last migration, which Alembic finds in the database.
        sql: The statements that make it.
    """

    prefect_version: str
    revision: str
    sql: str

    def text(self) -> str:
        """What the file holds."""
        return f"-- Prefect {self.prefect_version}, revision {self.revision}\n{self.sql}\n"


def packaged_snapshot() -> Snapshot:
    """Read the snapshot of this package."""
    text = _FILE.read_text(encoding="utf-8")
    first = _FIRST_LINE.match(text)
    if first is None:
        raise ValueError(f"{_FILE} does not begin with the version and the revision of Prefect")
    return Snapshot(first["version"], first["revision"], text[first.end() :].rstrip("\n"))


def create_database(path: Path, snapshot: Snapshot | None = None) -> bool:
    """Make Prefect's database from the snapshot, in one step: a kill in the middle leaves none.

    Nothing is made if the installed Prefect is older than the snapshot: it does not know the revision, so its
    own migrations make the database then.

    Args:
        path: The database file, which does not exist.
        snapshot: The schema; that of the package by default.

    Returns:
        Whether the database is there and the installed Prefect has nothing to migrate.
    """
    snapshot = snapshot or packaged_snapshot()
    migrations = package_directory("prefect", "prefect") / _MIGRATIONS
    if not any(migrations.glob(f"*_{snapshot.revision}_*.py")):
        return False
    # SQLite would apply the log of a database that somebody deleted to the new one.
    for name in (f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.executescript(snapshot.sql)
    unfinished.replace(path)
    return snapshot.prefect_version == metadata.version("prefect")


def migrate(path: Path) -> None:
    """Run the migrations of the installed Prefect on a database, which is made if it is not there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(path.parent)
    # Alembic writes the constraints of a table in the order of a set.
    environment["PYTHONHASHSEED"] = "0"
    environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{path}"
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
    # Prefect reads `.env` and `prefect.toml` of its working directory.
    subprocess.run(command, env=environment, cwd=path.parent, check=True, capture_output=True)  # noqa: S603


def read_snapshot(path: Path) -> Snapshot:
    """Read the schema of a database that the installed Prefect has migrated."""
    with closing(sqlite3.connect(path)) as connection:
        ((revision,),) = connection.execute("SELECT version_num FROM alembic_version")
        return Snapshot(metadata.version("prefect"), revision, "\n".join(connection.iterdump()))


def main() -> None:
    """Write the snapshot anew, by the migrations of the installed Prefect."""
    with TemporaryDirectory() as directory:
        database = Path(directory, "prefect.db")
        migrate(database)
        snapshot = read_snapshot(database)
    _FILE.write_text(snapshot.text(), encoding="utf-8")
    sys.stdout.write(f"{_FILE.name}: Prefect {snapshot.prefect_version}, revision {snapshot.revision}\n")


if __name__ == "__main__":
    main()
