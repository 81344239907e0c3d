"""How the notebooks of the pipelines that ship speak: through the folder that the workspace's block names."""

from __future__ import annotations

import asyncio

from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.workspace.block import load_workspace


async def pipes_of(workspace: str) -> Pipes | None:
    """Find out how notebooks speak in a workspace.

    Args:
        workspace: Name of the Databricks Workspace block; empty: the workspace of the environment.

    Returns:
        The pipes; `None`: the block names no folder, or there is no block, so notebooks are silent.

    Raises:
        ValueError: There is no such block.
    """
    if not workspace:
        return None
    block = await asyncio.to_thread(load_workspace, workspace)
    return Pipes.through(block.pipes_folder) if block.pipes_folder else None
