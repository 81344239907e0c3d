"""Runs notebooks: their cells, `dbutils` and output, inside of the process of a task.

It does not know the server and needs only the standard library, so that a test can run a notebook file
against any Spark session:

    from databricks_local.runtime import run_notebook

    result = run_notebook(source, {"country": "Switzerland"}, spark)
"""

from databricks_local.runtime.notebook import NotebookResult, run_notebook
from databricks_local.runtime.outputs import CellResult, Output
from databricks_local.runtime.source import Cell, NotebookSourceError, parse_source

__all__ = [
    "Cell",
    "CellResult",
    "NotebookResult",
    "NotebookSourceError",
    "Output",
    "parse_source",
    "run_notebook",
]
