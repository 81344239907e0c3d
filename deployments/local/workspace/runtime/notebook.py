"""Runs a notebook's cells in one namespace."""

import ast
import linecache
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from deployments.local.workspace.runtime import plots
from deployments.local.workspace.runtime.dbutils import DBUtils, NotebookExit
from deployments.local.workspace.runtime.library import Interpreter, PythonRestart
from deployments.local.workspace.runtime.outputs import CellResult, Output, displayed, text_stream
from deployments.local.workspace.runtime.source import (
    Cell,
    NotebookSourceError,
    parse_source,
    split_statements,
)
from deployments.local.workspace.runtime.spark_context import NoSparkContext

OnCell = Callable[[CellResult], None]

_RUNTIME_DIRECTORY = str(Path(__file__).parent)
_HIDDEN_PACKAGES = ("/pyspark/", "/grpc/")
"""Frames of these say nothing about a notebook; tracebacks leave them out, as on Databricks."""


class UnsupportedMagicError(RuntimeError):
    """Raised when a cell needs something that the local workspace does not serve."""


@dataclass
class NotebookResult:
    """How a notebook ended.

    Attributes:
        exit_value: What it gave to `dbutils.notebook.exit`; None if it never called it.
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
) -> NotebookResult:
    """Run a notebook in Databricks source format.

    Args:
        source: The notebook's text.
        parameters: What `dbutils.widgets.get` answers.
        spark: The Spark session that the notebook sees as `spark`. Nothing else is asked of it.
        path: The notebook's path, as tracebacks show it.
        dbutils: What the notebook sees as `dbutils`, if not the one made of the parameters.
        on_cell: Called after each cell, so that output can be followed.

    Returns:
        How it ended. An error in the notebook is in the result, never raised.
    """
    plots.draw_without_screen()
    result = NotebookResult()
    run = _NotebookRun(source, path, spark, dbutils or DBUtils(parameters))
    try:
        cells = parse_source(source)
        with run.as_main_module():
            for cell in cells:
                if cell.language == "md":
                    continue
                outcome = CellResult(len(result.cells), cell.language, cell.text, cell.title)
                result.cells.append(outcome)
                try:
                    run.run_cell(cell, outcome)
                except PythonRestart:
                    run.restart()
                finally:
                    if on_cell is not None:
                        on_cell(outcome)
    except NotebookExit as exit_request:
        result.exit_value = exit_request.value
    except NotebookSourceError as error:
        result.error = result.error_trace = f"{type(error).__name__}: {error}"
    except BaseException as error:  # noqa: BLE001 - the border: whatever a notebook raises is its result
        result.error = error_line(error)
        result.error_trace = run.trace(error)
        if result.cells:
            result.cells[-1].error = result.error
    return result


def error_line(error: BaseException) -> str:
    """The exception as one reads it: the class without its module, and the message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the exception is the notebook's, and so is its faulty __str__
        message = "<exception str() failed>"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


class _NotebookRun:
    """The namespace of one run and what happens in it."""

    def __init__(self, source: str, path: str, spark: Any, dbutils: DBUtils) -> None:
        self._source = source
        self._path = path
        self._spark = spark
        self._dbutils = dbutils
        self._interpreter = Interpreter()
        self._module = self._new_module()
        self._namespace = vars(self._module)
        self._current = CellResult(0, "python", "")
        self._magics: dict[str, Callable[[Cell], None]] = {"python": self._run_python, "sql": self._run_sql}

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

    def restart(self) -> None:
        """Begin with an empty namespace, as `dbutils.library.restartPython` asks."""
        self._interpreter.restart()
        self._module = self._new_module()
        self._namespace = vars(self._module)
        sys.modules["__main__"] = self._module

    @contextmanager
    def as_main_module(self) -> Iterator[None]:
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self._module
        lines = self._source.replace("\r\n", "\n").splitlines(keepends=True)
        linecache.cache[self._path] = (len(self._source), None, lines, self._path)
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    def run_cell(self, cell: Cell, outcome: CellResult) -> None:
        handler = self._magics.get(cell.language)
        if handler is None:
            raise UnsupportedMagicError(f"%{cell.language} cells are not served by the local workspace yet")
        self._current = outcome
        started = time.monotonic()
        try:
            with self._captured():
                try:
                    handler(cell)
                finally:
                    outcome.outputs.extend(plots.take_open_figures())
        finally:
            outcome.seconds = time.monotonic() - started

    def trace(self, error: BaseException) -> str:
        report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
        self._cut(report, set())
        text = "".join(report.format()).rstrip("\n")
        # A traceback names exceptions by module; `error` and Databricks do not.
        qualified = f"{type(error).__module__}.{type(error).__qualname__}"
        return text.replace(f"\n{qualified}", f"\n{type(error).__name__}")

    def _cut(self, report: traceback.TracebackException, seen: set[int]) -> None:
        """Drop the frames that are not the notebook's or its libraries', in chained exceptions too."""
        if id(report) in seen:
            return
        seen.add(id(report))
        own = [frame for frame in report.stack if self._belongs(frame.filename)]
        report.stack = traceback.StackSummary.from_list(own)
        for chained in (report.__cause__, report.__context__):
            if chained is not None:
                self._cut(chained, seen)

    def _belongs(self, filename: str) -> bool:
        if filename == self._path:
            return True
        hidden = any(package in filename for package in _HIDDEN_PACKAGES)
        return not hidden and not filename.startswith((_RUNTIME_DIRECTORY, "<frozen"))

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
        for code, shown in self._compile(cell):
            if shown:
                value = eval(code, self._namespace)  # noqa: S307 - running the notebook is the purpose
                if value is not None:
                    self._current.outputs.append(Output("text", text=repr(value)))
            else:
                exec(code, self._namespace)  # noqa: S102 - running the notebook is the purpose

    def _compile(self, cell: Cell) -> Iterator[tuple[CodeType, bool]]:
        """The cell's statements, and apart from them the expression at its end, whose value is shown."""
        # Blank lines before the cell, so that line numbers are those of the whole notebook.
        tree = ast.parse("\n" * (cell.first_line - 1) + cell.text, self._path)
        last = tree.body[-1] if tree.body else None
        shown = isinstance(last, ast.Expr) and not cell.text.rstrip().endswith(";")
        body = tree.body[:-1] if shown else tree.body
        if body:
            yield compile(ast.Module(body, tree.type_ignores), self._path, "exec", dont_inherit=True), False
        if shown and isinstance(last, ast.Expr):
            yield compile(ast.Expression(last.value), self._path, "eval", dont_inherit=True), True

    def _run_sql(self, cell: Cell) -> None:
        frame = None
        for statement in split_statements(f"{cell.argument}\n{cell.text}"):
            frame = self._spark.sql(statement)
        if frame is not None:
            self._namespace["_sqldf"] = frame
            if frame.columns:
                self._display(frame)

    def _display(self, value: Any, *_: Any, **__: Any) -> None:
        figure = plots.figure_of(value)
        if figure is None:
            self._current.outputs.append(displayed(value))
        else:
            self._current.outputs.append(plots.image_of(figure))
            plots.close(figure)

    def _display_html(self, html: str) -> None:
        self._current.outputs.append(Output("html", text=str(html)))
