"""What runs inside a task process: the notebook, its `dbutils`, its output.

Nothing here knows the server, and importing it needs the standard library alone, so a test can run a notebook
file against any Spark session:

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
