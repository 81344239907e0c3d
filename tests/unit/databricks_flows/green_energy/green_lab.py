"""Results of an analysis for tests."""

from __future__ import annotations

from datetime import date, timedelta

from databricks_flows.green_energy.results import Day, Department, Kind, Trend

FIRST = date(2024, 6, 21)


def department(
    name: str, green: list[float | None], other: list[float | None], slope: float | None = 0.5
) -> Department:
    """A department with the efficiency of each day."""
    return Department(name, (kind(False, other, slope), kind(True, green, slope)))


def kind(green: bool, efficiencies: list[float | None], slope: float | None) -> Kind:
    days = [
        Day(FIRST + timedelta(offset), (10.0, 4.0 if green else None, 3.0, 6.0 if green else 10.0, value))
        for offset, value in enumerate(efficiencies)
    ]
    if not days:
        return Kind(green, Trend(0, 0), ())
    ends = (None, None) if slope is None else (0.25, 0.25 + slope * (len(days) - 1))
    last = FIRST + timedelta(len(days) - 1)
    trend = Trend(4 * len(days), len(days), slope, None if slope is None else 0.42, FIRST, last, *ends)
    return Kind(green, trend, tuple(days))
