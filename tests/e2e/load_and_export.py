"""Loads a CSV file, exports its table, and prints the peak of the memory of both together, in MiB.

python -m tests.e2e.load_and_export FILE SCHEMA PREFIX
"""

from __future__ import annotations

import sys
from pathlib import Path

from databricks_blocks.database.tables import Column, Table
from databricks_flows.load.csv_files import load_csv_files
from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.steps import export_table
from prefect.logging import disable_run_logger

from .peak_memory import peak_mebibytes


def main() -> None:
    """Do as it says."""
    file, schema, prefix = sys.argv[1:]
    load_csv_files([file], schema)
    with Path(file).open(encoding="utf-8") as stream:
        columns = stream.readline().rstrip().split(",")
    table = Table(Path(file).stem, dict.fromkeys(columns, Column("text")))
    with disable_run_logger():
        export_table.fn(table, table.name, RunScope("database", schema, "staging", prefix))
    sys.stdout.write(f"{peak_mebibytes():.0f}\n")


if __name__ == "__main__":
    main()
