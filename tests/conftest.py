"""What all tests share. No test touches the Prefect profile of who runs them, or an ephemeral server."""

from __future__ import annotations

import os
import sys
import tempfile

import pytest
import xdist.remote

# Tests start hundreds of processes, and each would compile everything where Python may write no byte code.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Before anything imports Prefect, which reads its settings once.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-home-")
os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
for variable in [name for name in os.environ if name.startswith(("DATABRICKS_", "AWS_"))]:
    del os.environ[variable]

# PySpark takes a main module without a file, as that of a worker of xdist is, for a doctest of its own.
if not hasattr(main := sys.modules["__main__"], "__file__"):
    main.__file__ = xdist.remote.__file__


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines that tests wrote down for people, by `record_property("line", ...)`."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    ended = [report for report in reports if getattr(report, "when", "") == "teardown"]
    for name, text in [one for report in ended for one in report.user_properties]:
        if name == "line":
            terminalreporter.write_line(text)
