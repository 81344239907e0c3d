"""Which pipeline `dbflow run` runs, with what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from dbflow.local.engine import refuse_without_tables
from dbflow.local.errors import StackError
from dbflow.pipelines.choice import Choice, chosen
from dbflow.pipelines.green_energy import GreenEnergyRun
from dbflow.pipelines.renewable import RenewableRun

NOTHING = Choice("renewable-analysis", None, False, None, None, Path("output"))
GREEN = replace(NOTHING, pipeline="green-energy")


def test_without_options_each_has_its_defaults() -> None:
    assert chosen(NOTHING) == RenewableRun(["Switzerland"], False, None, Path("output"))
    assert chosen(GREEN) == GreenEnergyRun(["Manufacturing"], None, Path("output"))


def test_options_reach_the_pipeline() -> None:
    asked = replace(GREEN, departments=["A", "B"], data=Path("d"), out=Path("o"))
    assert chosen(asked) == GreenEnergyRun(["A", "B"], Path("d"), Path("o"))


@pytest.mark.parametrize(
    ("choice", "option"),
    [
        (replace(GREEN, countries=["Peru"]), "--country"),
        (replace(GREEN, all_countries=True), "--all-countries"),
        (replace(NOTHING, departments=["Logistics"]), "--department"),
    ],
)
def test_an_option_of_the_other_one_is_refused(choice: Choice, option: str) -> None:
    with pytest.raises(InputError, match=f"{option} is no option of `dbflow run {choice.pipeline}`"):
        chosen(choice)


def test_a_pipeline_on_tables_is_refused_on_apache_spark() -> None:
    assert (GreenEnergyRun.needs_tables, RenewableRun.needs_tables) == (True, False)
    refuse_without_tables("sail")
    refuse_without_tables(None)
    with pytest.raises(StackError, match="leave --engine spark out"):
        refuse_without_tables("spark")


def test_other_data_has_a_schema_of_its_own_by_its_content(tmp_path: Path) -> None:
    assert GreenEnergyRun([], None, tmp_path).schema() == "elt"
    data = tmp_path / "FacilityEfficiency.csv"
    header = "TS,Department,AmtPowerUse,IsGreenEnergyInitiative,AmtPowerReturnedToGrid,AmtProductOutput\n"
    names: list[str] = []
    for text in ("2024-06-21,A,1,True,,1\n", "2024-06-21,A,2,True,,1\n", "2024-06-21,A,1,True,,1\n"):
        data.write_text(header + text)
        names.append(GreenEnergyRun([], tmp_path, tmp_path).schema())
    assert names[0] == names[2] != names[1]
