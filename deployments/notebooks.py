"""Brings the notebooks of the package into a workspace."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_FIRST_LINE = "# Databricks notebook source"


def import_notebooks(client: WorkspaceClient, directory: str) -> list[str]:
    """Import every notebook of the package into a folder of the workspace, over what is there.

    Args:
        client: SDK client of the workspace.
        directory: Absolute path of the folder; it is made if it is not there.

    Returns:
        The paths of the notebooks.
    """
    from databricks.sdk.service.workspace import ImportFormat, Language

    client.workspace.mkdirs(directory)
    paths = []
    for name, source in sorted(packaged_notebooks().items()):
        path = f"{directory.rstrip('/')}/{name}"
        client.workspace.import_(
            path,
            content=b64encode(source).decode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )
        paths.append(path)
    return paths


def packaged_notebooks() -> dict[str, bytes]:
    """Read the notebooks that come with the package: source by name, without extension."""
    sources = {
        entry.name.removesuffix(".py"): entry.read_bytes()
        for entry in files("notebooks").iterdir()
        if entry.name.endswith(".py")
    }
    return {name: source for name, source in sources.items() if source.startswith(_FIRST_LINE.encode())}
