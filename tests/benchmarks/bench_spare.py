"""What a spare server of Apache Spark hides: `uv run python -m tests.benchmarks.bench_spare`.

Runs of one notebook on a job cluster of its own are submitted in turn to a workspace with a spare server and
to one without. What is measured is the time from submit until the task is RUNNING, and until it has ended.
The first run of each finds no spare server; it is told apart.
"""

from __future__ import annotations

import argparse
import base64
import os
import time
from statistics import median

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import NotebookTask, RunLifeCycleState, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace
from rich.table import Table

from .machine import open_console

POLL_SECONDS = 0.02
NOTEBOOK = "/Shared/counts"
SOURCE = "# Databricks notebook source\nspark.range(1000).count()\n"
CLUSTER = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
WAITING = "waits for a cluster"


def main() -> None:
    """Measure both in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="of each kind, in turn [default: 5]")
    runs = parser.parse_args().runs
    os.environ["DATABRICKS_CONFIG_FILE"] = os.devnull
    console = open_console(("databricks-flows", "pyspark-client"))
    table = Table(title=f"Seconds from submit; medians of {runs}", title_justify="left")
    for heading in ("", "first: running", "first: ended", "then: running", "then: ended"):
        table.add_column(heading, justify="right" if heading else "left")
    with (
        LocalWorkspace(engine="spark", spark_spare=True) as with_one,
        LocalWorkspace(engine="spark", spark_spare=False) as without,
    ):
        workspaces = {"with a spare server": with_one, "without": without}
        first: dict[str, tuple[float, float]] = {}
        then: dict[str, list[tuple[float, float]]] = {way: [] for way in workspaces}
        for way, workspace in workspaces.items():
            first[way] = _measure(workspace)
            _wait_for_spares(with_one, 1)
        for turn in range(1, runs + 1):
            for way, workspace in workspaces.items():
                then[way].append(_measure(workspace))
                # The start of the next one must not slow what is measured without.
                _wait_for_spares(with_one, turn + 1)
    medians = {way: [median(each) for each in zip(*measured, strict=True)] for way, measured in then.items()}
    for way in workspaces:
        table.add_row(way, *(f"{seconds:.2f}" for seconds in (*first[way], *medians[way])))
    (running, ended), (running_without, ended_without) = medians.values()
    table.add_section()
    table.add_row(
        "without / with", "", "", f"{running_without / running:.1f}", f"{ended_without / ended:.1f}"
    )
    console.print(table)
    console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")


def _measure(workspace: LocalWorkspace) -> tuple[float, float]:
    client = workspace.client()
    content = base64.b64encode(SOURCE.encode()).decode()
    client.workspace.import_(
        NOTEBOOK, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )
    task = SubmitTask(
        task_key="only", notebook_task=NotebookTask(notebook_path=NOTEBOOK), new_cluster=CLUSTER
    )
    started = time.perf_counter()
    run_id = client.jobs.submit(run_name="measured", tasks=[task]).run_id
    running = _seconds_until(client, run_id, RunLifeCycleState.RUNNING, started)
    return running, _seconds_until(client, run_id, RunLifeCycleState.TERMINATED, started)


def _seconds_until(client: WorkspaceClient, run_id: int, wanted: RunLifeCycleState, started: float) -> float:
    """The time until its task has a state, or is beyond it."""
    while True:
        task = (client.jobs.get_run(run_id).tasks or [])[0]
        state = task.state
        if state is not None and state.life_cycle_state in (wanted, RunLifeCycleState.TERMINATED):
            return time.perf_counter() - started
        if state is not None and state.life_cycle_state is RunLifeCycleState.INTERNAL_ERROR:
            raise RuntimeError(state.state_message)
        time.sleep(POLL_SECONDS)


def _wait_for_spares(workspace: LocalWorkspace, number: int) -> None:
    while workspace.log.read_text().count(WAITING) < number:
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
