"""The storage in which a run stages files for the cluster: its interface, and the blocks that provide it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import IO, TYPE_CHECKING, Protocol, cast

from databricks_blocks.loading import BlockClass, load_one_of
from databricks_blocks.staging.refusals import ToldRefusals

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from prefect.filesystems import RemoteFileSystem
    from prefect_aws.s3 import S3Bucket
    from prefect_azure.blob_storage import AzureBlobStorageContainer
    from prefect_gcp.cloud_storage import GcsBucket

    from databricks_blocks.workspace.volume import UnityCatalogVolume

STAGING_BLOCK = "staging"
"""Name of the block that the flows use by default."""

STAGING_BLOCKS = {
    "s3-bucket": BlockClass("prefect_aws.s3.S3Bucket"),
    "unity-catalog-volume": BlockClass("databricks_blocks.workspace.volume.UnityCatalogVolume"),
    "remote-file-system": BlockClass("prefect.filesystems.RemoteFileSystem"),
    "gcs-bucket": BlockClass("prefect_gcp.cloud_storage.GcsBucket", extra="gcp"),
    "azure-blob-storage-container": BlockClass(
        "prefect_azure.blob_storage.AzureBlobStorageContainer", extra="azure"
    ),
}
"""The types of blocks that files can be staged in: their classes, by the slug of the type."""


class StagingArea(Protocol):
    """The files below one prefix. A name may have folders in it, which need not be made first.

    Call its methods from a sync task or from plain code: in an async context the methods of some blocks
    return coroutines.
    """

    def uri(self, name: str = "") -> str:
        """URI of a file or folder, as Spark on the cluster reads it."""

    def names(self, folder: str = "") -> list[str]:
        """Names of the files below a folder, relative to the prefix, in order."""

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix, in order.

        Some storages list a folder whose files are gone.
        """

    def written_at(self, name: str) -> datetime:
        """When a file was written, to the second, by the clock of the storage."""

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into a file, without holding all of it in memory.

        The file appears when all of it has arrived. If `write` fails, there is no file.

        Args:
            name: Name of the file below the prefix.
            write: Gets a binary stream to write to, possibly in a thread of its own.

        Returns:
            What `write` returned.
        """

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has, without holding all of it in memory.

        The file appears when all of it has arrived. If reading fails, there is no file, or the one before.

        Args:
            name: Name of the file below the prefix.
            stream: Is read once, from where it is to its end; possibly in another thread.
        """

    def open(self, name: str) -> IO[bytes]:
        """Open a file to be read as a stream."""

    def delete(self, folder: str = "") -> int:
        """Remove every file below a folder, and the parts of uploads that were never completed.

        Returns:
            The number of files removed.
        """


def open_staging(block_name: str, prefix: str) -> StagingArea:
    """Open a prefix of the storage behind a stored block.

    Args:
        block_name: Name of a block of one of the types of `STAGING_BLOCKS`; `TYPE_SLUG/NAME` where several
            types have a block of that name.
        prefix: Prefix of the files; empty for the whole storage of the block.

    Raises:
        BlockNotFound: There is no such block, or there are several.
        BlockTypeNotInstalled: The extra for blocks of this type is not installed.
    """
    return staging_area(load_staging(block_name), prefix)


def load_staging(block_name: str) -> Block:
    """Load the block of a storage.

    Args:
        block_name: As for `open_staging`.

    Raises:
        BlockNotFound: There is no such block, or there are several.
        BlockTypeNotInstalled: The extra for blocks of this type is not installed.
    """
    return load_one_of(STAGING_BLOCKS, block_name)


def staging_area(block: Block, prefix: str) -> StagingArea:
    """Open a prefix of the storage behind a block, in the way of the block's type.

    Its methods raise `StorageRefused` where a retry cannot help.
    """
    return ToldRefusals(_area_of(block, prefix))


def _area_of(block: Block, prefix: str) -> StagingArea:
    match block.get_block_type_slug():
        case "s3-bucket":
            from databricks_blocks.staging.s3 import S3Staging

            return S3Staging(cast("S3Bucket", block), prefix)
        case "unity-catalog-volume":
            from databricks_blocks.staging.volume import VolumeStaging

            return VolumeStaging(cast("UnityCatalogVolume", block), prefix)
        case "remote-file-system":
            from databricks_blocks.staging.remote import RemoteStaging

            return RemoteStaging(cast("RemoteFileSystem", block), prefix)
        case "gcs-bucket":
            from databricks_blocks.staging.gcs import GcsStaging

            return GcsStaging(cast("GcsBucket", block), prefix)
        case "azure-blob-storage-container":
            from databricks_blocks.staging.azure import AzureStaging

            return AzureStaging(cast("AzureBlobStorageContainer", block), prefix)
    raise TypeError(f"Files cannot be staged in a {block.get_block_type_name()} block")
