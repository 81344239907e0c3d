"""Rows that are written beside a table first, and become part of it by one commit.

The engine writes them into a Delta table of its own with the same columns, so that it casts and checks them
as for the table itself. Their files are then moved, and what happened is said in one commit.
"""

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from databricks_local.runtime.tables.delta.commits import (
    commit_info,
    remove_action,
    require_removable,
    write_commit,
)
from databricks_local.runtime.tables.delta.log import Action, Commit, DeltaLog, Snapshot, rows_in

PREFIX = "_staging-"
RETRIES = 50


class ConcurrentWriteError(Exception):
    """Raised when another writer changed what a statement relied on; carries the name that Delta gives it."""


@dataclass(frozen=True)
class Staged:
    """Rows that wait to become part of a table.

    Attributes:
        place: Their directory.
        adds: Their files, as the log names them.
        metadata: What they are like; the engine notes the last numbers of identity columns there.
    """

    place: Path
    adds: Sequence[Action]
    metadata: Action

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(map(rows_in, self.adds))

    @property
    def metrics(self) -> dict[str, int]:
        """As the history shows them."""
        size = sum(int(add["size"]) for add in self.adds)
        return {"numFiles": len(self.adds), "numOutputRows": self.rows, "numOutputBytes": size}


@contextlib.contextmanager
def staging(table: Path, metadata: Action, protocol: Action) -> Iterator[Path]:
    """A directory for rows, removed at the end with what is left of them.

    Args:
        table: The directory of the table.
        metadata: What the rows have to be like.
        protocol: Which features of Delta that needs.
    """
    place = table / f"{PREFIX}{uuid.uuid4()}"
    try:
        place.mkdir(parents=True)
        write_commit(place, 0, [commit_info("CREATE TABLE"), {"protocol": protocol}, {"metaData": metadata}])
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def staged(place: Path) -> Staged:
    """What the engine has written there.

    It is one commit. Another one is the same rows: a request that was sent again after a broken connection.
    """
    log = DeltaLog(place)
    snapshot = log.snapshot(min(log.latest(), 1))
    return Staged(place, list(snapshot.files.values()), snapshot.metadata)


def forget_leftovers(table: Path, older_than_seconds: float) -> None:
    """Remove what statements left that were killed."""
    for place in table.glob(f"{PREFIX}*"):
        if time.time() - place.stat().st_mtime > older_than_seconds:
            shutil.rmtree(place, ignore_errors=True)


def publish(
    table: Path,
    before: Snapshot,
    rows: Staged,
    info: Action,
    *,
    removed: Sequence[Action] = (),
    metadata: Action | None = None,
    protocol: Action | None = None,
    notes: Sequence[Action] = (),
) -> int:
    """Make rows part of a table; gives the version.

    Args:
        table: Its directory.
        before: The table as the statement has seen it.
        rows: The rows.
        info: What the commit tells about itself.
        removed: The files whose rows they take the place of.
        metadata: What the table becomes; None leaves it.
        protocol: Which features of Delta that needs; None leaves it.
        notes: Further actions, which say what was done.

    Raises:
        ConcurrentWriteError: If another writer changed what the statement relied on.
        AppendOnlyError: If there are removed files, and the table only grows.
    """
    if removed:
        require_removable(before)
    moved = _move(table, rows)
    now = time.time_ns() // 1_000_000
    removes = [remove_action(each, now) for each in removed]
    changes = [{"protocol": protocol}] if protocol else []
    changes += [{"metaData": metadata}] if metadata else []
    actions = [info, *changes, *notes, *removes, *({"add": add} for add in rows.adds)]
    alone = bool(removes or changes)
    try:
        return _commit(table, before.version, actions, alone=alone)
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        raise


def _commit(table: Path, seen: int, actions: Sequence[Action], *, alone: bool) -> int:
    log = DeltaLog(table)
    version = seen + 1
    for _ in range(RETRIES):
        try:
            write_commit(table, version, actions)
        except FileExistsError:
            for commit in log.commits(version - 1):
                conflict = conflict_with(commit, alone=alone)
                if conflict:
                    raise ConcurrentWriteError(conflict) from None
                version = commit.version + 1
        else:
            return version
    raise ConcurrentWriteError("ConcurrentWriteException")


def conflict_with(commit: Commit, *, alone: bool) -> str:
    """The name of the conflict with a commit that came between, as Delta has it; empty if there is none.

    Args:
        commit: The other one.
        alone: Whether the statement needs the table as it has seen it, and does more than to add rows.
    """
    kinds = {name for action in commit.actions for name in action}
    if "protocol" in kinds:
        return "ProtocolChangedException"
    if "metaData" in kinds:
        return "MetadataChangedException"
    if not alone:
        return ""
    if "remove" in kinds:
        return "ConcurrentDeleteReadException"
    return "ConcurrentAppendException" if "add" in kinds else ""


def _move(table: Path, rows: Staged) -> list[Path]:
    moved = []
    for add in rows.adds:
        relative = unquote(add["path"])
        target = table / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        (rows.place / relative).rename(target)
        moved.append(target)
    return moved
