"""Groups files, so that one task run handles several: a task run costs Prefect tens of milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

File = TypeVar("File")
ONE_EACH = 50
"""Up to this number of files, each file has its own task run."""
LARGEST_BATCH = 50
_BATCHES_EACH = 4


@dataclass(frozen=True)
class Batch(Generic[File]):
    """Files that one task run loads, one after the other.

    Attributes:
        name: Name of the batch, such as `3 of 20`, or of its only file.
        files: The files.
    """

    name: str
    files: tuple[File, ...]


def make_batches(files: Mapping[str, File], concurrency: int, batch_size: int = 0) -> list[Batch[File]]:
    """Group files into batches.

    Args:
        files: The files by name.
        concurrency: How many task runs there are at a time.
        batch_size: Files in a batch, at most. 0: one, and with more than 50 files as many as give each
            concurrent task run about four batches, but no more than 50.

    Returns:
        The batches; each file is in one of them.
    """
    if not batch_size:
        shared = -(-len(files) // (concurrency * _BATCHES_EACH))
        batch_size = 1 if len(files) <= ONE_EACH else min(LARGEST_BATCH, shared)
    if batch_size == 1:
        return [Batch(name, (file,)) for name, file in files.items()]
    number = -(-len(files) // batch_size)
    # Neighbours are often alike, such as files of one year. Taking every n-th file makes equal batches.
    return [
        Batch(f"{first + 1} of {number}", tuple(files.values())[first::number]) for first in range(number)
    ]
