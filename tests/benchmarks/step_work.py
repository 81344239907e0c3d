"""The work of each step of `dbflow run` alone: `python -m tests.benchmarks.step_work`, for `bench_run`.

Where a stack is up, it does what the tasks of the flow do, one after the other, without Prefect and without
the checks of the data contract, and prints the median seconds by step as JSON. The Databricks run counts with
the duration that the workspace says.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from dbflow.local.stack import LocalStack
from dbflow.run import isolate_prefect

if TYPE_CHECKING:
    from databricks_flows.renewable.scope import RunScope

RUNS = 3
Result = TypeVar("Result")


class StepClock:
    """Seconds of each step, by how often it was done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def measure(self, step: str, work: Callable[[], Result]) -> Result:
        """Do a part of the work of a step."""
        started = time.perf_counter()
        result = work()
        self.seconds[step] = self.seconds.get(step, 0) + time.perf_counter() - started
        return result


def main() -> None:
    """Do everything some times; what only the first time costs is no part of it."""
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as folder:
        _do_all(Path(folder))
        done = [_do_all(Path(folder)) for _ in range(RUNS)]
    sys.stdout.write(json.dumps({step: median(seconds[step] for seconds in done) for step in done[0]}))


def _do_all(folder: Path) -> dict[str, float]:
    from databricks_flows.renewable import steps as tasks
    from databricks_flows.renewable.chart import draw_chart_of_file
    from databricks_flows.renewable.data_contract import StagedData
    from databricks_flows.renewable.leftovers import Leftovers
    from databricks_flows.renewable.scope import RunScope, prepare_run
    from databricks_flows.renewable.share_files import DATA_DIRECTORY, find_share_files
    from databricks_flows.renewable.staged_note import Asked, StagedNote
    from databricks_flows.shared.batches import make_batches
    from prefect.logging import disable_run_logger

    clock, run = StepClock(), f"bench-{uuid4().hex}"
    files = find_share_files(DATA_DIRECTORY)
    table, chart = folder / "shw.csv", folder / "shw.png"
    with disable_run_logger():
        named = RunScope("database", run.replace("-", "_"), "staging", run)
        prepared = prepare_run.fn(named, Asked("", "", ()))
        scope = prepared.scope
        note = StagedNote("", prepared.staged_since, StagedData((), {}), keep_hours=24)
        loaded = clock.measure("load_csv", lambda: [tasks.load_csv.fn(file, scope).table for file in files])
        selected = clock.measure(
            "select_countries",
            lambda: [tasks.select_countries.fn(one, scope, ["Switzerland"]).table for one in loaded],
        )
        for one, source in zip(selected, loaded, strict=True):
            clock.measure("export_table", partial(tasks.export_table.fn, one, source.name, scope))
        clock.seconds["run_databricks_job"] = _seconds_of_run([one.name for one in loaded], scope)
        clock.measure("delete_intake_files", lambda: tasks.delete_intake_files.fn(scope, note))
        names = clock.measure("load_result", lambda: tasks.list_result_files.fn(scope, tasks.RESULT_FOLDER))
        batches = make_batches({name: name for name in names}, concurrency=1)
        clock.measure("load_result", lambda: [tasks.load_result.fn(batch, scope) for batch in batches])
        clock.measure("load_result", lambda: tasks.write_result.fn(scope, table))
        clock.measure("load_result", lambda: tasks.publish_result.fn(scope))
        clock.measure("create_graph", lambda: draw_chart_of_file(table, chart))
        leftovers = Leftovers.of(scope, logging.getLogger(__name__))
        clock.measure("cleanup", lambda: asyncio.run(leftovers.remove()))
    return clock.seconds


def _seconds_of_run(tables: list[str], scope: RunScope) -> float:
    from databricks_blocks.run.launchers import launcher_of
    from databricks_blocks.setup.settings import WorkspaceSettings
    from databricks_flows.renewable.notebook_job import DEFAULT_CLUSTER, NOTEBOOK_DIRECTORY, notebook_job

    variables = LocalStack().endpoints().variables()
    client = WorkspaceSettings.read(variables).block().workspace_client()
    job = notebook_job(tables, scope, NOTEBOOK_DIRECTORY, DEFAULT_CLUSTER, "submit")
    run_id = launcher_of(client, job, lambda _: str(uuid4())).start(0)
    run = client.jobs.wait_get_run_job_terminated_or_skipped(run_id=run_id)
    return ((run.end_time or 0) - (run.start_time or 0)) / 1000


if __name__ == "__main__":
    stack = LocalStack()
    isolate_prefect(stack)
    os.environ.update(stack.environment())
    main()
