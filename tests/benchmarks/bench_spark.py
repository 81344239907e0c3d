"""What the notebooks cost beside one query by hand: `uv run python -m tests.benchmarks.bench_spark`.

Three CSV files are joined and combined in one session, in turn by one query typed by hand, by the same in two
steps with the joined rows as Parquet between them, and by the two notebooks. On Sail; `--apache-spark` adds
Apache Spark. The size of the issue: `--rows 4000000`.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.table import Table

from tests.e2e.notebook_results import SHARES, TABLES, Ended, Engine, apache_engine, sail_engine

from .machine import open_console

YEARS = 500
QUERY = """# Databricks notebook source
from pyspark.sql import functions as F

source, target = dbutils.widgets.get("source"), dbutils.widgets.get("target")
names = ("Solar", "Hydro", "Wind")
joined = None
for name in names:
    schema = f"Entity string, Code_{name} string, Year int, {name} double"
    rows = spark.read.csv(f"{source}/{name.lower()}.csv", schema, header=True, multiLine=True, escape='"')
    joined = rows if joined is None else joined.join(rows, ["Entity", "Year"], "full_outer")
codes = F.coalesce(*(f"Code_{name}" for name in names)).alias("Code")
joined = joined.select("Entity", codes, "Year", *names)
"""
PARQUET = """
joined.write.mode("overwrite").parquet(f"{target} joined")
joined = spark.read.parquet(f"{target} joined")
"""
RESULT = """
combined = (F.col("Solar") + F.col("Hydro") + F.col("Wind")).alias("SHW%")
joined.select("*", combined).write.mode("overwrite").csv(target, header=True, escape='"')
dbutils.notebook.exit("")
"""


def main() -> None:
    """Run everything both ways, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=400_000, help="of each file [default: 400000]")
    parser.add_argument("--runs", type=int, default=3, help="of each kind, in turn [default: 3]")
    parser.add_argument("--apache-spark", action="store_true", help="measure on it, too")
    options = parser.parse_args()
    console = open_console(("pysail", "pyspark-client"))
    table = Table(
        title=f"Three files of {options.rows:,} rows; medians of {options.runs}", title_justify="left"
    )
    for heading in ("engine", "by", "seconds", "notebooks / it"):
        table.add_column(heading, justify="left" if heading in {"engine", "by"} else "right")
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        write_shares(folder / "source", options.rows)
        with sail_engine(folder) as started:
            _add(table, "Sail", started, folder, options.runs)
        if options.apache_spark:
            with apache_engine(folder) as started:
                _add(table, "Apache Spark", started, folder, options.runs)
    console.print(table)
    console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")


def write_shares(folder: Path, rows: int) -> None:
    """Write a file for each share; each lacks every tenth of the years that there are, another tenth each."""
    folder.mkdir()
    for number, (name, share) in enumerate(zip(TABLES, SHARES, strict=True)):
        dice = random.Random(name)
        with (folder / f"{name}.csv").open("w", encoding="utf-8") as stream:
            stream.write(f"Entity,Code,Year,{share}\n")
            for key in range(rows * 10 // 9):
                if key % 10 != number:
                    entity, year = divmod(key, YEARS)
                    code = f"C{entity}" if entity % 2 else ""
                    stream.write(f"Country {entity},{code},{1500 + year},{dice.random() * 33:.9f}\n")


def _add(table: Table, name: str, started: Engine, folder: Path, runs: int) -> None:
    source, joined, result = folder / "source", folder / "joined", folder / "result"
    given = {"source": source.as_uri(), "target": (folder / "by hand").as_uri()}
    ways: dict[str, Callable[[], list[Ended]]] = {
        "one query by hand": lambda: [started.run_source(QUERY + RESULT, "by hand", given)],
        "two by hand": lambda: [started.run_source(QUERY + PARQUET + RESULT, "by hand", given)],
        "the two notebooks": lambda: [
            started.join(source, TABLES, joined),
            started.transform(joined, result),
        ],
    }
    for way in ways.values():
        _seconds(way)  # what only the first query of a session pays is no part of this
    measured = {way: [0.0] * runs for way in ways}
    for turn in range(runs):
        for way, work in ways.items():
            measured[way][turn] = _seconds(work)
    ours = median(measured["the two notebooks"])
    table.add_section()
    for way, seconds in measured.items():
        table.add_row(name, way, f"{median(seconds):.2f}", f"{ours / median(seconds):.2f}")


def _seconds(work: Callable[[], list[Ended]]) -> float:
    started = time.perf_counter()
    errors = [ended.error for ended in work() if ended.error]
    if errors:
        raise RuntimeError(errors[0])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
