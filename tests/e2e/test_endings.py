"""However an analysis ends: what a retry can use is kept, all else is gone, and results stay results."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from databricks_blocks.errors import DatabricksRunFailed
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_flows.ending.cancel_watch import PrefectUnreachable
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.renewable import leftovers
from databricks_flows.renewable.analysis import renewable_analysis
from databricks_flows.shared.progress import Progress, listening
from databricks_local import Faults
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from .conftest import ImportNotebook, Stack, analyse, until
from .faulty_storage import FaultyStorage, reset
from .flow_processes import cancel, create_flow_run, flow_process, kill, logs_of, press_retry, run, state_of
from .notebook_results import NOTEBOOKS
from .single_task import is_running, outcome, runs_of, single_task
from .test_crash import waiting_for
from .test_database_faults import start_database, stop_database
from .test_renewable_analysis import expected, read, write_data
from .test_storage_faults import storage

__all__ = ["storage"]

IN_PLACE = ["shw.csv", "shw.png"]


def runs_of_workspace(stack: Stack) -> int:
    return len(list(stack.databricks().jobs.list_runs()))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def task_runs_of(flow_run_id: UUID) -> list[str]:
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])), limit=200
        )
    return [run.name for run in runs]


@contextmanager
def at_step(name: str, do: Callable[[], Any]) -> Iterator[None]:
    """Do something once, when a step begins."""
    done: list[str] = []

    def on_progress(progress: Progress) -> None:
        if progress.step == name and not done:
            done.append(name)
            do()

    with listening(on_progress):
        yield
    assert done, f"the step {name} was never reached"


@contextmanager
def prefect_away(path: str = "/") -> Iterator[threading.Event]:
    """While the event is set, requests to Prefect with this in their path find no server."""
    away = threading.Event()
    patch = pytest.MonkeyPatch()
    kinds: tuple[type[httpx.Client | httpx.AsyncClient], ...] = (httpx.Client, httpx.AsyncClient)

    def refusing(send: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(self: Any, request: httpx.Request, **options: Any) -> Any:
            if away.is_set() and path in request.url.path:
                raise httpx.ConnectError("All connection attempts failed")
            return send(self, request, **options)

        return refuse

    for kind in kinds:
        patch.setattr(kind, "send", refusing(kind.send))
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            yield away
    finally:
        patch.undo()


def test_a_failed_run_keeps_its_inputs_and_a_retry_repairs_only_what_failed(
    clean_stack: Stack, faults: Faults, tmp_path: Path
) -> None:
    before = runs_of_workspace(clean_stack)
    flow_run_id = create_flow_run(
        renewable_analysis,
        countries=["Peru", "Chile"],
        output_directory=str(tmp_path),
        launch="run_now",
        max_repairs=0,
    )
    faults.add(task_key="transform_data", error="OSError: away")
    assert run(flow_run_id) == "FAILED"
    kept = clean_stack.left_behind()
    assert kept[0] == f"run_{flow_run_id.hex}"
    assert f"{flow_run_id}/staged.json" in kept
    assert sum(f"{flow_run_id}/country_subset/" in name for name in kept) == 3
    assert names_in(tmp_path) == []
    kept_until = f"Kept until {datetime.now(UTC) + timedelta(hours=24):%Y-%m-%d}"
    until(lambda: any(kept_until in line for line in logs_of(flow_run_id)))
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    assert runs_of_workspace(clean_stack) == before + 1
    [databricks_run] = list(clean_stack.databricks().jobs.list_runs(expand_tasks=True))[:1]
    attempts = {task.task_key: task.attempt_number for task in databricks_run.tasks or ()}
    assert attempts["join_data"] == 0
    names = task_runs_of(flow_run_id)
    assert sum(name.startswith(("load_csv", "export_table")) for name in names) == 6
    assert names_in(tmp_path) == IN_PLACE


@pytest.mark.parametrize(("hours", "is_kept"), [(2, True), (0, False)])
def test_it_is_kept_for_as_long_as_is_wanted(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path, hours: float, is_kept: bool
) -> None:
    notebook("join_data", "raise RuntimeError('out of cheese')")
    notebook("transform_data", "pass")
    with pytest.raises(DatabricksRunFailed, match="out of cheese"):
        analyse(tmp_path, notebook_directory="/Shared/tests", max_repairs=0, keep_after_failure=hours)
    if is_kept:
        until_then = datetime.fromisoformat(clean_stack.remove_kept()["keep_until"]) - datetime.now(UTC)
        assert timedelta(hours=1.9) < until_then < timedelta(hours=2)


def test_a_retry_with_another_file_loads_it(clean_stack: Stack, faults: Faults, tmp_path: Path) -> None:
    write_data(tmp_path / "data", [["Peru", "", "2000"]])
    faults.add(task_key="transform_data", error="OSError: away")
    with at_step("run_databricks_job", lambda: write_data(tmp_path / "data", [["Peru", "", "2001"]])):
        retried = renewable_analysis.with_options(retries=1)
        result = asyncio.run(
            retried(
                all_countries=True,
                data_directory=str(tmp_path / "data"),
                output_directory=str(tmp_path / "out"),
                max_repairs=0,
            )
        )
    assert read(result)["Year"].tolist() == [2001]


def test_sigterm_of_a_deployed_run_leaves_the_inputs_of_the_databricks_run(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    before = runs_of_workspace(clean_stack)
    go = tmp_path / "go"
    for name in ("join_data", "transform_data"):
        body = (NOTEBOOKS / f"{name}.py").read_text().removeprefix("# Databricks notebook source\n")
        notebook(name, f"{waiting_for(go)}\n\n# COMMAND ----------\n{body}")
    flow_run_id = create_flow_run(
        renewable_analysis,
        countries=["Peru"],
        output_directory=str(tmp_path / "out"),
        notebook_directory="/Shared/tests",
    )
    with flow_process(flow_run_id) as process:
        until(lambda: runs_of_workspace(clean_stack) == before + 1)
        kill(process, signal.SIGTERM)
    assert state_of(flow_run_id) == "CRASHED"
    left = clean_stack.left_behind()
    assert f"run_{flow_run_id.hex}" in left
    assert sum("/country_subset/" in name for name in left) == 3
    go.touch()
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    assert runs_of_workspace(clean_stack) == before + 1
    assert names_in(tmp_path / "out") == IN_PLACE


def sleeping(notebook: ImportNotebook) -> str:
    """A folder of notebooks that never end."""
    notebook("transform_data", "pass")
    return notebook("join_data", "import time; time.sleep(600)").removesuffix("/join_data")


def test_sigterm_after_a_cancel_removes_all(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    before = runs_of_workspace(clean_stack)
    flow_run_id = create_flow_run(
        renewable_analysis, output_directory=str(tmp_path), notebook_directory=sleeping(notebook)
    )
    with flow_process(flow_run_id) as process:
        until(lambda: runs_of_workspace(clean_stack) == before + 1)
        cancel(flow_run_id)
        kill(process, signal.SIGTERM)
    assert names_in(tmp_path) == []


def test_a_time_out_of_the_flow_leaves_nothing(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    limited = renewable_analysis.with_options(timeout_seconds=15)
    state: Any = asyncio.run(
        limited(output_directory=str(tmp_path), notebook_directory=sleeping(notebook), return_state=True)  # type: ignore[call-arg]
    )
    assert state.name == "TimedOut"
    assert names_in(tmp_path) == []


def test_a_cancel_while_prefect_is_away_leaves_nothing(clean_stack: Stack, tmp_path: Path) -> None:
    async def cancel_when_exporting(away: threading.Event) -> None:
        exporting = asyncio.Event()

        def go_away() -> None:
            away.set()
            exporting.set()

        with at_step("export_table", go_away):
            running = asyncio.create_task(renewable_analysis(output_directory=str(tmp_path)))
            await exporting.wait()
            running.cancel()
            with pytest.raises((asyncio.CancelledError, httpx.ConnectError)):
                await running

    with prefect_away() as away:
        asyncio.run(cancel_when_exporting(away))
    assert names_in(tmp_path) == []


def test_a_prefect_server_that_is_gone_for_good_ends_the_wait_and_not_the_run(
    stack: Stack, notebook: ImportNotebook, caplog: pytest.LogCaptureFixture
) -> None:
    job = single_task(notebook("sleeps", "import time; time.sleep(600)"))
    policy = RunPolicy(polling=PollingPolicy(max_unreachable=3))

    async def parent(away: threading.Event) -> None:
        call = asyncio.create_task(run_databricks_job(job, "workspace", policy))
        await asyncio.to_thread(until, lambda: is_running(stack, job))
        away.set()
        await call

    with prefect_away() as away, pytest.raises((PrefectUnreachable, httpx.ConnectError)):
        asyncio.run(parent(away))
    [run] = runs_of(stack, job)
    assert outcome(run) == "not ended"
    assert re.search(
        r"The Prefect server has not answered for \d s\. The Databricks run goes on", caplog.text
    )
    stack.databricks().jobs.cancel_run(run.run_id)


def test_a_clean_up_without_the_database_loses_no_result(
    clean_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leftovers, "SECONDS_TO_CLEAN_UP", 1)
    try:
        with at_step("cleanup", lambda: stop_database(clean_stack)):
            result = analyse(tmp_path, countries=["Peru"])
    finally:
        start_database(clean_stack)
    assert len(read(result)) == len(expected(["Peru"]))
    assert names_in(tmp_path) == IN_PLACE
    [schema] = clean_stack.left_behind()
    assert f"Left for the flow sweep_leftovers: schema {schema} of the database database: " in caplog.text
    clean_stack.query(f"DROP SCHEMA {schema} CASCADE")


def test_a_clean_up_without_the_storage_loses_no_result(
    clean_stack: Stack,
    storage: FaultyStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(leftovers, "SECONDS_TO_CLEAN_UP", 1)

    def break_storage() -> None:
        for method in ("GET", "PUT", "POST"):
            storage.add(method, "/", reset, times=1000)

    with at_step("cleanup", break_storage):
        analyse(tmp_path, countries=["Peru"], bucket="faulty-staging")
    storage.faults.clear()
    assert names_in(tmp_path) == IN_PLACE
    left = clean_stack.left_behind()
    assert any(name.endswith("/staged.json") for name in left)
    assert not [name for name in left if name.startswith("run_")]
    assert "Left for the flow sweep_leftovers: files below " in caplog.text
    for name in left:
        clean_stack.s3.delete_object(Bucket=clean_stack.endpoints.s3.bucket, Key=name)


def test_artifacts_that_prefect_does_not_take_end_no_run(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with prefect_away("/artifacts/") as away:
        away.set()
        analyse(tmp_path, countries=["Peru"])
        assert names_in(tmp_path) == IN_PLACE
        for what in ("the data contract", "the chart", "the summary", "the progress of the steps"):
            assert f"Prefect does not show {what}: All connection attempts failed" in caplog.text
        notebook("join_data", "raise RuntimeError('out of cheese')")
        notebook("transform_data", "pass")
        with pytest.raises(DatabricksRunFailed, match="out of cheese"):
            analyse(tmp_path, notebook_directory="/Shared/tests", max_repairs=0, keep_after_failure=0)
