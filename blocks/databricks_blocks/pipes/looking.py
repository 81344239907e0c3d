"""One look at the messages of a task: list, read, hand out, delete. The calls block; use a thread."""

from __future__ import annotations

from dataclasses import replace

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.pipes.bootstrap import Session
from databricks_blocks.pipes.channel import Channel
from databricks_blocks.pipes.driver_logs import MOST_BYTES, DriverLogReader
from databricks_blocks.pipes.protocol import StreamText
from databricks_blocks.pipes.reader import DirectoryReader
from databricks_blocks.pipes.received import Look

_LEAST_PAUSE = 2.0
_LOOKS_A_SECOND = 5
"""Of the whole flow. Databricks names no limit of the Files API; that of DBFS is 30 requests a second."""


_REQUESTS_A_SECOND = 25
"""Those that read and delete files included. `databricks_pipes` is told to write so that this is enough."""


def pause_between_looks(running: int, requests: int = 0) -> float:
    """Seconds from one look at a task to the next, so that all tasks together stay within the budget.

    Args:
        running: How many tasks are looked at.
        requests: How many requests the last look at them took.

    Examples:
        >>> from databricks_blocks.pipes.looking import pause_between_looks
        >>> pause_between_looks(1), pause_between_looks(100)
        (2.0, 20.0)
        >>> pause_between_looks(10, 100)
        4.0
    """
    return max(_LEAST_PAUSE, running / _LOOKS_A_SECOND, requests / _REQUESTS_A_SECOND)


def prepare(channel: Channel, session: Session) -> None:
    """Make the folders of messages, and write the contexts; a repeat does no harm.

    Raises:
        DatabricksJobError: There is no such volume, or no permission, or the workspace is away.
    """
    for task in session.tasks:
        channel.make(task.directory)
    for path, content in session.files.items():
        channel.put(path, content)


def look(
    channel: Channel,
    directory: str,
    reader: DirectoryReader,
    *,
    over: bool,
    due: frozenset[str] = frozenset(),
) -> Look:
    """Delete what was handed on long enough ago, and read what has come.

    Files are deleted right after the listing that shows them unchanged: another attempt may write a file of
    the same name at any time.

    Args:
        channel: Where the directory is.
        directory: Its path.
        reader: Remembers what was read.
        over: Whether the task has ended, so that nothing more is written.
        due: Names of files to delete, if they are those that were read.

    Raises:
        DatabricksJobError: The workspace refuses, or is away. What was read comes with the next look.
    """
    reader.begin(channel.list(directory), over=over)
    names = tuple(name for name in reader.still_there if name in due)
    # What cannot be deleted now is listed again.
    deleted = () if discard(channel, directory, Look(delete=names)) else names
    while (entry := reader.next()) is not None:
        reader.take(channel.get(f"{directory}/{entry.name}"))
    found = reader.end()
    left = tuple(name for name in found.delete if name not in deleted or name in found.read)
    return replace(found, delete=left, deleted=deleted)


def discard(channel: Channel, directory: str, look: Look) -> DatabricksJobError | None:
    """Delete the files of a look whose messages were handed on.

    Returns:
        Why not all were deleted; the next look tries again, and reads none of them twice.
    """
    for name in look.delete:
        try:
            channel.delete(f"{directory}/{name}")
        except DatabricksJobError as error:
            return error
    return None


def look_at_driver_logs(channel: Channel, folder: str, reader: DriverLogReader) -> tuple[StreamText, ...]:
    """Read what a cluster has delivered of the logs of its driver; minutes late.

    Args:
        channel: Where the folder is.
        folder: As `driver_folder` finds it.
        reader: Remembers what was read.

    Raises:
        DatabricksJobError: The workspace refuses, or is away. What was read comes with the next look.
    """
    reader.begin(channel.list(folder))
    while (wanted := reader.next()) is not None:
        name, start = wanted
        # An archive that is compressed has to be read as a whole.
        most = None if name.endswith(".gz") else MOST_BYTES
        reader.take(channel.get(f"{folder}/{name}", 0 if most is None else start, most))
    return reader.end()
