"""`%run`: reads which notebook a cell includes, and its parameters. Pure."""

import posixpath
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from databricks_local.runtime.dbutils.filesystem import in_workspace
from databricks_local.runtime.source import Cell

FindNotebook = Callable[[str], str | None]
"""Finds the source of a notebook by its path; None if there is none."""

_PARAMETERS = re.compile(r"""\s+(?=\$[\w.\-]+\s*=)""")
_PARAMETER = re.compile(r"""\$(?P<name>[\w.\-]+)\s*=\s*(?P<value>.*)""", re.DOTALL)


class IncludeError(Exception):
    """Raised when a `%run` cell cannot be followed."""


class NotebookNotFoundError(Exception):
    """Raised when there is no notebook where a `%run` cell looks for it."""

    def __init__(self, path: str) -> None:
        # The words are the real one's, as quoted in notebooks that met them; there is no slash in front.
        super().__init__(
            f"Notebook not found: {path.lstrip('/')}. Notebooks can be specified via a relative path "
            "(./Notebook or ../folder/Notebook) or via an absolute path (/Abs/Path/to/Notebook). "
            "Make sure you are specifying the path correctly."
        )


@dataclass(frozen=True)
class Include:
    """The content of a `%run` cell.

    Attributes:
        path: The notebook, as the cell names it.
        parameters: The values of its widgets.
    """

    path: str
    parameters: dict[str, str] = field(default_factory=dict)


def read_include(cell: Cell) -> Include:
    """Read a cell such as `%run ./setup $country="Chile" $year="2020"`.

    Raises:
        IncludeError: If it names no notebook, or holds anything else.
    """
    if any(line.strip() and not line.lstrip().startswith("#") for line in cell.text.splitlines()):
        # Docs: "%run must be in a cell by itself, because it runs the entire notebook inline".
        raise IncludeError("%run must be in a cell by itself.")
    path, *assignments = _PARAMETERS.split(cell.argument)
    parameters = {}
    for assignment in assignments:
        match = _PARAMETER.fullmatch(assignment)
        if match is None:
            raise IncludeError(f"%run cannot read the parameter {assignment}")
        parameters[match["name"]] = _unquoted(match["value"])
    path = _unquoted(path)
    if not path:
        raise IncludeError("%run needs the path of a notebook, as in %run ./setup")
    return Include(path, parameters)


def resolve_path(path: str, including: str) -> str:
    """The absolute path of a notebook. Relative paths begin at the folder of the including notebook."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(including), path))


def refuse_circle(path: str, including: Sequence[str]) -> None:
    """Refuse to include a notebook that is being run already.

    Args:
        path: The notebook to include.
        including: The notebooks that are being run, the outermost first.

    Raises:
        IncludeError: If it is among them.
    """
    bare = [in_workspace(each) for each in including]
    if in_workspace(path) in bare:
        circle = [*including[bare.index(in_workspace(path)) :], path]
        raise IncludeError(f"%run goes in a circle: {' -> '.join(circle)}")


def _unquoted(text: str) -> str:
    """The text without its quotes; one without quotes may hold spaces, as the names of notebooks do."""
    text = text.strip()
    if text[:1] not in ("'", '"'):
        return text
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise IncludeError(f"%run cannot read {text}: {error}") from error
    if len(words) != 1:
        raise IncludeError(f"%run cannot read {text}: there is more after the closing quote")
    return words[0]
