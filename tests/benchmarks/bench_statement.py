"""What a statement over a SQL warehouse costs: `uv run python -m tests.benchmarks.bench_statement`.

Each statement is executed in turn by the official SDK over a warehouse, and in a Spark session of its own on
the Sail server of another cluster. The issue allows the warehouse 30 ms more.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from statistics import quantiles

from databricks.sdk.service import sql
from databricks_local import LocalWorkspace
from databricks_local.runtime.warehouse.encoding import json_of
from databricks_local.runtime.warehouse.values import rows_of
from pysail.spark import SparkConnectServer
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession
from rich.table import Table

from .machine import open_console

STATEMENTS = {
    "one row": "SELECT 1 AS one",
    "10,000 rows": "SELECT id, concat('row ', id) AS text FROM range(10000)",
    "a sum of a million": "SELECT sum(id) AS total FROM range(1000000)",
}
ALLOWED_MILLIS = 30


def main() -> None:
    """Execute everything both ways, and print what it takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=30, help="of each kind, in turn [default: 30]")
    runs = parser.parse_args().runs
    console = open_console(("pysail", "pyspark-client"))
    table = Table(title=f"Lower quartiles of {runs}, in milliseconds", title_justify="left")
    for heading in ("statement", "Sail", "warehouse", "more"):
        table.add_column(heading, justify="left" if heading == "statement" else "right")
    with LocalWorkspace() as workspace:
        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        execute = over_warehouse(workspace)
        for name, text in STATEMENTS.items():
            alone = partial(in_session, server.listening_address[1], text)
            direct, over = measure(runs, alone, partial(execute, text))
            table.add_row(name, f"{direct:.0f}", f"{over:.0f}", f"{over - direct:+.0f}")
    console.print(table)
    console.print(f"Allowed: {ALLOWED_MILLIS} ms more. Load of the machine: {os.getloadavg()[0]:.1f}")


def over_warehouse(workspace: LocalWorkspace) -> Callable[[str], None]:
    """What executes a statement over the first warehouse of a workspace."""
    client = workspace.client()
    warehouse_id = str(next(iter(client.warehouses.list())).id)
    client.warehouses.start_and_wait(warehouse_id)

    def execute(text: str) -> None:
        answer = client.statement_execution.execute_statement(text, warehouse_id)
        if not answer.status or answer.status.state is not sql.StatementState.SUCCEEDED:
            raise RuntimeError(answer)

    return execute


def in_session(port: int, text: str) -> None:
    """Execute a statement in a session of its own on Sail, as JSON, too."""
    session = SparkSession.builder.channelBuilder(DefaultChannelBuilder(f"sc://127.0.0.1:{port}")).create()
    json_of(rows_of(session.sql(text).toArrow()))
    session.stop()


def measure(runs: int, *ways: Callable[[], None]) -> list[float]:
    """The lower quartile of each way in milliseconds, one after the other in turn.

    Not the median: three processes share two cores, so that whatever else runs counts more than once.
    """
    taken: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for _ in range(runs):
        for times, way in zip(taken, ways, strict=True):
            started = time.perf_counter()
            way()
            times.append((time.perf_counter() - started) * 1000)
    return [quantiles(times, n=4)[0] for times in taken]


if __name__ == "__main__":
    main()
