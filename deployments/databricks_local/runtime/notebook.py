"""Runs a notebook's cells in one namespace."""

import linecache
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from databricks_local.runtime import plots
from databricks_local.runtime.compiling import compiled
from databricks_local.runtime.dbutils.library import Interpreter, PythonRestart
from databricks_local.runtime.dbutils.utilities import DBUtils, NotebookExit
from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.magics.fs import run_fs
from databricks_local.runtime.magics.include import (
    FindNotebook,
    NotebookNotFoundError,
    read_include,
    refuse_circle,
    resolve_path,
)
from databricks_local.runtime.magics.pip import run_pip_cell
from databricks_local.runtime.magics.shell import run_shell
from databricks_local.runtime.outputs import CellResult, Output, displayed, text_stream
from databricks_local.runtime.source import Cell, NotebookSourceError, parse_source, split_statements
from databricks_local.runtime.spark_context import NoSparkContext
from databricks_local.runtime.traces import error_line, trace_of

OnCell = Callable[[CellResult], None]

REFUSED_LANGUAGES = ("scala", "r")


class UnsupportedMagicError(RuntimeError):
    """Raised when a cell needs something that the local workspace does not serve."""


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

    Returns:
        How it ended. An error in the notebook is in the result, never raised.
    """
    plots.draw_without_screen()
    result = NotebookResult()
    run = _NotebookRun(spark, dbutils or DBUtils(parameters), find_notebook)
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
        result.error = error_line(error)
        result.error_trace = trace_of(error, run.notebooks)
        if result.cells:
            result.cells[-1].error = result.error
    return result


class _NotebookRun:
    """One run of a notebook in its namespace."""

    def __init__(self, spark: Any, dbutils: DBUtils, find_notebook: FindNotebook) -> None:
        self._spark = spark
        self._dbutils = dbutils
        self._find_notebook = find_notebook
        self._interpreter = Interpreter()
        self._module = self._new_module()
        self._namespace = vars(self._module)
        self._current = CellResult(0, "python", "")
        self._including: list[str] = []
        self.notebooks: set[str] = set()
        self._magics: dict[str, Callable[[Cell], None]] = {
            "python": self._run_python,
            "sql": self._run_sql,
            "run": self._run_included,
            "sh": run_shell,
            "fs": self._run_fs,
        }

    def offer_pip(self, environment: LibraryEnvironment) -> None:
        """Serve %pip cells."""
        self._magics["pip"] = lambda cell: run_pip_cell(cell, environment, self._interpreter)

    def _new_module(self) -> ModuleType:
        """A module named __main__, so that what a notebook defines can be pickled and inspected."""
        module = ModuleType("__main__")
        vars(module).update(
            spark=self._spark,
            dbutils=self._dbutils,
            display=self._display,
            displayHTML=self._display_html,
        )
        if self._spark is not None:
            vars(module).update(sql=self._spark.sql, table=self._spark.table, sc=NoSparkContext())
        return module

    @contextmanager
    def as_main_module(self) -> Iterator[None]:
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self._module
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    @contextmanager
    def inside(self, path: str, source: str) -> Iterator[list[Cell]]:
        """Enter a notebook, the main one or an included one; gives the cells to run."""
        lines = source.replace("\r\n", "\n").splitlines(keepends=True)
        linecache.cache[path] = (len(source), None, lines, path)
        self.notebooks.add(path)
        self._including.append(path)
        try:
            yield [cell for cell in parse_source(source) if cell.language != "md"]
        finally:
            self._including.pop()

    def run_cell(self, cell: Cell, outcome: CellResult) -> None:
        self._current = outcome
        started = time.monotonic()
        try:
            with self._captured():
                try:
                    self._handle(cell)
                finally:
                    outcome.outputs.extend(plots.take_open_figures())
        finally:
            outcome.settle()
            outcome.seconds = time.monotonic() - started

    def _handle(self, cell: Cell) -> None:
        handler = self._magics.get(cell.language)
        if handler is None:
            raise UnsupportedMagicError(_refusal(cell.language))
        try:
            handler(cell)
        except PythonRestart:
            self._restart()

    def _restart(self) -> None:
        """Start again with an empty namespace, for `dbutils.library.restartPython`."""
        self._interpreter.restart()
        self._module = self._new_module()
        self._namespace = vars(self._module)
        sys.modules["__main__"] = self._module

    @contextmanager
    def _captured(self) -> Iterator[None]:
        before = sys.stdout, sys.stderr
        sys.stdout = text_stream(lambda text: self._current.add_text("stdout", text), 1)
        sys.stderr = text_stream(lambda text: self._current.add_text("stderr", text), 2)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before

    def _run_python(self, cell: Cell) -> None:
        for code, shown in compiled(cell, self._including[-1]):
            if shown:
                value = eval(code, self._namespace)  # noqa: S307 - running the notebook is the purpose
                if value is not None:
                    self._current.outputs.append(Output("text", text=repr(value)))
            else:
                exec(code, self._namespace)  # noqa: S102 - running the notebook is the purpose

    def _run_sql(self, cell: Cell) -> None:
        frame = None
        for statement in split_statements(cell.script):
            frame = self._spark.sql(statement)
        if frame is not None:
            self._namespace["_sqldf"] = frame
            if frame.columns:
                self._display(frame)

    def _run_included(self, cell: Cell) -> None:
        """Run another notebook's cells in this namespace; its output is that of the `%run` cell.

        Since they run inline, `dbutils.notebook.exit` in one of them ends the whole run.
        """
        include = read_include(cell)
        path = resolve_path(include.path, self._including[-1])
        refuse_circle(path, self._including)
        source = self._find_notebook(path)
        if source is None:
            raise NotebookNotFoundError(path)
        with self._dbutils.widgets.given(include.parameters), self.inside(path, source) as cells:
            for each in cells:
                self._handle(each)

    def _run_fs(self, cell: Cell) -> None:
        self._current.outputs.append(run_fs(cell, self._dbutils.fs))

    def _display(self, value: Any, *_: Any, **__: Any) -> None:
        figure = plots.figure_of(value)
        if figure is None:
            self._current.outputs.append(displayed(value))
        else:
            self._current.outputs.append(plots.image_of(figure))
            plots.close(figure)

    def _display_html(self, html: str) -> None:
        self._current.outputs.append(Output("html", text=str(html)))


def _refusal(language: str) -> str:
    if language in REFUSED_LANGUAGES:
        return f"%{language} cells cannot be run: the local workspace runs Python and SQL"
    return f"%{language} cells are not served by the local workspace yet"
