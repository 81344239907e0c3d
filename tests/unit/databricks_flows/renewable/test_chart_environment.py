"""The process that draws the chart gets no login of the worker."""

from __future__ import annotations

from databricks_flows.renewable.chart_process import chart_environment


def test_the_process_gets_what_it_needs_to_draw_and_no_secret() -> None:
    needed = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "MPLCONFIGDIR": "/m", "PYTHONPATH": "/p"}
    secrets = ("PGPASSWORD", "DATABRICKS_TOKEN", "PREFECT_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_SECRET")
    assert chart_environment({**needed, **dict.fromkeys(secrets, "canary")}) == needed
