"""The pages of runs that failed, were repaired or were cancelled, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from databricks_local import Faults

from .conftest import ImportNotebook, Stack, until
from .flow_processes import cancel, create_flow_run, flow_process
from .hearing import folder_left_empty, pipes, speaking, waits_for
from .outer_flow import hears, outer
from .prefect_ui import PrefectUI, prefect_ui
from .single_task import is_running, single_task
from .test_run_page import NO_REPAIR, ONE_REPAIR, chain, flow_runs_of

pytestmark = pytest.mark.browser

IMAGE = "![](http://127.0.0.1:1/pixel.png) <img src=http://127.0.0.1:1/x.png>"


@pytest.fixture
def ui(stack: Stack, tmp_path: Path) -> Iterator[PrefectUI]:
    with prefect_ui(stack, tmp_path) as opened:
        yield opened


def show_page_of_subflow(ui: PrefectUI, flow_run_id: UUID, state: str, name: str) -> None:
    """Open the page of the Databricks job, and the list of its tasks."""
    until(lambda: len(flow_runs_of(flow_run_id)) == 2)
    ui.open_run(flow_runs_of(flow_run_id)[1])
    ui.wait_for_state(state)
    ui.picture(name)
    ui.choose("Task Runs")


def test_a_failed_run_shows_an_end_of_every_task_and_loads_no_image_of_an_error(
    stack: Stack, notebook: ImportNotebook, ui: PrefectUI
) -> None:
    fails = notebook("fails with an image", f"raise ValueError({IMAGE!r})")
    job = chain(fails, notebook("fine", "pass"), "a job that fails")
    flow_run_id = create_flow_run(outer, job=job, policy=NO_REPAIR)
    with flow_process(flow_run_id) as process:
        process.wait(60)
    show_page_of_subflow(ui, flow_run_id, "Failed", "failed")
    ui.page.get_by_text("UpstreamFailed").first.wait_for()
    ui.picture("failed tasks")
    ui.choose("Artifacts")
    ui.page.get_by_text("Why the Databricks run failed").first.wait_for()
    ui.picture("failed artifacts", height=1600)
    ui.choose("databricks-failure")
    # An image would be asked for at another server, which fails the test.
    ui.page.get_by_text(IMAGE).first.wait_for()
    ui.picture("failure")
    ui.open_run(flow_runs_of(flow_run_id)[1])
    ui.choose("Logs")
    ui.picture("failed log")


def test_a_repaired_run_shows_its_attempts(
    stack: Stack, notebook: ImportNotebook, ui: PrefectUI, faults: Faults
) -> None:
    path = notebook("fine", "pass")
    job = chain(path, path, "a job that is repaired")
    faults.add(task_key="load", run_name=job.name, error="OSError: away")
    flow_run_id = create_flow_run(outer, job=job, policy=ONE_REPAIR)
    with flow_process(flow_run_id) as process:
        process.wait(60)
    show_page_of_subflow(ui, flow_run_id, "Completed", "repaired")
    ui.picture("repaired tasks")
    ui.choose("Artifacts")
    ui.picture("repaired artifacts", height=1600)
    ui.choose("databricks-tasks")
    ui.page.get_by_text("Tasks and attempts of a job that is repaired").first.wait_for()
    ui.picture("attempts")


def test_a_cancelled_run_shows_an_end_of_every_task(
    stack: Stack, notebook: ImportNotebook, ui: PrefectUI
) -> None:
    sleeps = notebook("sleeps", "import time; time.sleep(600)")
    job = chain(sleeps, notebook("fine", "pass"), "a job that is cancelled")
    flow_run_id = create_flow_run(outer, job=job, policy=NO_REPAIR)
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job))
        cancel(flow_runs_of(flow_run_id)[1])
        process.wait(60)
    show_page_of_subflow(ui, flow_run_id, "Cancelled", "cancelled")
    assert ui.page.get_by_text("Crashed", exact=True).count() == 0
    ui.picture("cancelled tasks")


SAYS = """
    pipes.log.warning("3 rows have no country")
    pipes.report_asset_materialization(
        asset_key="main/sales/daily",
        metadata={"rows": 3, "source": {"raw_value": "https://example.com/a_b", "type": "url"}},
    )
    pipes.report_asset_check(asset_key="main/sales/daily", check_name="no_nulls", passed=False)
"""


def test_the_page_of_a_run_shows_what_its_code_says_while_it_runs(
    stack: Stack, notebook: ImportNotebook, ui: PrefectUI, tmp_path: Path
) -> None:
    go, out = tmp_path / "go", tmp_path / "out"
    job = single_task(notebook("says_all", speaking(SAYS + waits_for(str(go)))))
    flow_run_id = create_flow_run(hears, job=job, pipes=pipes(), out=str(out))
    with folder_left_empty(stack), flow_process(flow_run_id) as process:
        until(lambda: len(flow_runs_of(flow_run_id)) == 2)
        ui.open_run(flow_runs_of(flow_run_id)[1])
        ui.choose("Logs")
        ui.page.get_by_text("3 rows have no country").first.wait_for(timeout=30_000)
        assert is_running(stack, job)
        ui.picture("pipes log")
        ui.choose("Artifacts")
        ui.choose("databricks-assets")
        ui.page.get_by_text("main/sales/daily").first.wait_for()
        assert ui.page.locator('a[href="https://example.com/a_b"]').count() == 1
        ui.picture("pipes assets")
        go.touch()
        process.wait(60)
