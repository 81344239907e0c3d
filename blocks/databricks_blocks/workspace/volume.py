"""A Unity Catalog volume as a Prefect block."""

from __future__ import annotations

import re

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, field_validator

from databricks_blocks.workspace.block import DatabricksWorkspace

_VOLUME_PATH = re.compile(r"/Volumes(/[^/]+){3,}")


class UnityCatalogVolume(Block):
    """A Unity Catalog volume, or a folder of one, and the workspace through which it is reached.

    Attributes:
        workspace: The workspace.
        path: `/Volumes/CATALOG/SCHEMA/VOLUME`, with or without a folder behind it.

    Examples:
        ```python
        from databricks_blocks import DatabricksWorkspace, UnityCatalogVolume

        workspace = DatabricksWorkspace.load("BLOCK_NAME")
        volume = UnityCatalogVolume(workspace=workspace, path="/Volumes/main/default/staging/")
        print(volume.path)
        ```
    """

    _block_type_name = "Unity Catalog Volume"
    _block_type_slug = "unity-catalog-volume"
    _documentation_url = HttpUrl("https://docs.databricks.com/aws/en/volumes/")

    workspace: DatabricksWorkspace = Field(description="The workspace through which files are sent.")
    path: str = Field(
        description="Path of the volume, with or without a folder.",
        examples=["/Volumes/main/default/staging"],
    )

    @field_validator("path")
    @classmethod
    def _is_in_a_volume(cls, path: str) -> str:
        path = path.rstrip("/")
        if not _VOLUME_PATH.fullmatch(path):
            raise ValueError("a volume has the form /Volumes/CATALOG/SCHEMA/VOLUME")
        return path
