"""What a reader hands out: messages with the place that they came from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from databricks_blocks.pipes.protocol import AnyMessage


@dataclass(frozen=True)
class Received:
    """A message, and where it came from.

    Attributes:
        message: The message. The text of streams is whole lines.
        attempt: The attempt of the task, from 1; as it is read, the number of the process that was heard.
        chunk: Name of the file.
        line: Number of the line in it, from 1.
        time: When it was said; if the writer does not tell, when its chunk was written.
        key: Tells it from all other messages in the directory, however often it is read.
    """

    message: AnyMessage
    attempt: int
    chunk: str
    line: int
    time: datetime
    key: str


@dataclass(frozen=True)
class Look:
    """What one look at the directory has brought.

    Attributes:
        received: The messages, in order.
        warnings: What is odd, for the log.
        delete: Names of the files to delete, once the messages are handed on.
        more: Whether more can be read at once.
        read: Names of the files that were read.
        deleted: Names of the files that were deleted.
    """

    received: tuple[Received, ...] = ()
    warnings: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    more: bool = False
    read: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


def moment(seconds: float) -> datetime | None:
    """The time of a message, in seconds since 1970; `None`: it is none that a calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
