"""Commits that the engine makes by itself, while the statement is the only one that writes the table."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from databricks_local.runtime.tables.delta.log import Commit, DeltaLog
from databricks_local.runtime.tables.delta.staging import conflict_with
from databricks_local.runtime.tables.errors import conflict

_FAILED = "Failed to commit transaction"
_ENGINE = "sail"
_TRIES = 2


def commit_of_engine(
    table: Path, shown: str, version: int, operation: str, run: Callable[[], object]
) -> dict[str, Any]:
    """Let the engine change a table that this statement has locked; gives the metrics of its commit.

    The engine may say that its commit failed where it did not: a request that is sent again, after a broken
    connection, meets the commit of the first one. So the log decides what has happened.

    Args:
        table: The directory of the table.
        shown: Its name for people.
        version: The version that the statement has seen.
        operation: What the engine calls the change.
        run: Lets it change the table.

    Raises:
        SparkException: If somebody who knows no lock changed the table meanwhile.
    """
    from pyspark.errors import PySparkException

    log = DeltaLog(table)
    for attempt in range(1, _TRIES + 1):
        try:
            run()
            break
        except PySparkException as error:
            if _FAILED not in str(error):
                raise
            commits = log.commits(version)
            if own_commit(commits, operation) is not None:
                break
            if commits or attempt == _TRIES:
                names = filter(None, (conflict_with(commit, alone=True) for commit in commits))
                seen = f"{shown} (version {version} was read, there is {log.latest()} now)"
                raise conflict(next(names, "ConcurrentWriteException"), seen) from error
    done = [commit for commit in log.commits(version) if commit.info.get("operation") == operation]
    return dict(done[-1].info.get("operationMetrics") or {}) if done else {}


def own_commit(commits: Sequence[Commit], operation: str) -> Mapping[str, Any] | None:
    """What the commit of the engine tells, if it is the only one since then; None if it is not."""
    if len(commits) != 1:
        return None
    info = commits[0].info
    by_engine = str(info.get("engineInfo", "")).startswith(_ENGINE)
    return info if by_engine and info.get("operation") == operation else None
