"""Staging in an `AzureBlobStorageContainer` block, through Azure's own client."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from databricks_blocks.staging.produced_stream import consume_what_is_written

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobProperties, ContainerClient, StorageStreamDownloader
    from prefect_azure.blob_storage import AzureBlobStorageContainer

_CHUNK_BYTES = 8 * 1024 * 1024
"""Bytes of a file that are held in memory.

A blob has at most 50,000 blocks (docs: Scalability targets for Blob storage).
"""


class AzureStaging:
    """The blobs below one prefix of a container, with or without a hierarchical namespace."""

    def __init__(self, block: AzureBlobStorageContainer, prefix: str) -> None:
        self._container = _client(block)
        self._prefix = PurePosixPath((block.base_folder or "").strip("/")) / prefix

    def uri(self, name: str = "") -> str:
        """URI of a blob or folder, as Spark reads it."""
        host = self._container.primary_hostname.replace(".blob.", ".dfs.", 1)
        return f"abfss://{self._container.container_name}@{host}/{self._prefix / name}"

    def names(self, folder: str = "") -> list[str]:
        """Names of the blobs below a folder, relative to the prefix, in order."""
        names = sorted(blob.name for blob in self._blobs(folder) if not _is_folder(blob))
        return [str(PurePosixPath(name).relative_to(self._prefix)) for name in names]

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix, in order."""
        from azure.storage.blob import BlobPrefix

        top = f"{self._prefix}/".removeprefix("./")
        found = self._container.walk_blobs(name_starts_with=top, delimiter="/")
        return sorted(PurePosixPath(entry.name).name for entry in found if isinstance(entry, BlobPrefix))

    def written_at(self, name: str) -> datetime:
        """When a blob was written, to the second, by the clock of the storage."""
        return self._container.get_blob_client(self._key(name)).get_blob_properties().last_modified

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into a blob, in blocks that become the blob at the end.

        The storage drops the blocks of a failed upload after a week, or at the next upload to the name.
        """
        return consume_what_is_written(write, partial(self.send, name))

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has, in blocks that become the blob at the end."""
        self._container.upload_blob(self._key(name), stream, overwrite=True)

    def open(self, name: str) -> IO[bytes]:
        """Open a blob to be read as a stream."""
        return io.BufferedReader(_Download(self._container.download_blob(self._key(name))), _CHUNK_BYTES)

    def delete(self, folder: str = "") -> int:
        """Remove every blob below a folder, and the folder.

        Returns:
            The number of blobs removed, without folders.
        """
        from azure.core.exceptions import ResourceNotFoundError

        blobs = self._blobs(folder)
        # From the bottom up: only an empty folder can be deleted.
        for blob in sorted(blobs, key=lambda blob: blob.name, reverse=True):
            with suppress(ResourceNotFoundError):
                self._container.delete_blob(blob.name)
        return sum(not _is_folder(blob) for blob in blobs)

    def _blobs(self, folder: str) -> list[BlobProperties]:
        """The blobs below a folder, and the folder if it is a blob of its own."""
        place = self._key(folder)
        found = self._container.list_blobs(name_starts_with=place, include=["metadata"])
        return [
            blob
            for blob in found
            if blob.name.startswith(f"{place}/") or (blob.name == place and _is_folder(blob))
        ]

    def _key(self, name: str) -> str:
        return str(self._prefix / name)


def _client(block: AzureBlobStorageContainer) -> ContainerClient:
    """Make a client with the credentials of a block, whose own clients are for async code only."""
    from azure.identity import ClientSecretCredential, DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    login = block.credentials
    sizes: dict[str, Any] = dict.fromkeys(
        ("max_block_size", "max_single_get_size", "max_chunk_get_size"), _CHUNK_BYTES
    )
    if login.connection_string:
        text = login.connection_string.get_secret_value()
        return ContainerClient.from_connection_string(text, block.container_name, **sizes)
    credential: TokenCredential
    if login.tenant_id and login.client_id and login.client_secret:
        secret = login.client_secret.get_secret_value()
        credential = ClientSecretCredential(login.tenant_id, login.client_id, secret)
    else:
        credential = DefaultAzureCredential()
    return ContainerClient(cast("str", login.account_url), block.container_name, credential, **sizes)


def _is_folder(blob: BlobProperties) -> bool:
    """Whether a blob stands for a folder: Data Lake Storage lists folders as blobs with this metadata."""
    return (blob.metadata or {}).get("hdi_isfolder") == "true"


class _Download(io.RawIOBase):
    """A download as a raw stream of `io`."""

    def __init__(self, downloader: StorageStreamDownloader[bytes]) -> None:
        self._downloader = downloader

    def readable(self) -> bool:
        """Tell `io` that this is a stream to read from."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; read less only at the end."""
        data = self._downloader.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
