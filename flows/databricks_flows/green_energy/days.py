"""Reads the days that the notebooks wrote, by SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from databricks_flows.green_energy.place import Place
from databricks_flows.green_energy.results import KINDS, Day, Department, Kind, read_trends, read_written
from databricks_flows.tasks.sql import databricks_sql


async def read_department(name: str, exit_values: Mapping[str, str], place: Place) -> Department:
    """Read what the notebooks found for a department.

    Args:
        name: Name of the department.
        exit_values: What each notebook gave to `dbutils.notebook.exit`, by task key.
        place: Where the tables are.

    Raises:
        InputError: A notebook returned something else than ours do.
    """
    trends = read_trends(exit_values)
    kinds = []
    for kind, green in sorted(KINDS.items(), key=lambda one: one[1]):
        table = place.quoted(read_written(exit_values, f"transform_{kind}").table)
        result = await databricks_sql(f"SELECT * FROM {table} ORDER BY TS", warehouse=place.warehouse)  # noqa: S608 - quoted
        rows = await asyncio.to_thread(result.rows)
        kinds.append(Kind(green, trends[kind], tuple(map(Day.of_row, rows))))
    return Department(name, tuple(kinds))
