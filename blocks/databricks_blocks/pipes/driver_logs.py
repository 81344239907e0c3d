"""The output of a driver, as its cluster delivers it: for code that says nothing itself. Pure.

Databricks delivers every five minutes. Each hour it moves `stdout` away, to a name such as
`stdout--2026-11-27--18-00`, and begins a new one.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from databricks_blocks.job.specification import JobSpecification, with_changed_tasks
from databricks_blocks.job.task_json import Json, nested_task
from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.protocol import StreamText
from databricks_blocks.pipes.streams import StreamLines

MOST_BYTES = 8 << 20
"""Bytes of one file that are read at one look; the rest comes with the next one."""

_FILE = re.compile(r"(stdout|stderr)(--[\d-]+)?(\.gz)?", re.ASCII)
_DESTINATIONS = ("volumes", "dbfs")


def with_log_delivery(specification: JobSpecification, folder: str) -> JobSpecification:
    """Have the clusters of a job deliver their logs, unless they do so already.

    Args:
        specification: The job. Existing clusters and serverless compute stay as they are.
        folder: Where to. It is the same for each run, so that the settings of a saved job do not change; each
            cluster has a folder of its own in it.
    """
    kind, scheme = ("volumes", "") if folder.startswith("/Volumes/") else ("dbfs", "dbfs:")
    delivery = {"cluster_log_conf": {kind: {"destination": f"{scheme}{folder}/logs"}}}

    def change(task: Json) -> Json:
        cluster = task.get("new_cluster")
        return task if cluster is None else {**task, "new_cluster": {**delivery, **cluster}}

    clusters = {key: {**delivery, **cluster} for key, cluster in specification.job_clusters.items()}
    return with_changed_tasks(specification, change).model_copy(update={"job_clusters": clusters})


def cluster_settings(specification: JobSpecification, task_key: str) -> Json | None:
    """Find the settings of the new cluster that a task runs on; `None`: it is an existing one, or serverless.

    Args:
        specification: The job, as it is launched.
        task_key: Key of the task.
    """
    for task in specification.tasks:
        if task.task_key == task_key:
            whole = task.as_json()
            part = nested_task(whole) or whole
            own = part.get("new_cluster") or specification.job_clusters.get(part.get("job_cluster_key") or "")
            return own if isinstance(own, dict) else None
    return None


def driver_folder(settings: Mapping[str, Any], cluster_id: str) -> str:
    """Find where a cluster delivers the logs of its driver, as a channel takes it.

    Args:
        settings: Of the cluster, as `cluster_settings` finds them, or `clusters/get` for an existing one.
        cluster_id: Its id.

    Returns:
        The path; empty if it delivers none, or to a bucket, which the workspace cannot read.
    """
    configured = settings.get("cluster_log_conf") or {}
    for kind in _DESTINATIONS:
        if destination := (configured.get(kind) or {}).get("destination"):
            return f"{str(destination).removeprefix('dbfs:').rstrip('/')}/{cluster_id}/driver"
    return ""


@dataclass
class _File:
    position: int = 0
    is_complete: bool = False


@dataclass
class _Stream:
    name: str
    current: _File = field(default_factory=_File)
    archives: dict[str, _File] = field(default_factory=dict)
    owed_from: int | None = None
    lines: StreamLines = field(default_factory=lambda: StreamLines(has_copies=False))
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


@dataclass(frozen=True)
class _Read:
    stream: _Stream
    entry: Entry
    file: _File


class DriverLogReader:
    """Follows stdout and stderr of a driver through the hours."""

    def __init__(self, *, skip_present: bool = False) -> None:
        """Begin to follow.

        Args:
            skip_present: Whether what is there at the first look is left out: on a cluster that was there
                before the run, it is of somebody else.
        """
        self._skip = skip_present
        self._streams = {name: _Stream(name) for name in ("stdout", "stderr")}
        self._reads: list[_Read] = []
        self._lines: list[StreamText] = []

    def begin(self, listing: Sequence[Entry]) -> None:
        """Begin a look.

        Args:
            listing: What is in the driver's folder.
        """
        self._reads = []
        # Archives come first, in the order of their hours.
        for entry in sorted(listing, key=lambda entry: (not _archive(entry.name), entry.name)):
            found = None if entry.is_directory else _FILE.fullmatch(entry.name)
            if found:
                stream = self._streams[found[1]]
                file = self._archived(stream, entry) if _archive(entry.name) else _current(stream, entry)
                self._plan(_Read(stream, entry, file))
        self._skip = False

    def next(self) -> tuple[str, int] | None:
        """The file to read now, and from where; `None`: none."""
        return (self._reads[0].entry.name, self._reads[0].file.position) if self._reads else None

    def take(self, content: bytes | None) -> None:
        """Take what is in the file that `next` named, from there on; `None`: it is gone.

        An archive that is compressed is taken as a whole.
        """
        read = self._reads.pop(0)
        stream, file = read.stream, read.file
        if content is not None and read.entry.name.endswith(".gz"):
            content = _unpacked(content, file.position)
            file.is_complete = content is not None
        if content is None:
            self._wait_for(stream)
            return
        file.position += len(content)
        if _archive(read.entry.name) and file.position >= read.entry.size:
            file.is_complete = True
        elif not file.is_complete and file.position < read.entry.size:
            self._wait_for(stream)
        told = stream.lines.take([StreamText(stream.name, stream.decoder.decode(content))])
        self._lines += [text for text in told if text is not None]

    def end(self) -> tuple[StreamText, ...]:
        """End a look: whole lines, in order for each stream."""
        lines, self._lines = tuple(self._lines), []
        return lines

    def rest(self) -> tuple[StreamText, ...]:
        """The lines that have no end, when nothing more will come."""
        return tuple(text for stream in self._streams.values() for text in stream.lines.rest())

    def _archived(self, stream: _Stream, entry: Entry) -> _File:
        """An archive: at first, it goes on where the file that it was had been read."""
        name = _archive(entry.name)
        if name not in stream.archives:
            if stream.owed_from is not None:
                start, stream.owed_from = stream.owed_from, None
            else:
                start, stream.current = stream.current.position, _File()
            stream.archives[name] = _File(start)
        return stream.archives[name]

    def _plan(self, read: _Read) -> None:
        if self._skip:
            read.file.position, read.file.is_complete = read.entry.size, bool(_archive(read.entry.name))
        is_grown = read.entry.size > read.file.position or read.entry.name.endswith(".gz")
        if is_grown and not read.file.is_complete:
            self._reads.append(read)

    def _wait_for(self, stream: _Stream) -> None:
        """Leave later files of the stream to the next look: this one has more."""
        self._reads = [read for read in self._reads if read.stream is not stream]


def _current(stream: _Stream, entry: Entry) -> _File:
    """The file that grows; if it is shorter than before, a new hour has begun."""
    if entry.size < stream.current.position:
        # Its archive is not there yet.
        stream.owed_from, stream.current = stream.current.position, _File()
    return stream.current


def _unpacked(content: bytes, start: int) -> bytes | None:
    """What is in an archive from a position on; `None`: half of it is there."""
    try:
        return gzip.decompress(content)[start:]
    except (OSError, EOFError, zlib.error):
        return None


def _archive(name: str) -> str:
    """What follows the name of the stream in the name of an archive; empty: the file that grows."""
    return name.removesuffix(".gz")[len("stdout") :]
