"""What COPY INTO costs beside Sail alone: `uv run python -m tests.benchmarks.bench_copy_into`.

CSV files become rows of a new Delta table, in turn by `COPY INTO` over a warehouse, and by a plain Sail
server, which reads the same files with the types of the table and writes them. Each size, a quarter of all
first, has its own processes. Their processor time is seen, too, which depends less on other work of the
machine, and their resident memory: that of all at its highest, and what that is more than before. The issue
allows 1.3 times the time, and memory that does not grow. Its size: `--gigabytes 1`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from databricks.sdk.service import sql
from databricks_local import LocalWorkspace
from pysail.spark import SparkConnectServer
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession
from rich.table import Table

from .bench_load import write_csv
from .machine import open_console

COLUMNS = "Entity STRING, Code STRING, Year INT, Measured DATE, Value DOUBLE"
ALLOWED_RATIO = 1.3
MEBIBYTE = 1024 * 1024
POLL_SECONDS = 1
"""Only after 50 s without an answer. Each question costs the workspace processor time."""

Way = Callable[[Path], int]
"""Makes a table of the files in a directory; gives the number of its rows."""


@dataclass
class Measured:
    """What the runs of a way took: seconds, those of processors, bytes in memory at most and added."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)


def main() -> None:
    """Load files of both sizes both ways, and print what it takes."""
    options = _options()
    if options.serve:
        _serve()
        return
    os.environ["DATABRICKS_CONFIG_FILE"] = os.devnull
    console = open_console(("pysail", "pyspark-client", "deltalake"))
    table = Table(title=f"{options.files} files; medians of {options.runs} in turn", title_justify="left")
    for heading in ("files", "by", "seconds", "ratio", "processor", "ratio", "memory at most", "added"):
        table.add_column(heading, justify="left" if heading in {"files", "by"} else "right")
    with TemporaryDirectory() as directory:
        for share in (0.25, 1.0):
            folder = Path(directory) / f"of {share}"
            folder.mkdir()
            size = int(options.gigabytes * share * 1e9)
            rows = sum(
                write_csv(folder / f"part_{number}.csv", size // options.files)
                for number in range(options.files)
            )
            measured = _measure(folder, rows, options.runs)
            _add(table, f"{size / 1e9:g} GB, {rows / 1e6:.1f} M rows", measured)
            shutil.rmtree(folder)
    console.print(table)
    console.print(f"Allowed: {ALLOWED_RATIO}. Load of the machine: {os.getloadavg()[0]:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=0.2, help="of CSV in all [default: 0.2]")
    parser.add_argument("--files", type=int, default=8, help="that they are in [default: 8]")
    parser.add_argument("--runs", type=int, default=3, help="of each kind, in turn [default: 3]")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(folder: Path, rows: int, runs: int) -> dict[str, Measured]:
    """Load the files of a folder in new processes, in turn."""
    with TemporaryDirectory() as directory, copying() as ours, sail_alone(Path(directory)) as alone:
        ways = {"Sail alone": alone, "COPY INTO": ours}
        first = Path(directory) / "first"
        first.mkdir()
        write_csv(first / "first.csv", 1000)
        for way, _ in ways.values():
            way(first)  # what only the first statement of a process pays is no part of this
        measured = {name: Measured() for name in ways}
        for _ in range(runs):
            for name, (way, process) in ways.items():
                _take(measured[name], partial(way, folder), process, rows)
    return measured


def _take(measured: Measured, way: Callable[[], int], process: psutil.Process, rows: int) -> None:
    before = _forget_peaks(process)
    used, started = _processor_seconds(process), time.perf_counter()
    found = way()
    measured.seconds.append(time.perf_counter() - started)
    measured.processor.append(_processor_seconds(process) - used)
    peak = _resident(process, "VmHWM")
    measured.peaks.append(peak)
    measured.added.append(peak - before)
    if found != rows:
        raise RuntimeError(f"{found} rows were loaded of {rows}")


@contextmanager
def copying() -> Iterator[tuple[Way, psutil.Process]]:
    """COPY INTO over a warehouse of a workspace of its own, and the process above all of its processes."""
    with LocalWorkspace() as workspace:
        client = workspace.client()
        warehouse_id = str(next(iter(client.warehouses.list())).id)
        client.warehouses.start_and_wait(warehouse_id)
        numbers = count()

        def execute(text: str) -> sql.StatementResponse:
            answer = client.statement_execution.execute_statement(text, warehouse_id, wait_timeout="50s")
            while answer.status and answer.status.state in (
                sql.StatementState.PENDING,
                sql.StatementState.RUNNING,
            ):
                time.sleep(POLL_SECONDS)
                answer = client.statement_execution.get_statement(str(answer.statement_id))
            if not answer.status or answer.status.state is not sql.StatementState.SUCCEEDED:
                raise RuntimeError(answer)
            return answer

        def copy(folder: Path) -> int:
            name = f"main.default.copied_{next(numbers)}"
            execute(f"CREATE TABLE {name} ({COLUMNS})")
            answer = execute(
                f"COPY INTO {name} FROM 'file:{folder}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
            )
            return int(answer.result.data_array[0][0]) if answer.result and answer.result.data_array else 0

        yield copy, psutil.Process(workspace.process.pid if workspace.process else None)


@contextmanager
def sail_alone(directory: Path) -> Iterator[tuple[Way, psutil.Process]]:
    """A plain Sail server that reads the files and writes the table, and its process."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_copy_into", "--serve"]
    quiet = {**os.environ, "RUST_LOG": "error"}
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet)
    port = server.stdout.readline().strip() if server.stdout else ""
    channel = DefaultChannelBuilder(f"sc://127.0.0.1:{port}")
    session = SparkSession.builder.channelBuilder(channel).create()
    numbers = count()

    def load(folder: Path) -> int:
        target = str(directory / f"table_{next(numbers)}")
        files = [str(path) for path in sorted(folder.iterdir())]
        rows = session.read.schema(COLUMNS).option("header", "true").csv(files)
        rows.write.format("delta").save(target)
        return int(session.read.format("delta").load(target).count())

    try:
        yield load, psutil.Process(server.pid)
    finally:
        session.stop()
        server.communicate()  # closes its input


def _serve() -> None:
    """Be a plain Sail server until the input ends."""
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    sys.stdout.write(f"{address[1] if address else 0}\n")
    sys.stdout.flush()
    sys.stdin.read()


def _forget_peaks(process: psutil.Process) -> int:
    """Let the peaks of processes begin anew; gives the memory that they have now."""
    for each in (process, *process.children(recursive=True)):
        Path(f"/proc/{each.pid}/clear_refs").write_text("5")
    return _resident(process, "VmRSS")


def _resident(process: psutil.Process, kind: str) -> int:
    """The sum over a process and those below it (man 5 proc): `VmRSS` now, `VmHWM` at the highest."""
    found = 0
    for each in (process, *process.children(recursive=True)):
        status = Path(f"/proc/{each.pid}/status").read_text(encoding="utf-8")
        size = re.search(rf"{kind}:\s+(\d+) kB", status)
        found += int(size[1]) * 1024 if size else 0
    return found


def _processor_seconds(process: psutil.Process) -> float:
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def _add(table: Table, name: str, measured: dict[str, Measured]) -> None:
    table.add_section()
    alone = measured["Sail alone"]
    for way, each in measured.items():
        row = [name, way]
        for taken, floor in ((each.seconds, alone.seconds), (each.processor, alone.processor)):
            row += [f"{median(taken):.2f}", f"{median(taken) / median(floor):.2f}"]
        row += [f"{max(sizes) / MEBIBYTE:.0f} MiB" for sizes in (each.peaks, each.added)]
        table.add_row(*row)


if __name__ == "__main__":
    main()
