"""The output of a driver, as its cluster delivers it: for code that says nothing itself. Pure.

Databricks delivers every five minutes. Each hour it moves `stdout` away, to a name such as
`stdout--2026-11-27--18-00`, and begins a new one.
"""

from __future__ import annotations

import codecs
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from databricks_blocks.job.specification import JobSpecification, with_changed_tasks
from databricks_blocks.job.task_json import Json
from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.protocol import StreamText

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


def driver_folder(cluster: Mapping[str, Any]) -> str:
    """Find where a cluster delivers the logs of its driver, as a channel takes it.

    Args:
        cluster: The answer of `clusters/get`.

    Returns:
        The path; empty if it delivers none, or to a bucket, which the workspace cannot read.
    """
    configured = cluster.get("cluster_log_conf") or {}
    for kind in _DESTINATIONS:
        if destination := (configured.get(kind) or {}).get("destination"):
            path = str(destination).removeprefix("dbfs:").rstrip("/")
            return f"{path}/{cluster.get('cluster_id')}/driver"
    return ""


@dataclass
class _Stream:
    position: int = 0
    owed_from: int | None = None
    archived: set[str] = field(default_factory=set)
    begun: str = ""
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


class DriverLogReader:
    """Follows stdout and stderr of a driver through the hours."""

    def __init__(self, *, skip_present: bool = False) -> None:
        """Begin to follow.

        Args:
            skip_present: Whether what is there at the first look is left out: on a cluster that was there
                before the run, it is of somebody else.
        """
        self._skip = skip_present
        self._streams: dict[str, _Stream] = {}
        self._reads: list[tuple[Entry, int]] = []
        self._lines: list[StreamText] = []

    def begin(self, listing: Sequence[Entry]) -> None:
        """Begin a look.

        Args:
            listing: What is in the driver's folder; archives are in the order of their names.
        """
        self._reads = []
        for entry in sorted(listing, key=lambda entry: (_archive(entry.name) == "", entry.name)):
            found = None if entry.is_directory else _FILE.fullmatch(entry.name)
            if found:
                self._plan(self._streams.setdefault(found[1], _Stream()), entry)
        self._skip = False

    def next(self) -> tuple[str, int] | None:
        """The file to read now, and from where; `None`: none."""
        return (self._reads[0][0].name, self._reads[0][1]) if self._reads else None

    def take(self, content: bytes | None) -> None:
        """Take what is in the file that `next` named, from there on; `None`: it is gone."""
        entry, start = self._reads.pop(0)
        name = _stream(entry.name)
        stream = self._streams[name]
        if content is None:
            return
        if entry.name.endswith(".gz"):
            content = gzip.decompress(content)[start:]
        if not _archive(entry.name):
            stream.position += len(content)
        text = stream.begun + stream.decoder.decode(content)
        *lines, stream.begun = text.split("\n")
        if lines:
            self._lines.append(StreamText(name, "\n".join(lines)))

    def end(self) -> tuple[StreamText, ...]:
        """End a look: whole lines, in order for each stream."""
        lines, self._lines = tuple(self._lines), []
        return lines

    def rest(self) -> tuple[StreamText, ...]:
        """The lines that have no end, when nothing more will come."""
        rest = tuple(StreamText(name, stream.begun) for name, stream in self._streams.items() if stream.begun)
        for stream in self._streams.values():
            stream.begun = ""
        return rest

    def _plan(self, stream: _Stream, entry: Entry) -> None:
        if archive := _archive(entry.name):
            if archive in stream.archived:
                return
            stream.archived.add(archive)
            if self._skip:
                return
            start = stream.position if stream.owed_from is None else stream.owed_from
            if stream.owed_from is None:
                stream.position = 0
            stream.owed_from = None
            if entry.size > start or entry.name.endswith(".gz"):
                self._reads.append((entry, start))
            return
        if self._skip:
            stream.position = entry.size
        if entry.size < stream.position:
            # A new hour has begun, and the archive of the last one is not there yet.
            stream.owed_from, stream.position = stream.position, 0
        if entry.size > stream.position:
            self._reads.append((entry, stream.position))


def _stream(name: str) -> str:
    return name[: len("stdout")]


def _archive(name: str) -> str:
    """What follows the name of the stream in the name of an archive; empty: the file that grows."""
    return name.removesuffix(".gz")[len("stdout") :]
