"""The files that messages come in: which is next, and whether it is whole. Pure.

A writer numbers its chunks from 1. Another attempt at a task has the same directory, and begins at 1 again:
it overwrites chunks of the first one, and leaves the later ones behind. What was read is deleted, so every
file that is there is unread, and a lower number that is younger is another attempt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from databricks_blocks.pipes.channel import Entry

_NAME = re.compile(r"(?:(\w{1,64})-)?([1-9][0-9]{0,8})\.json", re.ASCII)


@dataclass(frozen=True)
class Chunk:
    """A file of messages.

    Attributes:
        writer: Names the process that wrote it; empty for the writers of `dagster-pipes`.
        number: Counts the chunks of a process.
        entry: The file.
    """

    writer: str
    number: int
    entry: Entry


@dataclass(frozen=True)
class Position:
    """How far a writer has been read.

    Attributes:
        expected: Number of the next chunk; `None`: somebody else has read before, up to any number.
        modified: When the latest chunk that was read was written, in epoch milliseconds.
    """

    expected: int | None = 1
    modified: int = -1

    def after(self, step: Step) -> Position:
        """The position when a chunk was read."""
        if step.is_late:
            return self
        return Position(step.chunk.number + 1, step.chunk.entry.modified)


@dataclass(frozen=True)
class Step:
    """The chunk to read next.

    Attributes:
        chunk: The chunk.
        begins: Whether it begins another attempt.
        missing: Numbers of chunks that should have come before it.
        is_late: Whether it comes after chunks that were written later.
    """

    chunk: Chunk
    begins: bool = False
    missing: range = range(0)
    is_late: bool = False


def read_name(entry: Entry) -> Chunk | None:
    """Read the name of a file; `None`: it is no chunk."""
    found = None if entry.is_directory else _NAME.fullmatch(entry.name)
    return Chunk(found[1] or "", int(found[2]), entry) if found else None


def next_step(unread: Sequence[Chunk], position: Position, *, skip_missing: bool) -> Step | None:
    """Find the chunk of a writer that is read next.

    Args:
        unread: All chunks of the writer that are there.
        position: How far it was read.
        skip_missing: Whether a chunk that is missing will never come.

    Returns:
        The step; `None`: a chunk is missing that may still come, or there is none.
    """
    # Within an attempt, a later chunk is younger. Where the numbers fall, another attempt has begun.
    ordered = sorted(unread, key=lambda chunk: (chunk.entry.modified, chunk.number))
    if not ordered:
        return None
    first, expected = ordered[0], position.expected
    if expected is None:
        return Step(first)
    begins = first.number < expected
    if begins:
        if first.entry.modified <= position.modified:
            return Step(first, is_late=True)
        expected = 1
    missing = range(expected, first.number)
    is_over = any(later.number <= sooner.number for sooner, later in pairwise(ordered))
    if missing and not (is_over or skip_missing):
        return None
    return Step(first, begins, missing)


def whole_lines(content: bytes, size: int) -> list[str] | None:
    """Split a chunk into its lines; `None`: half of it was written, or read.

    Args:
        content: What was read.
        size: Of the file, as it was listed before.
    """
    # Writers put no newline at the end: a chunk that has one goes on.
    if not content or len(content) != size or content.endswith(b"\n"):
        return None
    try:
        lines = content.decode().split("\n")
        for line in lines:
            json.loads(line)
    except RecursionError:
        return lines
    except ValueError:
        return None
    return lines


def any_lines(content: bytes) -> list[str]:
    """Split a chunk that will never be whole into its lines."""
    return [line for line in content.decode(errors="replace").split("\n") if line.strip()]
