"""How late a line of code on Databricks is in Prefect: `uv run python -m tests.benchmarks.bench_pipes`.

A notebook says a line a second. Its lag is from there to the moment when the line can be read from Prefect's
server. `--dagster PYTHON` names the Python of an environment with `dagster-databricks`, whose reader hears
the same notebook: `uv venv peer && uv pip install --python peer/bin/python dagster-databricks`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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

PACKAGES = ("databricks-flows", "prefect", "dagster-pipes")
FOLDER = "/Volumes/main/default/pipes/messages"
HELPER = Path(__file__).parents[2] / "notebooks" / "databricks_pipes.py"
SAYS = """
for number in range({lines}):
    pipes.log.info("said at %s", time.time())
    time.sleep(1)
"""
THEIRS = """
import time
from dagster_pipes import *
with open_dagster_pipes(params_loader=PipesDatabricksNotebookWidgetsParamsLoader(dbutils.widgets),
        context_loader=PipesUnityCatalogVolumesContextLoader(),
        message_writer=PipesUnityCatalogVolumesMessageWriter({options})) as pipes:
{says}
"""
OURS = """
import time
from databricks_pipes import pipes
{says}
"""


@dataclass(frozen=True)
class Measured:
    """Lags of the lines of one run, in seconds, and requests to the workspace."""

    lags: list[float]
    requests: int
    seconds: float


@dataclass(frozen=True)
class Bench:
    """A stack with a volume, and who listens."""

    access: WorkspaceAccess
    client: WorkspaceClient

    def notebook(self, name: str, source: str) -> str:
        """Import a notebook."""
        from databricks.sdk.service.workspace import ImportFormat, Language

        content = b64encode(f"# Databricks notebook source\n{source}".encode()).decode()
        self.client.workspace.import_(
            f"/Shared/{name}",
            content=content,
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )
        return f"/Shared/{name}"

    def measure(self, listen: Callable[[], Iterable[tuple[float, str]]]) -> Measured:
        """Let somebody listen to a run."""
        self.access.clear_requests()
        began = time.time()
        lags = [heard - float(text.rpartition(" ")[2]) for heard, text in listen()]
        seconds = time.time() - began
        messages = [one for one in self.access.requests("/api/2.0/fs") if "/messages/" in one["path"]]
        return Measured(lags, len(messages), seconds)

    def by_prefect(self, path: str) -> list[tuple[float, str]]:
        """As a flow hears it."""
        return asyncio.run(_heard_in_prefect(path))

    def by_dagster(self, python: str, path: str) -> list[tuple[float, str]]:
        """As Dagster's own reader hears it."""
        script = Path(__file__).with_name("dagster_listener.py")
        config = self.client.config
        arguments = [python, str(script), config.host or "", config.token or "", FOLDER, path]
        ended = subprocess.run(arguments, capture_output=True, text=True, check=True)
        lines = [line.split(" ", 2) for line in ended.stdout.splitlines() if line.startswith("heard ")]
        return [(float(at), text) for _, at, text in lines]


async def _heard_in_prefect(path: str) -> list[tuple[float, str]]:
    from databricks_blocks.job.specification import JobSpecification
    from databricks_blocks.job.tasks import notebook_task
    from databricks_blocks.pipes.pipes import Pipes
    from databricks_flows.job.subflow import run_databricks_job
    from prefect import get_client
    from prefect.client.schemas.filters import LogFilter, LogFilterTimestamp
    from prefect.types._datetime import now

    job = JobSpecification(name=f"pipes {uuid4()}", tasks=[notebook_task("only", path)])
    since = LogFilter(timestamp=LogFilterTimestamp(after_=now("UTC")))
    running = asyncio.create_task(run_databricks_job(job, "workspace", pipes=Pipes(volume=FOLDER)))
    heard: dict[str, float] = {}

    async def look() -> None:
        logs = await client.read_logs(log_filter=since, limit=200)
        for log in logs:
            if "said at" in log.message:
                heard.setdefault(log.message, time.time())

    async with get_client() as client:
        while not running.done():
            await look()
            await asyncio.sleep(0.1)
        await running
        await look()
    return [(at, text) for text, at in heard.items()]


def main() -> None:
    """Start a stack, listen in each way, and print the lags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--lines", type=int, default=45, help="that a notebook says, one a second [default: 45]"
    )
    parser.add_argument("--dagster", default="", help="Python of an environment with dagster-databricks")
    options = parser.parse_args()
    console = open_console(PACKAGES)
    with TemporaryDirectory() as directory:
        stack = LocalStack(Path(directory) / ".dbflow")
        try:
            bench = _start(stack)
            bench.by_prefect(bench.notebook("first", _theirs("interval=0.5", 1)))  # what only the first pays
            table = _table()
            for name, measured in _measurements(bench, options.lines, options.dagster):
                _add_row(table, name, measured, options.lines)
                console.print(f"{name}: {statistics.median(measured.lags):.1f} s")
            console.print(table)
            console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")
            send_what_is_queued()
        finally:
            stack.stop()


def _measurements(bench: Bench, lines: int, dagster: str) -> Iterable[tuple[str, Measured]]:
    if HELPER.exists():
        bench.client.workspace.upload("/Shared/databricks_pipes.py", HELPER.read_bytes(), overwrite=True)
        ours = bench.notebook("ours", OURS.format(says=SAYS.format(lines=lines)))
        yield "databricks_pipes → Prefect", bench.measure(lambda: bench.by_prefect(ours))
    for options in ("", "interval=1"):
        path = bench.notebook("theirs", _theirs(options, lines))
        name = f"dagster-pipes, {options or 'interval=10'}"
        yield f"{name} → Prefect", bench.measure(lambda path=path: bench.by_prefect(path))
        if dagster:
            yield f"{name} → Dagster", bench.measure(lambda path=path: bench.by_dagster(dagster, path))


def _theirs(options: str, lines: int) -> str:
    says = "\n".join(f"    {line}" for line in SAYS.format(lines=lines).splitlines())
    return THEIRS.format(options=options, says=says)


def _start(stack: LocalStack) -> Bench:
    endpoints = stack.start()
    isolate_prefect(stack)
    os.environ.update(stack.environment())
    prepare(endpoints, stack.root, lambda service, state: None)
    from databricks.sdk import WorkspaceClient

    workspace = endpoints.workspace
    client = WorkspaceClient(host=workspace.url, token=workspace.token)
    client.files.create_directory(FOLDER)
    return Bench(WorkspaceAccess(workspace.url, workspace.token), client)


def _table() -> Table:
    table = Table(title="Seconds from the line in the code to the line in the log", title_justify="left")
    for heading in ("code → reader", "median", "most", "lines", "requests for messages an hour"):
        table.add_column(heading, justify="left" if heading == "code → reader" else "right")
    return table


def _add_row(table: Table, name: str, measured: Measured, lines: int) -> None:
    table.add_row(
        name,
        f"{statistics.median(measured.lags):.1f}",
        f"{max(measured.lags):.1f}",
        f"{len(measured.lags)} of {lines}",
        f"{3600 * measured.requests / measured.seconds:.0f}",
    )


if __name__ == "__main__":
    main()
