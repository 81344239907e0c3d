"""Runs a notebook's cells in one namespace."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.runtime import plots
from databricks_local.runtime.apache_spark.hints import explain_spark
from databricks_local.runtime.dbutils.utilities import DBUtils, NotebookExit
from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.imports.packages import explain
from databricks_local.runtime.magics.include import FindNotebook
from databricks_local.runtime.notebook_run import NotebookRun
from databricks_local.runtime.outputs import CellResult
from databricks_local.runtime.source import NotebookSourceError
from databricks_local.runtime.traces import error_line, trace_of

OnCell = Callable[[CellResult], None]


@dataclass
class NotebookResult:
    """How a notebook ended.

    Attributes:
        exit_value: The value of `dbutils.notebook.exit`; None if it was not called.
        error: The last line of the exception that ended it, as `RuntimeError: message`; empty on success.
        error_trace: The traceback, cut to the notebook's own frames; empty on success.
        cells: The cells that ran, with their output.
    """

    exit_value: str | None = None
    error: str = ""
    error_trace: str = ""
    cells: list[CellResult] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether the notebook ran to its end, or ended itself with a value."""
        return not self.error


def run_notebook(
    source: str,
    parameters: dict[str, str],
    spark: Any,
    path: str = "/notebook",
    *,
    dbutils: DBUtils | None = None,
    on_cell: OnCell | None = None,
    libraries: LibraryEnvironment | None = None,
    find_notebook: FindNotebook = lambda _: None,
    scratch: Path | None = None,
    echo: bool = False,
) -> NotebookResult:
    """Run a notebook in Databricks source format.

    Args:
        source: The notebook's text.
        parameters: The values of `dbutils.widgets.get`.
        spark: The Spark session that the notebook sees as `spark`.
        path: The notebook's path, as tracebacks show it.
        dbutils: The `dbutils` of the notebook. `None`: a new one with the parameters.
        on_cell: Called after each cell, so that output can be followed.
        libraries: Where %pip installs to. `None`: %pip is refused.
        find_notebook: Finds the notebooks that `%run` cells include.
        scratch: A directory for the files of IPython. `None`: a temporary one.
        echo: Whether what cells print goes to the output of this process, too.

    Returns:
        How it ended. An error in the notebook is in the result, never raised.
    """
    plots.draw_without_screen()
    result = NotebookResult()
    run = NotebookRun(spark, dbutils or DBUtils(parameters), find_notebook, scratch=scratch, echo=echo)
    if libraries is not None:
        run.offer_pip(libraries)
    try:
        with run.as_main_module(), run.inside(path, source) as cells:
            for cell in cells:
                outcome = CellResult(len(result.cells), cell.language, cell.script, cell.title)
                result.cells.append(outcome)
                try:
                    run.run_cell(cell, outcome)
                finally:
                    if on_cell is not None:
                        on_cell(outcome)
    except NotebookExit as exit_request:
        result.exit_value = exit_request.value
    except NotebookSourceError as error:
        result.error = result.error_trace = f"{type(error).__name__}: {error}"
    except BaseException as error:  # noqa: BLE001 - the border: whatever a notebook raises is its result
        explain(error)
        explain_spark(error)
        result.error = error_line(error)
        result.error_trace = trace_of(error, run.notebooks)
        if result.cells:
            result.cells[-1].error = result.error
    return result
