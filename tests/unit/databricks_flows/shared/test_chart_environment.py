"""The process that draws the chart gets no login of the worker."""

from __future__ import annotations

from databricks_flows.shared.chart_process import chart_environment
from databricks_local.execution import environment


def test_the_process_gets_what_it_needs_to_draw_and_no_secret() -> None:
    needed = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "MPLCONFIGDIR": "/m", "PYTHONPATH": "/p"}
    secrets = ("PGPASSWORD", "DATABRICKS_TOKEN", "PREFECT_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_SECRET")
    assert chart_environment({**needed, **dict.fromkeys(secrets, "canary")}) == needed


def test_the_process_gets_what_every_process_needs_on_every_system() -> None:
    patterns = f"{environment.SYSTEM} {environment.PYTHON} {environment.COMPUTING}".split()
    needed = dict.fromkeys((pattern.replace("*", "X") for pattern in patterns), "x")
    assert chart_environment(needed) == needed
    # Without these, Python does not start on Windows, or Matplotlib finds no home.
    for name in ("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PATHEXT", "COMSPEC"):
        assert name in needed
