"""What a load into a table did, also if it failed in the middle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from databricks_blocks.sql.errors import StatementFailed
from databricks_blocks.sql.results import SqlResult

_SKIPPED = "num_skipped_corrupt_files"


@dataclass(frozen=True)
class CopyResult:
    """What a load did.

    Attributes:
        table: The table, as it was given.
        files: How many files were named; `None` where all files of the folder were meant.
        rows: How many rows were added, those of earlier attempts of the call included. Files that were loaded
            before add none. `None`: not known, since the result of an earlier attempt is not kept any more,
            and the history of the table does not tell either.
        skipped: How many files were left out since they are corrupt (`ignoreCorruptFiles`).
        statement_ids: Ids of the statements. A retry that finds them done has the same ones.
    """

    table: str
    files: int | None
    rows: int | None
    skipped: int
    statement_ids: tuple[str, ...] = field(default=(), compare=False)

    def with_batch(self, files: int | None, rows: int | None, result: SqlResult) -> CopyResult:
        """This and what one more statement did.

        Args:
            files: How many files it named; `None`: all of the folder.
            rows: How many rows it added; `None`: not known.
            result: Its result.
        """
        return CopyResult(
            self.table,
            None if files is None or self.files is None else self.files + files,
            None if rows is None or self.rows is None else self.rows + rows,
            self.skipped + result.affected.get(_SKIPPED, 0),
            (*self.statement_ids, result.statement_id),
        )


class CopyFailed(StatementFailed):
    """Raised when a statement of a load failed, and others before it have loaded their files.

    Attributes:
        copied: What the others did.
    """

    def __init__(self, message: str, *, copied: CopyResult, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.copied = copied

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the facts when Prefect pickles the exception into a state."""
        rebuild, (kind, message, facts) = super().__reduce__()
        return rebuild, (kind, message, {**facts, "copied": self.copied})
