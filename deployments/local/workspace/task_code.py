"""Finds what a task executes: in the workspace, or in the repository of its run."""

from deployments.local.workspace import states
from deployments.local.workspace.checkouts import CheckoutError
from deployments.local.workspace.drive import Drive
from deployments.local.workspace.execution import Code
from deployments.local.workspace.models import NotebookSpec
from deployments.local.workspace.programs import ProgramSpec, PythonFileSpec
from deployments.local.workspace.states import State


async def notebook_code(drive: Drive, body: NotebookSpec) -> Code | State:
    """The code of a notebook task, or how the task ends without."""
    if body.git:
        try:
            checkout = await drive.checkout.get()
            return Code(checkout.notebook_source(body.path), checkout.directory)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
    source = drive.tools.notebook_source(body.path)
    return states.notebook_missing(body.path, drive.run.creator) if source is None else Code(source)


async def program_code(drive: Drive, program: ProgramSpec) -> Code | State:
    """The code of a program, none for an entry point; or how the task ends without."""
    if not isinstance(program, PythonFileSpec):
        return Code()
    if program.git:
        try:
            checkout = await drive.checkout.get()
            text = checkout.file(program.path).read_text(encoding="utf-8", errors="replace")
            return Code(text, checkout.directory)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
    source = drive.tools.python_source(program.path)
    return states.python_file_missing(program.path) if source is None else Code(source)
