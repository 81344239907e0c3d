"""Runs the examples of docstrings."""

from __future__ import annotations

import doctest
import inspect


def run_examples(documented: object, name: str) -> None:
    """Run the examples in the docstring of a class, function, flow or module, and fail if one does."""
    docstring = inspect.getdoc(documented) or ""
    test = doctest.DocTestParser().get_doctest(docstring, {}, name, None, None)
    assert "Examples:" in docstring, f"{name} has no section Examples"
    assert test.examples, f"{name} has no example that begins with >>>"
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(test, out=report.append)
    assert not report, "".join(report)
