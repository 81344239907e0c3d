"""The snapshot of Prefect's schema is what its migrations make."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from dbflow.local.prefect.schema import create_database, migrate, packaged_snapshot, read_snapshot
from dbflow.local.prefect.server import PrefectServer


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that the migrations of the installed Prefect made from nothing."""
    database = tmp_path_factory.mktemp("migrated") / "prefect.db"
    migrate(database)
    return database


def schema(path: Path) -> dict[tuple[str, str], tuple[list[str], list[Any]]]:
    """Tables and indexes by kind and name: columns in their order, and the lines of the statement in any.

    Alembic writes the constraints of a table in the order of a set.
    """
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
        return {
            (kind, name): (
                sorted(line.strip().rstrip(",") for line in sql.splitlines()),
                connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall(),
            )
            for kind, name, sql in found
        }


def test_the_snapshot_and_later_migrations_make_what_all_migrations_make(
    migrated: Path, tmp_path: Path
) -> None:
    database = tmp_path / "prefect.db"
    nothing_to_migrate = create_database(database)
    assert nothing_to_migrate == (packaged_snapshot().prefect_version == metadata.version("prefect"))
    if not nothing_to_migrate:
        migrate(database)
    assert schema(database) == schema(migrated)
    assert read_snapshot(database).revision == read_snapshot(migrated).revision


def test_later_migrations_run_on_an_older_snapshot(migrated: Path, tmp_path: Path) -> None:
    """As if the snapshot were of the Prefect before the last migration, which makes two indexes."""
    head = read_snapshot(migrated)
    folder = Path(subprocess.check_output([sys.executable, "-c", VERSIONS], text=True).strip())
    (last,) = folder.glob(f"*_{head.revision}_*.py")
    before = re.search(r'^down_revision = "(\w+)"', last.read_text(), re.MULTILINE)
    assert before
    database = tmp_path / "prefect.db"
    downgrade = [sys.executable, "-m", "prefect", "server", "database", "downgrade", "-y", "-r", before[1]]
    database.write_bytes(migrated.read_bytes())
    subprocess.run(downgrade, check=True, cwd=tmp_path, env=settings(database))
    older = replace(read_snapshot(database), prefect_version="3.0.0")
    assert (older.revision, older.sql != head.sql) == (before[1], True)
    again = tmp_path / "again.db"
    assert not create_database(again, older)
    migrate(again)
    assert schema(again) == schema(migrated)
    assert read_snapshot(again).revision == head.revision


VERSIONS = "import prefect.server.database as d; print(d.__path__[0] + '/_migrations/versions/sqlite')"


def settings(database: Path) -> dict[str, str]:
    url = f"sqlite+aiosqlite:///{database}"
    return {
        **os.environ,
        "PREFECT_HOME": str(database.parent),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": url,
    }


def test_the_snapshot_holds_no_data_but_the_revision() -> None:
    snapshot = packaged_snapshot()
    inserts = [line for line in snapshot.sql.splitlines() if line.startswith("INSERT")]
    assert inserts == [f"INSERT INTO \"alembic_version\" VALUES('{snapshot.revision}');"]


def test_a_prefect_that_does_not_know_the_revision_makes_the_database_itself(tmp_path: Path) -> None:
    database = tmp_path / "prefect.db"
    assert not create_database(database, replace(packaged_snapshot(), revision="0123456789ab"))
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_of_another_database_does_not_reach_the_new_one(tmp_path: Path) -> None:
    database = tmp_path / "prefect.db"
    for name in ("prefect.db-wal", "prefect.db-shm", "prefect.db.new"):
        (tmp_path / name).write_bytes(b"left")
    create_database(database)
    assert [path.name for path in tmp_path.iterdir()] == ["prefect.db"]
    assert read_snapshot(database).sql == packaged_snapshot().sql


def test_a_server_migrates_a_database_that_is_there_and_leaves_out_what_is_done(tmp_path: Path) -> None:
    service = PrefectServer(tmp_path, "secret")
    migrating = "PREFECT_SERVER_DATABASE_MIGRATE_ON_START"
    done = packaged_snapshot().prefect_version == metadata.version("prefect")
    service.prepare()
    assert service.command({"main": 1}).environment.get(migrating) == ("false" if done else None)
    # One of an older version stays, and is migrated.
    (service.directory / "migrated-by").write_text("3.0.0")
    database = service.directory / "prefect.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE witness (seen)")
    service.prepare()
    assert migrating not in service.command({"main": 1}).environment
    assert "witness" in read_snapshot(database).sql
