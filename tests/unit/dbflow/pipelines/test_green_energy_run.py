"""What `dbflow run green-energy` loads where, and what it refuses before anything starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.green_energy.facility_files import DATA_DIRECTORY
from dbflow.pipelines.green_energy import GreenEnergyRun


def run(data: Path | None, out: Path) -> GreenEnergyRun:
    return GreenEnergyRun(["Logistics"], data, out)


def copied(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        shutil.copy(DATA_DIRECTORY / "FacilityEfficiency.csv", folder / name)
    return folder


def test_files_of_other_names_or_contents_have_a_schema_of_their_own(tmp_path: Path) -> None:
    """The path of a file is what COPY INTO knows it by: a renamed one would add its rows once more."""
    folders = [
        copied(tmp_path / "one", "FacilityEfficiency.csv"),
        copied(tmp_path / "renamed", "FacilityEfficiency.2.csv"),
        copied(tmp_path / "two", "FacilityEfficiency.csv", "FacilityEfficiency.2.csv"),
        copied(tmp_path / "other", "FacilityEfficiency.csv"),
    ]
    (folders[3] / "plants.csv").write_text("a\n1\n")
    schemas = [run(folder, tmp_path).schema() for folder in folders]
    (folders[3] / "plants.csv").write_text("a\n2\n")
    schemas.append(run(folders[3], tmp_path).schema())
    assert len(set(schemas)) == len(schemas)
    shutil.copytree(folders[0], tmp_path / "elsewhere")
    assert run(tmp_path / "elsewhere", tmp_path).schema() == schemas[0]
    assert run(None, tmp_path).schema() == "elt"


@pytest.mark.parametrize("name", ["green_energy.csv", "green_energy.png"])
def test_a_folder_in_the_place_of_an_output_is_refused_before_anything_starts(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f"{name}: is a folder; remove it"):
        run(None, tmp_path).check()
