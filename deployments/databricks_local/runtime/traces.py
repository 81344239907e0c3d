"""Formats the exception that ended a notebook."""

import traceback
from collections.abc import Collection
from pathlib import Path

_RUNTIME_DIRECTORY = str(Path(__file__).parent)
JVM_TRACE = "\n\nJVM stacktrace:"
_HIDDEN_PACKAGES = ("/pyspark/", "/grpc/", "/IPython/", "/asyncio/")
"""Frames of these say nothing about a notebook; tracebacks leave them out, as on Databricks."""


def error_line(error: BaseException) -> str:
    """The exception in one line: the class without its module, and the message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the exception is the notebook's, and so is its faulty __str__
        message = "<exception str() failed>"
    # Of Spark's errors the rest is in the trace.
    message = message.partition(JVM_TRACE)[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def trace_of(error: BaseException, notebooks: Collection[str]) -> str:
    """The traceback of an exception, cut to the frames of notebooks and of what they import.

    Args:
        error: The exception.
        notebooks: The paths of the notebooks, which are the file names of their frames.
    """
    report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    _cut(report, notebooks, set())
    text = "".join(report.format()).rstrip("\n")
    # A traceback names exceptions by module; `error` and Databricks do not.
    qualified = f"{type(error).__module__}.{type(error).__qualname__}"
    return text.replace(f"\n{qualified}", f"\n{type(error).__name__}")


def _cut(report: traceback.TracebackException, notebooks: Collection[str], seen: set[int]) -> None:
    """Keep the frames of notebooks and their libraries, in chained exceptions, too."""
    if id(report) in seen:
        return
    seen.add(id(report))
    own = [frame for frame in report.stack if _belongs(frame.filename, notebooks)]
    report.stack = traceback.StackSummary.from_list(own)
    for chained in (report.__cause__, report.__context__):
        if chained is not None:
            _cut(chained, notebooks, seen)


def _belongs(filename: str, notebooks: Collection[str]) -> bool:
    if filename in notebooks:
        return True
    hidden = any(package in filename for package in _HIDDEN_PACKAGES)
    return not hidden and not filename.startswith((_RUNTIME_DIRECTORY, "<frozen"))
