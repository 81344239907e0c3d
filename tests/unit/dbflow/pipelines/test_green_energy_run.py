"""What `dbflow run green-energy` refuses before anything starts, and where its tables go."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.green_energy.facility_files import DATA_DIRECTORY
from dbflow.pipelines.green_energy import GreenEnergyRun
from dbflow.pipelines.pipeline import Pipeline
from dbflow.pipelines.renewable import RenewableRun

FILE = DATA_DIRECTORY / "FacilityEfficiency.csv"


def schema_of(folder: Path, *names: str) -> str:
    folder.mkdir()
    for name in names:
        shutil.copy(FILE, folder / name)
    return GreenEnergyRun(["Logistics"], folder, folder / "out").schema()


def test_files_with_other_names_have_another_schema(tmp_path: Path) -> None:
    """A load knows files by their names: in the same tables, all rows would be there twice."""
    one = schema_of(tmp_path / "one", "FacilityEfficiency.csv")
    assert schema_of(tmp_path / "same", "FacilityEfficiency.csv") == one
    assert schema_of(tmp_path / "renamed", "FacilityEfficiency.2.csv") != one


@pytest.mark.parametrize(
    ("pipeline", "names"),
    [
        (GreenEnergyRun(["Logistics"], None, Path("out")), ("green_energy.png", "green_energy.csv")),
        (RenewableRun(["Peru"], False, None, Path("out")), ("shw.png", "shw.csv")),
    ],
    ids=["green energy", "renewable"],
)
def test_a_folder_in_the_place_of_a_result_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline[object], names: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in names:
        (tmp_path / "out" / name).mkdir(parents=True)
        with pytest.raises(InputError, match=rf"^out/{name}: a folder is in the place of the file"):
            pipeline.check()
        (tmp_path / "out" / name).rmdir()


def test_prefect_is_not_imported_before_it_is_set_up() -> None:
    names = "dbflow.pipelines.green_energy, dbflow.pipelines.renewable"
    code = f"import sys, {names}; print('prefect' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told == "False\n"
