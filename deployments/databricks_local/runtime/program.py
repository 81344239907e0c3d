"""Runs a program: a Python file, or the entry point of an installed package."""

import atexit
import importlib
import linecache
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from databricks_local.runtime.apache_spark.hints import explain_spark
from databricks_local.runtime.imports.packages import explain
from databricks_local.runtime.notebook import NotebookResult
from databricks_local.runtime.traces import error_line

_RUNTIME_DIRECTORY = str(Path(__file__).parent)


def run_python_file(source: str, path: str, place: str, arguments: Sequence[str]) -> NotebookResult:
    """Run the text of a Python file as `__main__`.

    Args:
        source: The text.
        path: Its path in the workspace.
        place: Its path for this process; modules beside it can be imported.
        arguments: Its command line.
    """
    module = ModuleType("__main__")
    module.__file__ = place
    sys.modules["__main__"] = module
    sys.path.insert(0, str(Path(place).parent))
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)

    def execute() -> None:
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the purpose

    return _run(execute, path, arguments)


def run_entry_point(package: str, name: str, arguments: Sequence[str]) -> NotebookResult:
    """Call an entry point of a package.

    Args:
        package: The name of the package.
        name: The entry point as its metadata has it, or a function of the package (docs: python_wheel_task).
        arguments: Its command line.
    """

    def execute() -> None:
        _entry_point(package, name)()

    return _run(execute, package, arguments)


def _entry_point(package: str, name: str) -> Callable[[], Any]:
    try:
        points = [point for point in metadata.distribution(package).entry_points if point.name == name]
    except metadata.PackageNotFoundError:
        points = []
    if points:
        return points[0].load()  # type: ignore[no-any-return]
    return getattr(importlib.import_module(package), name)  # type: ignore[no-any-return]


def _run(execute: Callable[[], None], name: str, arguments: Sequence[str]) -> NotebookResult:
    sys.argv[:] = [name, *arguments]
    for stream in (sys.stdout, sys.stderr):
        # So that nothing is lost if the process is killed, and both streams stay in order.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    result = NotebookResult()
    sys.excepthook = _show_trace
    try:
        execute()
    except BaseException as error:  # noqa: BLE001 - the border: whatever a program raises is its result
        if not (isinstance(error, SystemExit) and error.code in (None, 0)):
            explain(error)
            explain_spark(error)
            result.error = error_line(error)
            result.error_trace = _trace(error)
            _show(error)
    # The process is killed in the end, but to the program it is the end of any Python.
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return result


def _show(error: BaseException) -> None:
    """Show an error as Python does at the end of a program: by the hook, which the program may have set."""
    # Python asks no hook about an exit.
    hook = _show_trace if isinstance(error, SystemExit) else sys.excepthook
    try:
        hook(type(error), error, error.__traceback__)
    except Exception:  # noqa: BLE001 - the border: what a hook raises is shown besides
        traceback.print_exc()


def _show_trace(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    sys.stderr.write(f"{_trace(error)}\n")


def _trace(error: BaseException) -> str:
    """The traceback from the program's first frame on."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and _is_ours(frame.tb_frame.f_code.co_filename):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame)).rstrip("\n")


def _is_ours(filename: str) -> bool:
    return filename.startswith((_RUNTIME_DIRECTORY, "<frozen"))
