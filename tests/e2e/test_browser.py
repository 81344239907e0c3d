"""Buttons of the Prefect UI, pressed in a real browser: Run, Retry, Cancel; and a worker that is killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from databricks.sdk.service.jobs import Run
from databricks_local import Faults
from dbflow.notebooks import import_notebooks, packaged_notebooks
from dbflow.run import WORK_POOL
from prefect import get_client
from prefect.states import Crashed

from .conftest import Stack, until
from .flow_processes import prefect_environment, state_of, worker
from .prefect_ui import PrefectUI, prefect_ui
from .single_task import outcome

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "renewable-analysis/renewable-analysis"
SLOW = "/Shared/slow"


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    shutil.copy(ROOT / "prefect.yaml", stack.directory)
    subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=stack.directory,
        env=prefect_environment(),
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )
    return stack


@pytest.fixture
def working(deployed: Stack) -> Iterator[psutil.Process]:
    with worker(WORK_POOL) as process:
        yield process


@pytest.fixture
def ui(deployed: Stack, tmp_path: Path) -> Iterator[PrefectUI]:
    with prefect_ui(deployed, tmp_path) as opened:
        yield opened


@pytest.fixture
def go(stack: Stack, tmp_path: Path) -> Iterator[Path]:
    """A file that the notebook `join_data` of the folder `SLOW` waits for."""
    path = tmp_path / "go"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists():\n    time.sleep(.05)\n"
    sources = packaged_notebooks()
    first, rest = sources["join_data"].split(b"\n", 1)
    slow = first + b"\n" + wait.encode() + b"\n# COMMAND ----------\n" + rest
    import_notebooks(stack.databricks(), SLOW, {**sources, "join_data": slow})
    yield path
    path.touch()


def start(**parameters: Any) -> UUID:
    """A run of the deployment with other parameters than its own."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        given = {**deployment.parameters, **parameters}
        return client.create_flow_run_from_deployment(deployment.id, parameters=given).id


def runs_for(country: str) -> list[UUID]:
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        found = client.read_flow_runs()
    return [
        run.id
        for run in found
        if run.deployment_id == deployment.id and run.parameters["countries"] == [country]
    ]


def databricks_runs(stack: Stack, flow_run_id: UUID) -> list[Run]:
    """The Databricks runs of a flow run, the latest first."""
    client = stack.databricks()
    # Where a run stages its files has its id; its name is for people.
    listed = client.jobs.list_runs(expand_tasks=True)
    found = [run.run_id for run in listed if str(flow_run_id) in str(run.as_dict())]
    return [client.jobs.get_run(run_id, include_history=True) for run_id in found if run_id]


def is_at_work(stack: Stack, flow_run_id: UUID) -> bool:
    return any(
        task.state is not None and str(task.state.life_cycle_state).endswith("RUNNING")
        for run in databricks_runs(stack, flow_run_id)
        for task in run.tasks or ()
    )


@pytest.mark.usefixtures("working")
def test_run_is_pressed_with_a_country_of_the_form_and_watched_to_the_chart(
    deployed: Stack, ui: PrefectUI
) -> None:
    ui.open("/deployments")
    ui.page.get_by_role("link", name="renewable-analysis", exact=True).first.click()
    ui.press("Run")
    ui.choose("Custom run")
    country = ui.page.locator("textarea").first
    assert country.input_value() == "Switzerland"
    country.fill("Peru")
    ui.picture("form", height=2200)
    ui.press("Submit")
    until(lambda: len(runs_for("Peru")) == 1)
    ui.open_run(runs_for("Peru")[0])
    ui.wait_for_state("Completed")
    assert ui.page.get_by_text("Peru", exact=True).first.is_visible()
    ui.picture("graph")
    ui.choose("Artifacts")
    ui.page.get_by_text("% of Solar, Hydro and Wind in Peru").wait_for()
    ui.picture("artifacts", height=1400)
    ui.choose("shw")
    chart = ui.page.locator("img[src^='data:image/png']").first
    chart.wait_for()
    assert chart.evaluate("image => image.naturalWidth") == 1440
    ui.picture("chart")
    assert (deployed.directory / "output" / "shw.png").stat().st_size > 10_000


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize(("launch", "histories"), [("run_now", [2]), ("submit", [1, 1])])
def test_retry_is_pressed_on_a_run_whose_notebook_failed_once(
    deployed: Stack, ui: PrefectUI, faults: Faults, launch: str, histories: list[int]
) -> None:
    """A saved job's run is repaired; a one-time run, whose repair is refused, is followed by another."""
    faults.add(task_key="transform_data", error="OSError: away")
    seen = {run.run_id for run in deployed.databricks().jobs.list_runs()}
    flow_run_id = start(max_repairs=0, launch=launch)
    ui.open_run(flow_run_id)
    ui.wait_for_state("Failed")
    ui.picture("failed")
    ui.press("Retry")
    ui.confirm("Retry")
    ui.wait_for_state("Completed")
    ui.picture("retried")
    client = deployed.databricks()
    made = [run.run_id or 0 for run in client.jobs.list_runs() if run.run_id not in seen]
    found = [client.jobs.get_run(run_id, include_history=True) for run_id in reversed(made)]
    # The history begins with the original attempt.
    assert [len(run.repair_history or ()) or 1 for run in found] == histories
    assert outcome(found[-1]) == "SUCCESS"


@pytest.mark.usefixtures("working")
def test_cancel_is_pressed_while_the_notebook_sleeps(deployed: Stack, ui: PrefectUI, go: Path) -> None:
    assert not go.exists()
    flow_run_id = start(notebook_directory=SLOW)
    ui.open_run(flow_run_id)
    until(lambda: is_at_work(deployed, flow_run_id))
    ui.wait_for_state("Running")
    ui.press("Cancel")
    ui.confirm("Confirm")
    until(lambda: [outcome(run) for run in databricks_runs(deployed, flow_run_id)] == ["CANCELED"], 10)
    ui.wait_for_state("Cancelled")
    ui.picture("cancelled")


def test_a_worker_that_is_killed_and_started_again_finds_the_run(
    deployed: Stack, ui: PrefectUI, go: Path
) -> None:
    flow_run_id = start(notebook_directory=SLOW)
    with worker(WORK_POOL) as process:
        until(lambda: is_at_work(deployed, flow_run_id))
        for one in [process, *process.children(recursive=True)]:
            one.kill()
    go.touch()
    with worker(WORK_POOL):
        assert state_of(flow_run_id) == "RUNNING"
        # A worker does not look after the runs of another: a person says that the process is gone.
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run_id, Crashed(message="The worker was killed"))
        ui.open_run(flow_run_id)
        ui.wait_for_state("Crashed")
        ui.press("Retry")
        ui.confirm("Retry")
        ui.wait_for_state("Completed")
        ui.picture("killed")
    assert [outcome(run) for run in databricks_runs(deployed, flow_run_id)] == ["SUCCESS"]
