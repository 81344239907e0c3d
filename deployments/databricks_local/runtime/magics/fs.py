"""`%fs`: `dbutils.fs` as a command line, such as `%fs ls /Volumes` or `%fs rm -r /tmp/x`."""

import shlex
from typing import Any

from databricks_local.runtime.outputs import Output, table_of
from databricks_local.runtime.source import Cell

COMMANDS = ("cp", "head", "ls", "mkdirs", "mv", "put", "rm")
RECURSIVE = frozenset({"-r", "--recurse", "--recurse=true"})


def run_fs(cell: Cell, utilities: Any) -> Output:
    """Run a `%fs` cell.

    Args:
        cell: The cell.
        utilities: The notebook's `dbutils.fs`.

    Returns:
        A table for `ls`, otherwise the text of the result.

    Raises:
        ValueError: If it is not a command of `dbutils.fs`.
    """
    name, *arguments = shlex.split(cell.script) or [""]
    if name not in COMMANDS:
        raise ValueError(f"%fs has no command {name!r}, only {', '.join(COMMANDS)}")
    options = {"recurse": True} if RECURSIVE.intersection(arguments) else {}
    plain: list[Any] = [argument for argument in arguments if argument not in RECURSIVE]
    if name == "head":
        plain[1:] = [int(size) for size in plain[1:]]
    answer = getattr(utilities, name)(*plain, **options)
    if name == "ls":
        columns = ("path", "name", "size", "modificationTime")
        return table_of(columns, [[getattr(item, column) for column in columns] for item in answer])
    return Output("text", text=str(answer))
