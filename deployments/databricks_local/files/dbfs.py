"""DBFS: files under `<root>/dbfs`, and the streams that `create` opens."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.files.tree import (
    Entry,
    Tree,
    is_servable,
    is_taken,
    new_part,
    put_in_place,
    read_pieces,
    remove,
)

MAX_BLOCK_BYTES = 1024 * 1024
"""Docs: a block, the `contents` of a put, and a read are limited to 1 MB."""

DEFAULT_READ_BYTES = 512 * 1024
HANDLE_IDLE_MILLISECONDS = 10 * 60 * 1000
MAX_HANDLES = 1_000
"""Beyond this many open streams, the one that was idle longest is closed."""

SCHEME = "dbfs:"


def missing(path: str) -> ApiError:
    """Nothing at a path. Source: blueprint and great_expectations match on these words."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"No file or directory exists on path {path}.")


def exists(path: str) -> ApiError:
    """Something at a path already. Source: databrickslabs/sdp-meta#51."""
    return ApiError(
        400, "RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the input path {path}"
    )


def block_too_large() -> ApiError:
    """A block over 1 MB (docs)."""
    return ApiError(
        400, "MAX_BLOCK_SIZE_EXCEEDED", f"The block exceeds the maximum size of {MAX_BLOCK_BYTES} bytes."
    )


def handle_missing(handle: int) -> ApiError:
    """A stream that is not open (docs: RESOURCE_DOES_NOT_EXIST)."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"No stream with handle {handle} exists.")


@dataclass
class _Stream:
    part: Path
    path: str
    used_at: int


class Dbfs:
    """The tree of DBFS."""

    def __init__(self, root: Path, clock: Callable[[], int]) -> None:
        self._tree = Tree(root, missing)
        self._clock = clock
        self._streams: dict[int, _Stream] = {}
        for name in ("FileStore", "tmp"):
            (self._tree.root / name).mkdir(exist_ok=True)

    def status(self, path: str) -> Entry:
        """Describe a file or directory."""
        return self._tree.describe(self._existing(path))

    def children(self, path: str) -> list[Entry]:
        """The contents of a directory; for a file, the file itself."""
        place = self._existing(path)
        return list(self._tree.children(place)) if place.is_dir() else [self._tree.describe(place)]

    def mkdirs(self, path: str) -> None:
        """Make a directory and those above it."""
        place = self._place(path)
        self._refuse_files_above(path, place)
        if is_taken(place):
            raise exists(path)
        place.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def writing(self, path: str, *, overwrite: bool) -> Iterator[BinaryIO]:
        """Write a file in pieces."""
        place = self._writable(path, overwrite=overwrite)
        with self._tree.replacing(place) as file:
            yield file

    def read(self, path: str, offset: int, length: int) -> bytes:
        """At most 1 MB of a file; less, or nothing, at its end."""
        place = self._existing(path)
        if offset < 0 or length < 0:
            raise invalid_parameter("offset and length must not be negative.")
        if length > MAX_BLOCK_BYTES:
            raise ApiError(400, "MAX_READ_SIZE_EXCEEDED", f"length must be at most {MAX_BLOCK_BYTES}.")
        if place.is_dir():
            raise invalid_parameter(f"Path {path} is a directory, which cannot be read.")
        if offset >= place.stat().st_size:
            return b""
        return b"".join(read_pieces(place, offset, length))

    def delete(self, path: str, *, recursive: bool) -> None:
        """Delete a file or directory. A missing path is no error (source: databricks/cli, dbfs filer)."""
        place = self._place(path)
        if place == self._tree.root:
            raise invalid_parameter("The root directory cannot be deleted.")
        if not place.exists() and not place.is_symlink():
            return
        if place.is_dir() and not recursive and any(place.iterdir()):
            # Source: databricks/cli, dbfs filer: a directory that is not empty is a 400 with this code.
            raise ApiError(
                400, "IO_ERROR", f"The directory {path} is not empty, and recursive is set to false."
            )
        remove(place)

    def move(self, source: str, destination: str) -> None:
        """Move a file or a directory with all that is in it."""
        place, target = self._existing(source), self._place(destination)
        if place == self._tree.root or target.is_relative_to(place):
            raise invalid_parameter(f"Cannot move {source} to {destination}.")
        if target.exists() or target.is_symlink():
            raise exists(destination)
        self._refuse_files_above(destination, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        place.rename(target)

    def create(self, path: str, *, overwrite: bool) -> int:
        """Open a stream to write a file; returns its handle."""
        self._writable(path, overwrite=overwrite)
        self._give_up_idle_streams()
        handle = secrets.randbelow(2**53 - 1) + 1
        self._streams[handle] = _Stream(new_part(self._tree.root), path, self._clock())
        return handle

    def add_block(self, handle: int, block: bytes) -> None:
        """Append to a stream."""
        if len(block) > MAX_BLOCK_BYTES:
            raise block_too_large()
        stream = self._stream(handle)
        stream.used_at = self._clock()
        with stream.part.open("ab") as file:
            file.write(block)

    def close(self, handle: int) -> None:
        """Close a stream: the file is there."""
        stream = self._stream(handle)
        place = self._writable(stream.path, overwrite=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(stream.part, place)
        del self._streams[handle]

    def _stream(self, handle: int) -> _Stream:
        self._give_up_idle_streams()
        stream = self._streams.get(handle)
        if stream is None:
            raise handle_missing(handle)
        return stream

    def _give_up_idle_streams(self) -> None:
        """Docs: there is a 10 minute idle timeout on a handle."""
        oldest = self._clock() - HANDLE_IDLE_MILLISECONDS
        by_age = sorted(self._streams, key=lambda handle: self._streams[handle].used_at)
        surplus = max(len(by_age) - MAX_HANDLES + 1, 0)
        for number, handle in enumerate(by_age):
            if number < surplus or self._streams[handle].used_at < oldest:
                self._streams.pop(handle).part.unlink(missing_ok=True)

    def _writable(self, path: str, *, overwrite: bool) -> Path:
        place = self._place(path)
        if place.is_dir() or (place.exists() and not overwrite):
            raise exists(path)
        self._refuse_files_above(path, place)
        return place

    def _refuse_files_above(self, path: str, place: Path) -> None:
        """Docs, mkdirs: a file at any prefix of the path."""
        if any(is_taken(above) for above in place.parents):
            raise exists(path)

    def _place(self, path: str) -> Path:
        return self._tree.place(path.removeprefix(SCHEME))

    def _existing(self, path: str) -> Path:
        place = self._place(path)
        if not is_servable(place):
            raise missing(path)
        return place
