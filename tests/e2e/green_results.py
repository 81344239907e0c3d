"""What the notebooks of the green energy pipeline have to give, computed from the CSV file without Spark."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from math import fsum, nan
from pathlib import Path
from typing import Any

import pytest

from .notebook_results import REPOSITORY, Ended, Engine

FACILITIES = REPOSITORY / "flows" / "databricks_flows" / "green_energy" / "data" / "FacilityEfficiency.csv"
DEPARTMENTS = ("Manufacturing", "Quality Control", "Research & Development", "Logistics")
_HEADER = "# Databricks notebook source\n"
KINDS = ("green", "not_green")

Day = tuple[str, float, float | None, float, float, float | None]
"""TS, means of power used, returned and of output, net power, efficiency."""


@dataclass(frozen=True)
class Golden:
    """What is right for one department and kind."""

    rows: int
    days: list[Day]
    slope: float
    r2: float
    on_first_day: float
    on_last_day: float


def golden(department: str, kind: str, path: Path = FACILITIES) -> Golden:
    """Means by day, and the line of least squares in its closed form."""
    by_day: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["Department"] == department and row["IsGreenEnergyInitiative"] == str(kind == "green"):
                by_day[row["TS"]].append(row)
    days = [_day(ts, by_day[ts]) for ts in sorted(by_day)]
    if not days:
        return Golden(0, [], nan, nan, nan, nan)
    x = [
        float(date.fromisoformat(day[0]).toordinal() - date.fromisoformat(days[0][0]).toordinal())
        for day in days
    ]
    y = [day[5] for day in days if day[5] is not None]
    mean_x, mean_y = fsum(x) / len(x), fsum(y) / len(y)
    s_xx = fsum((a - mean_x) ** 2 for a in x)
    s_yy = fsum((b - mean_y) ** 2 for b in y)
    s_xy = fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    slope = s_xy / s_xx
    first, last = (mean_y + slope * (at - mean_x) for at in (x[0], x[-1]))
    return Golden(sum(map(len, by_day.values())), days, slope, s_xy**2 / (s_xx * s_yy), first, last)


def _day(ts: str, rows: list[dict[str, str]]) -> Day:
    use, returned, output = (
        _mean([float(row[name]) for row in rows if row[name]])
        for name in ("AmtPowerUse", "AmtPowerReturnedToGrid", "AmtProductOutput")
    )
    assert use is not None
    assert output is not None
    net = use - (returned or 0.0)
    return ts, use, returned, output, net, output / net


def _mean(values: list[float]) -> float | None:
    return fsum(values) / len(values) if values else None


@dataclass(frozen=True)
class Place:
    """A schema of a Spark session that has the table `facilityefficiency`."""

    engine: Engine
    catalog: str
    schema: str

    @classmethod
    def make(cls, engine: Engine, path: Path = FACILITIES) -> Place:
        """Load the CSV file into a table."""
        ended = engine.run_source(
            f"{_HEADER}spark.read.csv(dbutils.widgets.get('path'), header=True, schema='TS date, "
            "ProductionFacilityLocation string, Department string, AmtPowerUse double, "
            "IsGreenEnergyInitiative boolean, AmtPowerReturnedToGrid double, AmtProductOutput double')"
            ".write.mode('overwrite').saveAsTable('facilityefficiency')\n"
            "import json\n"
            "found = spark.sql('SELECT current_catalog(), current_schema()').collect()[0]\n"
            "dbutils.notebook.exit(json.dumps(list(found)))",
            "make",
            {"path": path.as_uri()},
        )
        assert ended.exit_value, ended.error
        return cls(engine, *json.loads(ended.exit_value))

    def run(self, notebook: str, department: str) -> Ended:
        return self.engine.run(notebook, catalog=self.catalog, schema=self.schema, department=department)

    def returned(self, notebook: str, department: str) -> Any:
        """Run a notebook, and read the JSON that it returns."""
        ended = self.run(notebook, department)
        assert ended.exit_value, ended.error
        return json.loads(ended.exit_value)

    def rows(self, name: str) -> list[list[Any]]:
        """All rows of a table, dates as texts."""
        table = ".".join(f"`{part}`" for part in (self.catalog, self.schema, name))
        ended = self.engine.run_source(
            f"{_HEADER}import json\n"
            "rows = spark.table(dbutils.widgets.get('table')).collect()\n"
            "dbutils.notebook.exit(json.dumps([list(row) for row in rows], default=str))",
            "read",
            {"table": table},
        )
        assert ended.exit_value, ended.error
        return sorted(json.loads(ended.exit_value))

    def analyse(self, department: str) -> dict[str, Any]:
        """Run all five notebooks; what each returned, by its name."""
        names = ("extract_green", "extract_not_green", "transform_green", "transform_not_green", "analytics")
        return {name: self.returned(name, department) for name in names}


def assert_golden(place: Place, department: str) -> None:
    """Run the notebooks, and compare all that they write and return, to 1e-9."""
    returned = place.analyse(department)
    trends = returned["analytics"]
    for kind in KINDS:
        right = golden(department, kind)
        assert returned[f"extract_{kind}"]["rows"] == right.rows
        transformed = returned[f"transform_{kind}"]
        assert transformed["rows"] == len(right.days)
        days = place.rows(transformed["table"])
        assert [day[0] for day in days] == [day[0] for day in right.days]
        for found, expected in zip(days, right.days, strict=True):
            assert [value is None for value in found] == [value is None for value in expected]
            measured = [value for value in found[1:] if value is not None]
            assert measured == pytest.approx([value for value in expected[1:] if value is not None], abs=1e-9)
        trend = trends[kind]
        assert (trend["rows"], trend["days"]) == (right.rows, len(right.days))
        assert (trend["first_day"], trend["last_day"]) == (right.days[0][0], right.days[-1][0])
        line = [trend[name] for name in ("slope", "r2", "on_first_day", "on_last_day")]
        assert line == pytest.approx([right.slope, right.r2, right.on_first_day, right.on_last_day], abs=1e-9)
