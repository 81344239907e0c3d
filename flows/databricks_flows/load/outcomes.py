"""What happened to the files of a load, and the errors that report it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

_SHOWN = 5


@dataclass(frozen=True)
class FileOutcome:
    """What happened to a file.

    Attributes:
        file: Path of the file.
        table: Name of its table.
        rows: Number of rows, if it is loaded.
        error: Why it is not loaded, in one line; empty if it is.
        in_doubt: Whether it may be loaded despite the error, as after a commit that got no answer.
        read_as: How the file is written, if it is not plain; empty where an earlier attempt has loaded it.
    """

    file: str
    table: str
    rows: int = 0
    error: str = ""
    in_doubt: bool = False
    read_as: str = ""

    def as_row(self) -> dict[str, str | int]:
        """The file as a row of the table of loaded files."""
        read_as = self.read_as or "commas, UTF-8"
        return {"file": self.file, "table": self.table, "rows": self.rows, "read as": read_as}


class FilesNotLoaded(RuntimeError):
    """Raised when some files are not loaded, or it is not known; all others are loaded.

    Attributes:
        outcomes: What happened to each file of the batch or of the run, a `FileOutcome` each.

    Examples:
        >>> from databricks_flows import FilesNotLoaded
        >>> from databricks_flows.load.outcomes import FileOutcome
        >>> outcomes = [FileOutcome("a.csv", "a", rows=2), FileOutcome("b.csv", "b", error="b.csv: is empty")]
        >>> try:
        ...     raise FilesNotLoaded(outcomes)
        ... except FilesNotLoaded as error:
        ...     print(error)
        1 of 2 files are not loaded: b.csv: is empty
    """

    def __init__(self, outcomes: Sequence[FileOutcome]) -> None:
        self.outcomes = list(outcomes)
        errors = [outcome.error for outcome in outcomes if outcome.error]
        rest = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        super().__init__(f"{_counted(outcomes)}: {'; '.join(errors[:_SHOWN])}{rest}")

    def __reduce__(self) -> tuple[type[FilesNotLoaded], tuple[list[FileOutcome]]]:
        """Rebuild the error from its outcomes: Prefect pickles the errors of runs."""
        return type(self), (self.outcomes,)


class LoadEnded(RuntimeError):
    """Raised when the flow run ended before all files of a batch were started."""


class LoadInterrupted(FilesNotLoaded):
    """Raised when files of a batch are not loaded because of a transient error."""


def settled(outcomes: Sequence[FileOutcome], loaded: Mapping[str, int]) -> list[FileOutcome]:
    """Settle the outcomes that are in doubt.

    Args:
        outcomes: What is known of each file.
        loaded: Number of rows by table, for all files that are loaded.
    """
    return [_settled(outcome, loaded) if outcome.in_doubt else outcome for outcome in outcomes]


def _settled(outcome: FileOutcome, loaded: Mapping[str, int]) -> FileOutcome:
    if outcome.table in loaded:
        return FileOutcome(outcome.file, outcome.table, loaded[outcome.table])
    return replace(outcome, in_doubt=False)


def _counted(outcomes: Sequence[FileOutcome]) -> str:
    in_doubt = sum(outcome.in_doubt for outcome in outcomes)
    failed = sum(bool(outcome.error) for outcome in outcomes) - in_doubt
    counts = [f"{failed} of {len(outcomes)} files are not loaded"] if failed else []
    if in_doubt:
        known = f"{in_doubt} of {len(outcomes)} files are not known to be loaded"
        counts.append(f"{known} (a retry loads those that are not)")
    return ", ".join(counts)
