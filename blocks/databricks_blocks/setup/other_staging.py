"""The settings of storages other than a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from databricks_blocks.setup.settings import BlockSettings, WorkspaceLogin

if TYPE_CHECKING:
    from prefect.blocks.core import Block


class VolumeSettings(WorkspaceLogin):
    """The Unity Catalog volume that files are staged in, and the workspace through which it is reached."""

    kind = "Unity Catalog Volume"
    chosen_by = "STAGING_VOLUME"
    path: str = Field(alias="STAGING_VOLUME", pattern=r"^/Volumes(/[^/]+){3,}/?$")

    def block(self) -> Block:
        """Make the block, without saving it."""
        from databricks_blocks.workspace.volume import UnityCatalogVolume

        return UnityCatalogVolume(workspace=self.workspace(), path=self.path)


class RemoteSettings(BlockSettings):
    """The URL of a storage that fsspec has a file system for.

    Logins come from the environment of the file system, because the block shows its settings to everybody.
    """

    kind = "Remote File System"
    chosen_by = "STAGING_URL"
    url: str = Field(alias="STAGING_URL", pattern=r"^[a-z0-9]+://.+$")

    def block(self) -> Block:
        """Make the block, without saving it."""
        from prefect.filesystems import RemoteFileSystem

        return RemoteFileSystem(basepath=self.url)
