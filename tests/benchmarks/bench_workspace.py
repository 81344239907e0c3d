"""How the local workspace bears many runs: `uv run python -m tests.benchmarks.bench_workspace`.

Each run has two notebooks on one job cluster. They come in groups, all runs of a group at once. After each
group come the time that it took, the processor time of the server, which depends less on other work of the
machine, and the memory of the server. `--limit` makes the memory a test: the command ends with status 1 if
the server has more in the end.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import JobCluster, NotebookTask, Task, TaskDependency
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace

from .machine import open_console

MEGABYTE = 1024 * 1024
NOTEBOOKS = {
    "/Shared/first": "dbutils.jobs.taskValues.set('n', spark.range(5).count())\nprint('counted')\n",
    "/Shared/second": "dbutils.notebook.exit(str(dbutils.jobs.taskValues.get('a', 'n')))\n",
}
CLUSTER = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)


def main() -> None:
    """Run the groups, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=1_000, help="runs in all [default: 1000]")
    parser.add_argument("--at-once", type=int, default=200, help="runs of a group [default: 200]")
    parser.add_argument("--limit", type=int, default=0, help="megabytes of the server in the end")
    arguments = parser.parse_args()
    os.environ["DATABRICKS_CONFIG_FILE"] = os.devnull
    console = open_console(("databricks-flows", "pysail", "pyspark-client"))
    with LocalWorkspace() as workspace:
        client = workspace.client()
        job_id = _job(client)
        server = psutil.Process(workspace.process.pid) if workspace.process else psutil.Process()
        _group(client, job_id, 1)
        console.print(f"at first: {_megabytes(server)} MB")
        for done in range(arguments.at_once, arguments.runs + 1, arguments.at_once):
            before = _processor_seconds(server)
            seconds = _group(client, job_id, arguments.at_once)
            used = _processor_seconds(server) - before
            console.print(
                f"{done} runs: {_megabytes(server)} MB; the last {arguments.at_once} at once took "
                f"{seconds:.1f} s, of the server's processor {used:.1f} s; "
                f"load of the machine {os.getloadavg()[0]:.1f}"
            )
        memory = _megabytes(server)
    if arguments.limit and memory > arguments.limit:
        sys.exit(f"The server has {memory} MB, more than {arguments.limit}.")


def _job(client: WorkspaceClient) -> int:
    for path, source in NOTEBOOKS.items():
        content = base64.b64encode(f"# Databricks notebook source\n{source}".encode()).decode()
        client.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    tasks = [
        Task(
            task_key=key,
            notebook_task=NotebookTask(notebook_path=path),
            job_cluster_key="shared",
            depends_on=[TaskDependency(task_key="a")] if key == "b" else None,
        )
        for key, path in zip("ab", NOTEBOOKS, strict=True)
    ]
    clusters = [JobCluster(job_cluster_key="shared", new_cluster=CLUSTER)]
    created = client.jobs.create(
        name="two notebooks", tasks=tasks, job_clusters=clusters, max_concurrent_runs=1_000
    )
    return created.job_id or 0


def _group(client: WorkspaceClient, job_id: int, size: int) -> float:
    """Seconds from the first request to the answer by which all runs have ended."""
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.jobs.run_now(job_id), range(size)))
    while any(client.jobs.list_runs(job_id=job_id, active_only=True, limit=1)):
        time.sleep(0.2)
    return time.perf_counter() - started


def _processor_seconds(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system)


def _megabytes(server: psutil.Process) -> int:
    return int(server.memory_info().rss / MEGABYTE)


if __name__ == "__main__":
    main()
