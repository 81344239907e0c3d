"""The README's walk on one machine, with a real server, work pool and worker; and the step of the deploy."""

from __future__ import annotations

import asyncio
import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databricks.sdk.service.workspace import ImportFormat
from databricks_flows.green_energy.place import SCHEMA
from databricks_local import Faults
from dbflow import steps
from dbflow.notebooks import import_notebooks, packaged_notebooks
from dbflow.run import WORK_POOL
from prefect import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse

from .conftest import Stack, until
from .green_lab import assert_table_is_golden, remove
from .source_names import SOURCE_NAMES
from .terminals import with_default_signals

ROOT = Path(__file__).parents[2]
FOLDER = "/Shared/databricks-flows"


def walk_commands() -> list[str]:
    """The lines of the README's walk, without their comments."""
    part = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Deploy\n")[2]
    found = re.search(r"```bash\n(.*?)```", part, re.DOTALL)
    assert found
    return [line.partition("  #")[0].strip() for line in found[1].splitlines()]


@dataclass(frozen=True)
class Walk:
    """The walk, made up to the run, with its worker still at work."""

    directory: Path
    environment: dict[str, str]
    deploy: subprocess.CompletedProcess[str]
    deploy_seconds: float
    run: subprocess.CompletedProcess[str]
    worker_log: Path

    def prefect(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _bash(f"prefect {' '.join(arguments)}", self.directory, self.environment)


def _bash(command: str, directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = f'eval "$(dbflow env)"\n{command}'
    return subprocess.run(
        ["bash", "-c", script],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def walk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    up, env, deploy, worker, run = walk_commands()
    assert env == 'eval "$(uv run dbflow env)"'
    # `uv run X` is X of the environment that the tests run in.
    shim = tmp_path_factory.mktemp("bin") / "uv"
    shim.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    shim.chmod(0o755)
    path = os.pathsep.join([str(shim.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PREFECT_WORKER_QUERY_SECONDS": "1", "COLUMNS": "200"}
    directory = stack.directory
    shutil.copy(ROOT / "prefect.yaml", directory)
    # In a terminal that nothing has pointed at the stack yet.
    started = subprocess.run(
        ["bash", "-c", up],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    began = time.monotonic()
    deployed = _bash(deploy, directory, environment)
    deploy_seconds = time.monotonic() - began
    log = directory / "worker.log"
    with log.open("wb") as output:
        working = subprocess.Popen(
            with_default_signals(["bash", "-c", f"{env}\nexec {worker}"]),
            cwd=directory,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield Walk(directory, environment, deployed, deploy_seconds, _bash(run, directory, environment), log)
    finally:
        working.send_signal(signal.SIGINT)
        working.wait(60)


def deployments() -> dict[str, DeploymentResponse]:
    async def read() -> list[DeploymentResponse]:
        async with get_client() as client:
            return await client.read_deployments()

    return {found.name: found for found in asyncio.run(read()) if found.work_pool_name == WORK_POOL}


def runs_of(deployment: DeploymentResponse) -> list[FlowRun]:
    async def read() -> list[FlowRun]:
        async with get_client() as client:
            only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
            return await client.read_flow_runs(deployment_filter=only)

    return asyncio.run(read())


def completed(deployment: DeploymentResponse) -> list[FlowRun]:
    return [run for run in runs_of(deployment) if run.state and run.state.is_completed()]


def shown(path: Path) -> dict[tuple[str, str], float]:
    with path.open(newline="") as stream:
        return {(row["Entity"], row["Year"]): round(float(row["SHW%"]), 3) for row in csv.DictReader(stream)}


def test_the_walk_deploys_all_and_says_what_it_did_with_the_notebooks(walk: Walk) -> None:
    assert walk.deploy.returncode == 0, walk.deploy.stderr
    assert f"unchanged {FOLDER}/join_data" in walk.deploy.stdout
    assert walk.deploy.stderr == ""
    found = deployments()
    assert found.keys() == {
        "renewable-analysis",
        "renewable-analysis-all-countries",
        "load-green-energy",
        "analyse-green-energy",
        "repair-databricks-run",
        "load-csv-files",
        "cancel-databricks-run",
        "run-existing-job",
        "sweep-leftovers",
    }
    switched_on = {name for name, one in found.items() if any(schedule.active for schedule in one.schedules)}
    assert switched_on == {"sweep-leftovers"}
    pulled = {str(deployment.pull_steps) for deployment in found.values()}
    assert pulled == {
        str([{"prefect.deployments.steps.set_working_directory": {"directory": str(walk.directory)}}])
    }


def test_the_walk_runs_two_countries_through_the_worker_to_the_chart(walk: Walk) -> None:
    assert walk.run.returncode == 0, walk.run.stdout + walk.run.stderr + walk.worker_log.read_text()
    table = shown(walk.directory / "output" / "shw.csv")
    golden = {("Switzerland", "1985"): 56.892, ("Switzerland", "2021"): 65.703}
    golden |= {("United States", "1985"): 10.808, ("United States", "2021"): 19.210}
    assert {key: table[key] for key in golden} == golden
    assert (walk.directory / "output" / "shw.png").stat().st_size > 10_000
    chart = walk.prefect("artifact", "inspect", "shw", "--output", "json")
    assert "data:image/png;base64," in chart.stdout


def test_a_load_of_rows_starts_one_analysis_and_a_load_of_nothing_none(walk: Walk, stack: Stack) -> None:
    remove(stack, SCHEMA)
    load = "deployment run load-green-energy/load-green-energy --watch"
    analysis = deployments()["analyse-green-energy"]
    try:
        for started, command in ((1, load), (1, load), (2, f"{load} --param force=true")):
            ended = walk.prefect(*command.split())
            assert ended.returncode == 0, ended.stdout + ended.stderr + walk.worker_log.read_text()
            until(lambda: len(completed(analysis)) == started, 150)  # noqa: B023 - called at once
        # By then, a run that the second load had started would be there.
        assert [run.parameters["rows"] for run in completed(analysis)] == [960, 960]
        assert {run.parameters["asset"] for run in runs_of(analysis)} == {
            "databricks://main/elt/facilityefficiency"
        }
        assert {run.name for run in runs_of(analysis)} == {"Manufacturing"}
        # Each row twice: the means are the same.
        assert_table_is_golden(walk.directory / "output" / "green_energy.csv", ["Manufacturing"])
    finally:
        remove(stack, SCHEMA)


def test_a_schedule_that_a_deploy_switches_on_starts_a_run_by_itself(walk: Walk) -> None:
    """As a person does it, with a time that comes soon after the deploy instead of on Mondays."""
    file = walk.directory / "prefect.yaml"
    kept = file.read_text(encoding="utf-8")
    soon = (datetime.now(UTC) + timedelta(seconds=6 + 2 * walk.deploy_seconds)).isoformat()
    weekly = 'cron: "0 5 * * 1"\n        timezone: UTC\n        active: false'
    assert weekly in kept
    changed = kept.replace(weekly, f'interval: 3600\n        anchor_date: "{soon}"\n        active: true')
    name = "renewable-analysis-all-countries"
    try:
        file.write_text(changed, encoding="utf-8")
        assert walk.prefect("deploy", "--name", name).returncode == 0
        deployment = deployments()[name]
        until(lambda: completed(deployment) != [], 150)
    finally:
        file.write_text(kept, encoding="utf-8")
    [run] = completed(deployment)
    assert (run.auto_scheduled, run.name) == (True, "all countries")
    table = walk.directory / "output" / "all-countries" / "shw.csv"
    assert len(table.read_text(encoding="utf-8").splitlines()) == 6381
    assert walk.prefect("deploy", "--name", name).returncode == 0
    assert not any(schedule.active for schedule in deployments()[name].schedules)


def test_a_deploy_without_permission_ends_with_one_line_and_exit_code_1(walk: Walk, faults: Faults) -> None:
    denied = {
        "error_code": "PERMISSION_DENIED",
        "message": "User does not have permission to edit the folder.",
    }
    faults.add(path="/api/2.0/workspace/list", status=403, body=denied)
    refused = walk.prefect("deploy", "--name", "renewable-analysis")
    assert refused.returncode == 1
    assert refused.stderr.startswith("The notebooks are not imported: http://127.0.0.1:")
    assert "User does not have permission to edit the folder." in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "successfully created" not in refused.stdout


def test_a_second_deploy_writes_nothing_and_what_changed_or_went_away_is_mended(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = "/Shared/deployed here"
    client = stack.databricks()

    def deploy() -> tuple[list[str], int]:
        stack.workspace.clear_requests()
        steps.import_notebooks(folder)
        lines = [line.replace(f"{folder}/", "") for line in capsys.readouterr().out.splitlines()]
        return lines, len(stack.workspace.requests("/api/2.0/workspace/import"))

    assert deploy() == ([f"created   {name}" for name in SOURCE_NAMES], 8)
    assert deploy() == ([f"unchanged {name}" for name in SOURCE_NAMES], 0)
    edited = import_notebooks(client, folder, {"join_data": b"# Databricks notebook source\n1 / 0\n"})
    assert [change.change for change in edited] == ["updated"]
    client.workspace.delete(f"{folder}/transform_data")
    client.workspace.upload(
        f"{folder}/databricks_pipes.py", b"1 / 0", format=ImportFormat.RAW, overwrite=True
    )
    changes = {"databricks_pipes.py": "updated  ", "join_data": "updated  ", "transform_data": "created  "}
    assert deploy() == ([f"{changes.get(name, 'unchanged')} {name}" for name in SOURCE_NAMES], 3)
    # A workspace does not keep the last line break (databricks/databricks-cli#117).
    import_notebooks(client, folder, {"join_data": packaged_notebooks()["join_data"].rstrip() + b"\n\n# x"})
    import_notebooks(client, folder, {"join_data": packaged_notebooks()["join_data"].rstrip()})
    assert deploy() == ([f"unchanged {name}" for name in SOURCE_NAMES], 0)


@pytest.mark.usefixtures("stack")
def test_a_workspace_that_is_down_or_not_told_of_ends_the_deploy_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databricks_blocks.workspace.block._SECONDS_OF_RETRIES", 1)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    for host, message in (
        ("http://127.0.0.1:9", "http://127.0.0.1:9 did not answer"),
        ("", "No workspace to log in to"),
    ):
        monkeypatch.setenv("DATABRICKS_HOST", host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-hidden")
        with pytest.raises(SystemExit) as ended:
            steps.import_notebooks(workspace="")
        assert ended.value.code == 1
        line = capsys.readouterr().err
        assert line.startswith(f"The notebooks are not imported: {message}")
        assert line.count("\n") == 1
        assert "dapi-hidden" not in line
