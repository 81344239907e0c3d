"""What `run_databricks_job` costs beside the SDK's waiter: `uv run python -m tests.benchmarks.bench_subflow`.

Chains of two notebooks, and a job of many tasks, run in turn by the subflow and by the official SDK's own
waiter, on a local stack that is started for it. Overhead is what a caller waits beyond the run itself;
lag is what of that lies behind the run's end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from databricks_local import WorkspaceAccess
from dbflow.local.stack import LocalStack
from dbflow.run import isolate_prefect, prepare, send_what_is_queued
from rich.table import Table

from .machine import open_console

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks_blocks.job.specification import JobSpecification

PACKAGES = ("databricks-flows", "prefect", "databricks-sdk")
NOTEBOOK = "/Shared/benchmark"
SOURCE = b"# Databricks notebook source\nimport time\ntime.sleep(float(dbutils.widgets.get('seconds')))\n"
NO_LIMIT = timedelta(hours=1)
LONG = 10.0

Run = Callable[["JobSpecification"], int]
"""Runs a job and returns the id of the run that has ended."""


@dataclass(frozen=True)
class Measured:
    """One run: seconds, and requests to the workspace."""

    run: float
    overhead: float
    lag: float
    calls: int


@dataclass(frozen=True)
class Bench:
    """A stack, and its two clients."""

    access: WorkspaceAccess
    client: WorkspaceClient

    def measure(self, job: JobSpecification, run_job: Run) -> Measured:
        """Run a job once, from the outside."""
        self.access.clear_requests()
        began = time.time()
        run_id = run_job(job)
        ended = time.time()
        calls = len(self.access.requests("/api/"))
        run = self.client.jobs.get_run(run_id)
        of_run = ((run.end_time or 0) - (run.start_time or 0)) / 1000
        return Measured(of_run, ended - began - of_run, ended - (run.end_time or 0) / 1000, calls)

    def by_subflow(self, job: JobSpecification) -> int:
        """As a flow runs it."""
        from databricks_flows.job.subflow import run_databricks_job

        return asyncio.run(run_databricks_job(job, "workspace")).run_id

    def by_sdk(self, job: JobSpecification) -> int:
        """The same requests to launch it, then the SDK's waiter."""
        from databricks_blocks.run.launchers import launcher_of

        run_id = launcher_of(self.client, job, lambda _: str(uuid4())).start(0)
        self.client.jobs.wait_get_run_job_terminated_or_skipped(run_id=run_id, timeout=NO_LIMIT)
        return run_id


def main() -> None:
    """Start a stack, run everything both ways, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each kind, but for the longest [default: 3]"
    )
    parser.add_argument("--seconds", type=float, nargs="*", default=[0, 3, 60], help="of a notebook")
    parser.add_argument("--tasks", type=int, default=1000, help="of the large job [default: 1000]")
    options = parser.parse_args()
    console = open_console(PACKAGES)
    with TemporaryDirectory() as directory:
        stack = LocalStack(Path(directory) / ".dbflow")
        try:
            bench = _start(stack)
            bench.by_subflow(_chain(0))  # what only the first run pays is no part of this
            table = _table()
            for seconds in options.seconds:
                runs = 1 if seconds > LONG else options.runs
                _add_rows(table, bench, f"2 notebooks of {seconds:g} s", lambda s=seconds: _chain(s), runs)
            if options.tasks:
                _add_rows(table, bench, f"{options.tasks} tasks", lambda: _wide(options.tasks), 1)
            console.print(table)
            console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")
            send_what_is_queued()
        finally:
            stack.stop()


def _start(stack: LocalStack) -> Bench:
    endpoints = stack.start()
    isolate_prefect(stack)
    os.environ.update(stack.environment())
    prepare(endpoints, stack.root, lambda service, state: None)
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.workspace import ImportFormat, Language

    workspace = endpoints.workspace
    client = WorkspaceClient(host=workspace.url, token=workspace.token)
    content = b64encode(SOURCE).decode()
    client.workspace.import_(
        NOTEBOOK, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )
    return Bench(WorkspaceAccess(workspace.url, workspace.token), client)


def _chain(seconds: float) -> JobSpecification:
    from databricks_blocks.job.cluster import JobCluster
    from databricks_blocks.job.specification import JobSpecification
    from databricks_blocks.job.tasks import notebook_task

    parameters, cluster = {"seconds": str(seconds)}, JobCluster().specification()
    return JobSpecification(
        name=f"chain {uuid4()}",
        tasks=[
            notebook_task("first", NOTEBOOK, parameters=parameters, new_cluster=cluster),
            notebook_task(
                "second", NOTEBOOK, parameters=parameters, new_cluster=cluster, depends_on=["first"]
            ),
        ],
    )


def _wide(tasks: int) -> JobSpecification:
    """Conditions, which need no cluster: one after the other in rows of ten."""
    from databricks_blocks.job.specification import JobSpecification
    from databricks_blocks.job.tasks import DatabricksTask

    body = {"condition_task": {"op": "EQUAL_TO", "left": "1", "right": "1"}}
    return JobSpecification(
        name=f"wide {uuid4()}",
        launch="run_now",
        tasks=[
            DatabricksTask(
                task_key=f"task-{number}", body=body, depends_on=[f"task-{number - 1}"] if number % 10 else []
            )
            for number in range(tasks)
        ],
    )


def _table() -> Table:
    table = Table(title="Seconds, and requests to the workspace; medians", title_justify="left")
    for heading in ("job", "by", "run itself", "overhead", "lag", "requests", "overhead / SDK's"):
        table.add_column(heading, justify="left" if heading in {"job", "by"} else "right")
    return table


def _add_rows(table: Table, bench: Bench, name: str, job: Callable[[], JobSpecification], runs: int) -> None:
    pairs = [
        (bench.measure(job(), bench.by_subflow), bench.measure(job(), bench.by_sdk)) for _ in range(runs)
    ]
    subflow, sdk = (_median([pair[side] for pair in pairs]) for side in (0, 1))
    table.add_section()
    for by, measured in (("subflow", subflow), ("SDK's waiter", sdk)):
        table.add_row(
            name,
            by,
            *(f"{value:.2f}" for value in (measured.run, measured.overhead, measured.lag)),
            str(measured.calls),
            f"{measured.overhead / sdk.overhead:.2f}",
        )


def _median(measured: list[Measured]) -> Measured:
    """The run in the middle, whole."""
    return sorted(measured, key=lambda one: one.overhead)[(len(measured) - 1) // 2]


if __name__ == "__main__":
    main()
