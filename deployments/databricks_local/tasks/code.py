"""Finds the code of a task: in the workspace, or in the repository of its run."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from databricks_local.api.errors import ApiError, invalid_parameter
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
            text = await asyncio.to_thread(text_of, checkout.file(program.path))
            return Code(text, checkout.directory)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
        except ApiError as error:
            return states.invalid_configuration(error.message)
    try:
        source = await asyncio.to_thread(drive.tools.file_source, program.path)
    except ApiError as error:
        return states.invalid_configuration(error.message)
    return states.python_file_missing(program.path) if source is None else Code(source)


def file_source(path: str, places: Mapping[str, str]) -> str | None:
    """The text of a Python or SQL file, or of a Python notebook; None if there is none.

    Args:
        path: A path under `/Workspace` or `/Volumes`, or one that begins with `dbfs:/`.
        places: Where these are on disk.

    Raises:
        ApiError: If it is too long.
    """
    if not path.isprintable():
        return None
    place = Path(path_rewriter(places)(path))
    # A task could have left a symbolic link that leads elsewhere.
    inside = any(leads_inside(place, Path(root).resolve()) for root in places.values())
    return text_of(place) if inside and place.is_file() else None


def text_of(file: Path) -> str:
    """The text of a file of code, which is at most as long as a notebook can be.

    Raises:
        ApiError: If it is longer: a part of it must not be run.
    """
    with file.open("rb") as content:
        text = content.read(MAX_NOTEBOOK_BYTES + 1)
    if len(text) > MAX_NOTEBOOK_BYTES:
        raise invalid_parameter(f"The file {file.name} is longer than {MAX_NOTEBOOK_BYTES} bytes.")
    # Editors of Windows put a mark of the byte order at the beginning.
    return text.decode("utf-8-sig", "replace")
