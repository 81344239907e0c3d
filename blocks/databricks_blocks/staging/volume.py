"""Staging in a Unity Catalog volume, through the Files API of its workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from databricks_blocks.staging.produced_stream import consume_what_is_written

if TYPE_CHECKING:
    from databricks.sdk.service.files import DirectoryEntry

    from databricks_blocks.workspace.volume import UnityCatalogVolume


class VolumeStaging:
    """The files below one folder of a volume."""

    def __init__(self, volume: UnityCatalogVolume, prefix: str) -> None:
        self._files = volume.workspace.workspace_client().files
        self._root = PurePosixPath(volume.path) / prefix

    def uri(self, name: str = "") -> str:
        """Path of a file or folder: Spark takes `/Volumes/...` as it is."""
        return self._path(name)

    def names(self, folder: str = "") -> list[str]:
        """Names of the files below a folder, relative to the prefix, in order."""
        paths = (_path_of(entry) for entry in self._entries(self._path(folder)) if not entry.is_directory)
        return sorted(str(PurePosixPath(path).relative_to(self._root)) for path in paths)

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix, in order."""
        from databricks.sdk.errors import NotFound

        try:
            entries = list(self._files.list_directory_contents(str(self._root)))
        except NotFound:
            return []
        return sorted(PurePosixPath(_path_of(entry)).name for entry in entries if entry.is_directory)

    def written_at(self, name: str) -> datetime:
        """When a file was written, to the second."""
        modified = self._files.get_metadata(self._path(name)).last_modified
        return parsedate_to_datetime(cast("str", modified))

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into a file; a large one in parts."""
        return consume_what_is_written(write, partial(self.send, name))

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has; much of it in parts."""
        path = self._path(name)
        self._files.create_directory(str(PurePosixPath(path).parent))
        # Not in parallel, which holds one part for each thread in memory.
        self._files.upload(path, cast("BinaryIO", stream), overwrite=True, use_parallel=False)

    def open(self, name: str) -> IO[bytes]:
        """Open a file to be read as a stream."""
        return cast("IO[bytes]", self._files.download(self._path(name)).contents)

    def delete(self, folder: str = "") -> int:
        """Remove every file below a folder, and the folder.

        Uploads of a killed process stay: the Files API does not list them.
        """
        from databricks.sdk.errors import NotFound

        path = self._path(folder)
        deleted = 0
        # From the bottom up: only an empty directory can be deleted.
        for entry in reversed(list(self._entries(path))):
            if entry.is_directory:
                self._files.delete_directory(_path_of(entry))
            else:
                self._files.delete(_path_of(entry))
                deleted += 1
        with suppress(NotFound):
            self._files.delete_directory(path)
        return deleted

    def _entries(self, directory: str) -> Iterator[DirectoryEntry]:
        """The entries below a directory, each directory before its own entries."""
        from databricks.sdk.errors import NotFound

        try:
            entries = list(self._files.list_directory_contents(directory))
        except NotFound:
            return
        for entry in entries:
            yield entry
            if entry.is_directory:
                yield from self._entries(_path_of(entry))

    def _path(self, name: str) -> str:
        return str(self._root / name)


def _path_of(entry: DirectoryEntry) -> str:
    return cast("str", entry.path)
