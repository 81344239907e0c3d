"""Staging in a `RemoteFileSystem` block: any storage that fsspec has a file system for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from glob import has_magic
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from fsspec.core import url_to_fs
from fsspec.spec import AbstractBufferedFile

from databricks_blocks.staging.produced_stream import copy_stream

if TYPE_CHECKING:
    from prefect.filesystems import RemoteFileSystem


class RemoteStaging:
    """The files below one prefix of a remote file system."""

    def __init__(self, block: RemoteFileSystem, prefix: str) -> None:
        self._uri = f"{block.basepath.rstrip('/')}/{prefix}"
        if has_magic(self._uri):
            raise ValueError(
                f"{block.basepath} has one of the characters *, ? and [, which fsspec takes for a pattern:"
                " files below other folders would be deleted, too; choose another base path"
            )
        self._files, root = url_to_fs(self._uri, **block.settings)
        self._root = PurePosixPath(root)

    def uri(self, name: str = "") -> str:
        """URI of a file or folder, as it is in the block."""
        return f"{self._uri}/{name}" if name else self._uri

    def names(self, folder: str = "") -> list[str]:
        """Names of the files below a folder, relative to the prefix, in order."""
        # fsspec caches listings, which do not know what other processes wrote.
        self._files.invalidate_cache()
        place = PurePosixPath(self._path(folder))
        try:
            paths = [PurePosixPath(path) for path in self._files.find(str(place))]
        except FileNotFoundError:
            return []
        # Some storages list an empty folder as if it were a file.
        return sorted(str(path.relative_to(self._root)) for path in paths if path != place)

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix, in order."""
        self._files.invalidate_cache()
        try:
            entries = self._files.ls(str(self._root), detail=True)
        except FileNotFoundError:
            return []
        return sorted(PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")

    def written_at(self, name: str) -> datetime:
        """When a file was written."""
        self._files.invalidate_cache()
        return cast("datetime", self._files.modified(self._path(name)))

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into a file."""
        # Not by `with`: it would close the file after a failure, and so make a whole file of the part.
        file = self._files.open(self._path(name), "wb", autocommit=False)
        try:
            written = write(file)
        except BaseException:
            file.discard()
            if isinstance(file, AbstractBufferedFile):
                file.closed = True
            # Not every file system can discard.
            with suppress(FileNotFoundError):
                self._files.rm_file(self._path(name))
            raise
        file.close()
        file.commit()
        return written

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has."""
        self.upload(name, partial(copy_stream, stream))

    def open(self, name: str) -> IO[bytes]:
        """Open a file to be read as a stream."""
        self._files.invalidate_cache()
        return cast("IO[bytes]", self._files.open(self._path(name), "rb"))

    def delete(self, folder: str = "") -> int:
        """Remove every file below a folder.

        fsspec does not see the uploads of a killed process. The storage ends them: by a lifecycle rule (S3),
        or after a week (Google, Azure).
        """
        names = self.names(folder)
        if names:
            with suppress(FileNotFoundError):
                self._files.rm(self._path(folder), recursive=True)
        return len(names)

    def _path(self, name: str) -> str:
        return str(self._root / name)
