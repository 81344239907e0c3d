"""The table of the days, and what notebooks return."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.green_energy.results import Day, Trend, read_trends, read_written, write_table

from .green_lab import department

HEADER = (
    "Department,IsGreenEnergyInitiative,TS,AvgAmtPowerUse,AvgAmtPowerReturnedToGrid,AvgAmtProductOutput,"
    "AvgAmtNetPowerConsumption,Efficiency"
)


def test_the_table_is_sorted_has_all_digits_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    found = [
        department('B, the "second"', [0.1254025213414362], [1e-05, None]),
        department("A", [1 / 3], []),
    ]
    assert write_table(found, tmp_path / "t.csv") == 4
    assert (tmp_path / "t.csv").read_bytes().decode() == "\n".join(
        [
            HEADER,
            "A,true,2024-06-21,10.0,4.0,3.0,6.0,0.3333333333333333",
            '"B, the ""second""",false,2024-06-21,10.0,,3.0,10.0,1e-05',
            '"B, the ""second""",false,2024-06-22,10.0,,3.0,10.0,',
            '"B, the ""second""",true,2024-06-21,10.0,4.0,3.0,6.0,0.1254025213414362',
            "",
        ]
    )


def test_a_row_of_sql_becomes_a_day() -> None:
    row = {
        "TS": date(2024, 6, 21),
        "AvgAmtPowerUse": 10.0,
        "AvgAmtPowerReturnedToGrid": None,
        "AvgAmtProductOutput": 3.0,
        "AvgAmtNetPowerConsumption": 10.0,
        "Efficiency": 0.3,
        "Other": "x",
    }
    assert Day.of_row(row) == Day(date(2024, 6, 21), (10.0, None, 3.0, 10.0, 0.3))


def test_a_table_without_our_columns_is_refused_by_the_name_of_the_column() -> None:
    with pytest.raises(InputError, match="the efficiency table has no column `AvgAmtPowerUse`"):
        Day.of_row({"TS": date(2024, 6, 21), "Efficiency": 0.3})


def test_what_the_notebooks_return_is_read() -> None:
    trend = {"rows": 119, "days": 30, "slope": 0.03, "r2": 0.4, "first_day": "2024-06-21"}
    none = {"rows": 0, "days": 0, "slope": None, "r2": None, "first_day": None}
    trends = read_trends({"analytics": json.dumps({"green": trend, "not_green": none})})
    assert trends == {"green": Trend(119, 30, 0.03, 0.4, date(2024, 6, 21)), "not_green": Trend(0, 0)}
    assert read_written({"x": '{"table": "t", "rows": 3}'}, "x").table == "t"


@pytest.mark.parametrize("value", ["", "30", "{}", '{"green": {"rows": 1, "days": 1}}', "not JSON\nat all"])
def test_what_other_notebooks_return_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(
        InputError, match="the notebook analytics has to return its result as JSON"
    ) as refused:
        read_trends({"analytics": value})
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="the notebook transform_green has to return"):
        read_written({"transform_green": value}, "transform_green")
