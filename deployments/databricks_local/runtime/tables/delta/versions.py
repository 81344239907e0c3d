"""Old versions of a table, for an engine that reads none before a checkpoint.

Sail 0.7 lists the log from its end, and misses commits that a checkpoint follows. Such a version is laid out
beside the table as a Delta table of its own: a log of one commit, and links to the files.
"""

import contextlib
import os
import shutil
import uuid
from pathlib import Path

from databricks_local.runtime.tables.delta.commits import commit_info, write_commit
from databricks_local.runtime.tables.delta.log import DeltaLog, vector_path

DIRECTORY = "_versions"


def laid_out(table: Path, version: int) -> Path | None:
    """The place where an old version is a table of its own; None if the engine reads it by itself.

    Args:
        table: The directory of the table.
        version: The version.
    """
    log = DeltaLog(table)
    if not log.has_checkpoints:
        return None
    place = table / DIRECTORY / str(version)
    if not place.exists():
        _lay_out(log, version, place)
    return place


def _lay_out(log: DeltaLog, version: int, place: Path) -> None:
    snapshot = log.snapshot(version)
    draft = place.with_name(f"{version}-{uuid.uuid4()}")
    draft.mkdir(parents=True)
    try:
        # A link to the first directory of a path is one to all that is below it.
        vectors = filter(None, map(vector_path, snapshot.files.values()))
        for name in {path.partition("/")[0] for path in (*snapshot.paths, *vectors)}:
            (draft / name).symlink_to(Path("..") / ".." / name)
        actions = [{"protocol": snapshot.protocol}, {"metaData": snapshot.metadata}]
        adds = [{"add": add} for add in snapshot.files.values()]
        write_commit(draft, 0, [commit_info("CLONE"), *actions, *adds])
        # Another session may have done it meanwhile: then its directory is there, and is no other.
        with contextlib.suppress(OSError):
            os.rename(draft, place)  # noqa: PTH104 - of a directory onto one that is not empty: an error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def forget_versions(table: Path) -> None:
    """Remove what was laid out; it is laid out again when it is asked for."""
    shutil.rmtree(table / DIRECTORY, ignore_errors=True)
