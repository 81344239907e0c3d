"""What an empty notebook costs in the local workspace: `uv run python -m tests.benchmarks.bench_notebook`.

The time of the task is what the workspace says; the whole is from the submit to the first answer by which the
run has ended. The cluster of each run is new, as job clusters are; the first run of all is left out.
"""

from __future__ import annotations

import argparse
import base64
import os
import statistics
import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import NotebookTask, RunLifeCycleState, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace
from rich.console import Console

NOTEBOOK = "/Shared/empty"
TASK = SubmitTask(
    task_key="empty",
    notebook_task=NotebookTask(notebook_path=NOTEBOOK),
    new_cluster=ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1),
)


def main() -> None:
    """Run an empty notebook some times, one after the other, and print the quantiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=30, help="runs [default: 30]")
    runs = parser.parse_args().runs
    os.environ["DATABRICKS_CONFIG_FILE"] = os.devnull
    with LocalWorkspace() as workspace:
        client = workspace.client()
        source = base64.b64encode(b"# Databricks notebook source\npass\n").decode()
        client.workspace.import_(
            NOTEBOOK, content=source, format=ImportFormat.SOURCE, language=Language.PYTHON
        )
        _run(client)
        tasks, wholes = zip(*(_run(client) for _ in range(runs)), strict=True)
    console = Console(highlight=False)
    console.print(f"{runs} runs, load of the machine {os.getloadavg()[0]:.1f}")
    for name, values in (("task", tasks), ("whole", wholes)):
        middle, least, most = statistics.median(values), min(values), max(values)
        console.print(f"{name:>6}: median {middle:.0f} ms, from {least:.0f} to {most:.0f} ms")


def _run(client: WorkspaceClient) -> tuple[float, float]:
    """Milliseconds of the task, and from the submit to the end that a client sees."""
    started = time.perf_counter()
    run_id = client.jobs.submit(tasks=[TASK]).run_id
    while True:
        run = client.jobs.get_run(run_id)
        if run.state and run.state.life_cycle_state is RunLifeCycleState.TERMINATED:
            break
        time.sleep(0.005)
    whole = (time.perf_counter() - started) * 1000
    (task,) = run.tasks or []
    return float(task.execution_duration or 0), whole


if __name__ == "__main__":
    main()
