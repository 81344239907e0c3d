"""Staging in a `GcsBucket` block, through Google's own client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from databricks_blocks.staging.produced_stream import copy_stream

if TYPE_CHECKING:
    from google.cloud.storage import Blob
    from prefect_gcp.cloud_storage import GcsBucket

_CHUNK_BYTES = 8 * 1024 * 1024
"""Bytes of a file that are held in memory; a multiple of 256 KiB (docs: Cloud Storage, Resumable uploads)."""


class GcsStaging:
    """The objects below one prefix of a bucket."""

    def __init__(self, block: GcsBucket, prefix: str) -> None:
        # Not `block.get_bucket()`, which needs permission to read the settings of the bucket.
        self._bucket = block.gcp_credentials.get_cloud_storage_client().bucket(block.bucket)
        self._prefix = PurePosixPath(block.bucket_folder.strip("/")) / prefix

    def uri(self, name: str = "") -> str:
        """URI of an object or folder, as Spark reads it."""
        return f"gs://{self._bucket.name}/{self._prefix / name}"

    def names(self, folder: str = "") -> list[str]:
        """Names of the objects below a folder, relative to the prefix, in order."""
        keys = sorted(key for key in self._keys(folder) if not _is_folder(key))
        return [str(PurePosixPath(key).relative_to(self._prefix)) for key in keys]

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix, in order."""
        listing = self._bucket.list_blobs(prefix=f"{self._prefix}/".removeprefix("./"), delimiter="/")
        for _ in listing:  # only then does it know the prefixes
            pass
        return sorted(PurePosixPath(prefix).name for prefix in listing.prefixes)

    def written_at(self, name: str) -> datetime:
        """When an object was written, by the clock of the storage."""
        blob = self._blob(name)
        blob.reload()
        return cast("datetime", blob.updated)

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into an object, by a resumable upload; a failure cancels it."""
        with self._blob(name).open("wb", chunk_size=_CHUNK_BYTES, ignore_flush=True) as stream:
            return write(stream)

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has, by a resumable upload."""
        self.upload(name, partial(copy_stream, stream))

    def open(self, name: str) -> IO[bytes]:
        """Open an object to be read as a stream."""
        found = self._blob(name)
        found.reload()
        # Read in ranges: the generation makes sure that all are of the same object, even if it is replaced.
        blob = self._bucket.blob(found.name, generation=found.generation)
        return cast("IO[bytes]", blob.open("rb", chunk_size=_CHUNK_BYTES))

    def delete(self, folder: str = "") -> int:
        """Remove every object below a folder.

        Uploads of a process that was killed cannot be listed; the storage ends them after a week.

        Returns:
            The number of objects removed.
        """
        keys = self._keys(folder)
        # An object may be gone: removed by somebody else, or by a request whose answer was lost.
        self._bucket.delete_blobs(keys, on_error=lambda key: None)
        return sum(not _is_folder(key) for key in keys)

    def _keys(self, folder: str) -> list[str]:
        return [blob.name for blob in self._bucket.list_blobs(prefix=f"{self._prefix / folder}/")]

    def _blob(self, name: str) -> Blob:
        return self._bucket.blob(str(self._prefix / name))


def _is_folder(key: str) -> bool:
    """Whether an object stands for a folder, as some tools make them (docs: Cloud Storage, Folders)."""
    return key.endswith("/")
