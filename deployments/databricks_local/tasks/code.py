"""Finds the code of a task: in the workspace, or in the repository of its run."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from databricks_local.api.errors import ApiError
from databricks_local.execution.task_executor import Code
from databricks_local.files.tree import leads_inside
from databricks_local.files.workspace_files import MAX_NOTEBOOK_BYTES
from databricks_local.git.checkouts import CheckoutError
from databricks_local.jobs.specs import NotebookSpec, ProgramSpec, PythonFileSpec
from databricks_local.runs import states
from databricks_local.runs.drive import Drive
from databricks_local.runs.states import State
from databricks_local.runtime.spark_paths import path_rewriter


async def notebook_code(drive: Drive, body: NotebookSpec) -> Code | State:
    """The code of a notebook task, or the final state of the task if there is none."""
    if body.git:
        try:
            checkout = await drive.checkout.get()
            return Code(checkout.notebook_source(body.path), checkout.directory)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
    try:
        source = await asyncio.to_thread(drive.tools.notebook_source, body.path)
    except ApiError:
        # No notebook can have such a path.
        source = None
    return states.notebook_missing(body.path, drive.run.creator) if source is None else Code(source)


async def program_code(drive: Drive, program: ProgramSpec) -> Code | State:
    """The code of a program, none for an entry point; or the final state of the task if there is none."""
    if not isinstance(program, PythonFileSpec):
        return Code()
    if program.git:
        try:
            checkout = await drive.checkout.get()
            text = await asyncio.to_thread(_text_of, checkout.file(program.path))
            return Code(text, checkout.directory)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
    source = await asyncio.to_thread(drive.tools.python_source, program.path)
    return states.python_file_missing(program.path) if source is None else Code(source)


def python_source(path: str, places: Mapping[str, str]) -> str | None:
    """The text of a Python file or notebook; None if there is none.

    Args:
        path: A path under `/Workspace` or `/Volumes`, or one that begins with `dbfs:/`.
        places: Where these are on disk.
    """
    if not path.isprintable():
        return None
    place = Path(path_rewriter(places)(path))
    # A task could have left a symbolic link that leads elsewhere.
    inside = any(leads_inside(place, Path(root).resolve()) for root in places.values())
    return _text_of(place) if inside and place.is_file() else None


def _text_of(file: Path) -> str:
    """The text of a Python file, which is at most as long as a notebook can be."""
    with file.open("rb") as content:
        return content.read(MAX_NOTEBOOK_BYTES).decode("utf-8", "replace")
