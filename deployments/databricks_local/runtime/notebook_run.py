"""One run of a notebook: its cells, one after the other, in one namespace."""

import builtins
import linecache
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from databricks_local.runtime import plots
from databricks_local.runtime.compiling import compiled
from databricks_local.runtime.dbutils.library import Interpreter, PythonRestart
from databricks_local.runtime.dbutils.utilities import DBUtils
from databricks_local.runtime.display import Display, offer_on_frames
from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.magics.fs import run_fs
from databricks_local.runtime.magics.include import (
    FindNotebook,
    NotebookNotFoundError,
    read_include,
    refuse_circle,
    resolve_path,
)
from databricks_local.runtime.magics.ipython import IPythonShell
from databricks_local.runtime.magics.pip import run_pip
from databricks_local.runtime.magics.shell import run_shell
from databricks_local.runtime.magics.sql import bound_parameters, replaced, widget_statement
from databricks_local.runtime.outputs import CellResult, Output, displayed, is_rich, text_stream
from databricks_local.runtime.source import Cell, parse_source, split_statements
from databricks_local.runtime.spark_context import NoSparkContext, SqlContext

REFUSED_LANGUAGES = ("scala", "r")
IPYTHON_NAMES = ("IPython", "get_ipython")
"""A cell that names one of these gets the shell before it runs."""


class UnsupportedMagicError(RuntimeError):
    """Raised when a cell needs something that the local workspace does not serve."""


class NotebookRun:
    """One run of a notebook in its namespace."""

    def __init__(
        self,
        spark: Any,
        dbutils: DBUtils,
        find_notebook: FindNotebook,
        *,
        scratch: Path | None = None,
        echo: bool = False,
    ) -> None:
        """Set up.

        Args:
            spark: The Spark session.
            dbutils: The `dbutils` of the notebook.
            find_notebook: Finds the notebooks that `%run` cells include.
            scratch: A directory for the files of IPython. `None`: a temporary one.
            echo: Whether what cells print goes to the output of this process, too.
        """
        self._echo = echo
        self._spark = spark
        self._dbutils = dbutils
        self._find_notebook = find_notebook
        self._interpreter = Interpreter()
        self._display = Display(self._show)
        self._shell = IPythonShell(scratch, self._show)
        self._shell.magics = {
            "pip": _no_pip,
            "restart_python": self._restart_python,
            # Figures are shown at the end of a cell, whatever the backend.
            "matplotlib": lambda _: None,
        }
        dbutils.data._show_by(self._display.display)
        self._module = self._new_module()
        self._namespace = vars(self._module)
        self._current = CellResult(0, "python", "")
        self._including: list[str] = []
        self.notebooks: set[str] = set()
        self._kinds: dict[str, Callable[[Cell], None]] = {
            "python": self._run_python,
            "sql": self._run_sql,
            "run": self._run_included,
            "sh": run_shell,
            "fs": self._run_fs,
        }

    def offer_pip(self, environment: LibraryEnvironment) -> None:
        """Serve `%pip`, and see what it or another pip installs there."""
        # It is there from the beginning: Python does not look again into a path that was no directory.
        environment.site_packages.mkdir(parents=True, exist_ok=True)
        self._interpreter.add_path(str(environment.site_packages))
        self._shell.magics["pip"] = lambda line: run_pip(line, environment)

    def _show(self, output: Output) -> None:
        self._current.outputs.append(output)

    def _restart_python(self, _: str) -> None:
        self._dbutils.library.restartPython()

    def _new_module(self) -> ModuleType:
        """A module named __main__, so that what a notebook defines can be pickled and inspected."""
        module = ModuleType("__main__")
        names: dict[str, Any] = {
            "__builtins__": builtins,
            "spark": self._spark,
            "dbutils": self._dbutils,
            "display": self._display.display,
            "displayHTML": self._display.html,
            "getArgument": self._dbutils.widgets.getArgument,
            "get_ipython": lambda: self._shell.enter(self._module),
        }
        if self._spark is not None:
            names |= spark_names(self._spark)
            offer_on_frames(self._display.display)
        vars(module).update(names)
        self._shell.given = frozenset(names)
        return module

    @contextmanager
    def as_main_module(self) -> Iterator[None]:
        """Let the namespace be that of `__main__`."""
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self._module
        try:
            yield
        finally:
            self._shell.leave()
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
        """Run a cell; what it prints and shows goes into the outcome."""
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
        handler = self._kinds.get(cell.language)
        if handler is None:
            raise UnsupportedMagicError(_refusal(cell.language))
        try:
            handler(cell)
        except PythonRestart:
            self._restart()

    def _restart(self) -> None:
        """Start again with an empty namespace, for `dbutils.library.restartPython`."""
        self._shell.leave()
        self._interpreter.restart()
        self._module = self._new_module()
        self._namespace = vars(self._module)
        sys.modules["__main__"] = self._module

    @contextmanager
    def _captured(self) -> Iterator[None]:
        before = sys.stdout, sys.stderr
        sys.stdout = text_stream(lambda text: self._print("stdout", text), 1)
        sys.stderr = text_stream(lambda text: self._print("stderr", text), 2)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before

    def _print(self, stream: str, text: str) -> None:
        self._current.add_text(stream, text)
        if self._echo:
            os.write(1 if stream == "stdout" else 2, text.encode("utf-8", "backslashreplace"))

    def _transformed(self, text: str) -> str:
        return str(self._shell.enter(self._module).transform_cell(text))

    def _run_python(self, cell: Cell) -> None:
        if any(name in cell.text for name in IPYTHON_NAMES):
            self._shell.enter(self._module)
        parts = list(compiled(cell, self._including[-1], self._transformed))
        with self._shell.one_cell(cell.text):
            value = self._shell.execute([code for code, _ in parts], self._namespace)
        if parts and parts[-1][1] and value is not None:
            self._show(displayed(value) if is_rich(value) else Output("text", text=repr(value)))

    def _run_sql(self, cell: Cell) -> None:
        frame = None
        for statement in split_statements(cell.script):
            widget = widget_statement(statement)
            if widget is not None:
                self._dbutils.widgets.follow(widget, self._choices)
                continue
            widgets = self._dbutils.widgets.getAll()
            text = replaced(statement, widgets.get, self._configuration)
            parameters = bound_parameters(text, widgets)
            frame = self._spark.sql(text, args=parameters) if parameters else self._spark.sql(text)
        if frame is not None:
            self._namespace["_sqldf"] = frame
            if frame.columns:
                self._display.display(frame)

    def _choices(self, query: str) -> list[str]:
        return [str(row[0]) for row in self._spark.sql(query).collect()]

    def _configuration(self, name: str) -> str | None:
        value = self._spark.conf.get(name, None)
        return None if value is None else str(value)

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


def spark_names(spark: Any) -> dict[str, Any]:
    """What a notebook has of Spark without an import, besides `spark`."""
    names: dict[str, Any] = {"sql": spark.sql, "table": spark.table, "sc": NoSparkContext()}
    functions = sys.modules.get("pyspark.sql.functions")
    if functions is not None:
        names["udf"] = functions.udf
    return {**names, "sqlContext": SqlContext(spark)}


def _no_pip(_: str) -> None:
    raise UnsupportedMagicError("%pip cells are not served by the local workspace yet")


def _refusal(language: str) -> str:
    if language in REFUSED_LANGUAGES:
        return f"%{language} cells cannot be run: the local workspace runs Python and SQL"
    return f"%{language} cells are not served by the local workspace yet"
