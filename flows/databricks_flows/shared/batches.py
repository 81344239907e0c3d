"""Files shared out among task runs, so that Prefect's cost of each does not dominate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

File = TypeVar("File")
ONE_EACH = 50
"""Up to so many files, each has a task run of its own."""
LARGEST_BATCH = 50
_BATCHES_EACH = 4


@dataclass(frozen=True)
class Batch(Generic[File]):
    """Files that one task run loads, one after the other.

    Attributes:
        name: What tells it from the others.
        files: The files.
    """

    name: str
    files: tuple[File, ...]


def make_batches(files: Mapping[str, File], concurrency: int, batch_size: int = 0) -> list[Batch[File]]:
    """Share files out among task runs.

    Args:
        files: The files by name.
        concurrency: How many task runs there are at a time.
        batch_size: How many a task run loads, at most; 0 chooses: one, and with more than 50 files as many as
            let Prefect's cost of a task run (tens of milliseconds) not count, but no more than 50.
    """
    if not batch_size:
        shared = -(-len(files) // (concurrency * _BATCHES_EACH))
        batch_size = 1 if len(files) <= ONE_EACH else min(LARGEST_BATCH, shared)
    if batch_size == 1:
        return [Batch(name, (file,)) for name, file in files.items()]
    number = -(-len(files) // batch_size)
    # Neighbours are often alike, such as those of a year, so that each batch gets some of all.
    return [
        Batch(f"{first + 1} of {number}", tuple(files.values())[first::number]) for first in range(number)
    ]
