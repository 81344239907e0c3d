"""Brings the notebooks of the package into a workspace, with the module that they import."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from databricks_blocks.workspace.api_errors import api_errors

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_FIRST_LINE = b"# Databricks notebook source"
_HELPER = "databricks_pipes"
Change = Literal["created", "updated", "unchanged", "deleted"]


@dataclass(frozen=True)
class NotebookChange:
    """What was done with a notebook, or with the module beside them.

    Attributes:
        path: Path in the workspace.
        change: What was done.
    """

    path: str
    change: Change


def import_notebooks(
    client: WorkspaceClient, directory: str, sources: Mapping[str, bytes] | None = None
) -> list[NotebookChange]:
    """Import the notebooks that a folder of the workspace lacks, or holds with another source.

    Args:
        client: SDK client of the workspace.
        directory: Absolute path of the folder; it is made if it is not there.
        sources: Source by name, without extension; those of the package by default, and `databricks_pipes.py`
            beside them.

    Raises:
        DatabricksJobError: The workspace refuses it, or does not answer.
    """
    wanted = packaged_sources() if sources is None else sources
    with api_errors(client.config.host, f"the import of notebooks into {directory}"):
        there = _objects_there(client, directory)
        return [
            NotebookChange(path, _bring(client, path, source, exists=path in there))
            for name, source in sorted(wanted.items())
            for path in [f"{directory.rstrip('/')}/{name}"]
        ]


def make_volume(client: WorkspaceClient, names: tuple[str, str, str]) -> None:
    """Make a volume that may be there already.

    Args:
        client: SDK client of the workspace.
        names: Its catalog, schema and name.

    Raises:
        DatabricksJobError: The workspace refuses it, or does not answer.
    """
    from databricks.sdk.errors import ResourceAlreadyExists
    from databricks.sdk.service.catalog import VolumeType

    with (
        api_errors(client.config.host, f"making the volume {'.'.join(names)}"),
        suppress(ResourceAlreadyExists),
    ):
        client.volumes.create(*names, VolumeType.MANAGED)


def packaged_notebooks() -> dict[str, bytes]:
    """Read the notebooks that come with the package: source by name, without extension."""
    sources = {
        entry.name.removesuffix(".py"): entry.read_bytes()
        for entry in _notebook_directory().iterdir()
        if entry.name.endswith(".py")
    }
    return {name: source for name, source in sources.items() if source.startswith(_FIRST_LINE)}


def packaged_sources() -> dict[str, bytes]:
    """Read what goes into a workspace: the notebooks, and the file by which they speak to a flow."""
    found = find_spec(_HELPER)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{_HELPER} is a part of this package, and not there", name=_HELPER)
    return {**packaged_notebooks(), f"{_HELPER}.py": Path(found.origin).read_bytes()}


def _notebook_directory() -> Path:
    """Where the notebooks are: in the installed package, or beside it in a checkout."""
    installed = Path(__file__).parent / "resources" / "notebooks"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "notebooks"


def same_source(one: bytes, other: bytes) -> bool:
    """Whether two sources are the same notebook.

    The end of the file does not count: a workspace does not keep the last line break
    (databricks/databricks-cli#117).
    """
    return one.rstrip().splitlines() == other.rstrip().splitlines()


def _objects_there(client: WorkspaceClient, directory: str) -> set[str]:
    """Paths of the notebooks and files of a folder; the folder is made if it is not there."""
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.workspace import ObjectType

    try:
        found = list(client.workspace.list(directory))
    except NotFound:
        client.workspace.mkdirs(directory)
        return set()
    kinds = (ObjectType.NOTEBOOK, ObjectType.FILE)
    return {item.path for item in found if item.path and item.object_type in kinds}


def _bring(client: WorkspaceClient, path: str, source: bytes, *, exists: bool) -> Change:
    from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

    is_notebook = source.startswith(_FIRST_LINE)
    if exists:
        form = ExportFormat.SOURCE if is_notebook else ExportFormat.AUTO
        exported = client.workspace.export(path, format=form).content or ""
        if same_source(b64decode(exported), source):
            return "unchanged"
    client.workspace.import_(
        path,
        content=b64encode(source).decode(),
        # By its extension and first line, the module is a file.
        format=ImportFormat.SOURCE if is_notebook else ImportFormat.AUTO,
        language=Language.PYTHON if is_notebook else None,
        overwrite=True,
    )
    return "updated" if exists else "created"
