"""Files are looked at before anything starts: tables by name, columns, departments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.green_energy.facility_files import DATA_DIRECTORY, check_facilities, find_table_files

HEADER = (
    "TS,ProductionFacilityLocation,Department,AmtPowerUse,IsGreenEnergyInitiative,"
    "AmtPowerReturnedToGrid,AmtProductOutput\n"
)
ROW = "2024-06-21,North,Logistics,1,True,,1"


def folder(path: Path, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def test_the_table_is_the_name_up_to_the_first_dot(tmp_path: Path) -> None:
    names = [
        "Plants.csv",
        "facility.2.csv",
        "Facility.1.CSV",
        "notes.txt",
        ".hidden.csv",
        "_hidden.csv",
        "odd`;--x.csv",
    ]
    found = find_table_files(folder(tmp_path, **dict.fromkeys(names, "a\n1\n")))
    assert {files.table: [path.name for path in files.paths] for files in found} == {
        "facility": ["Facility.1.CSV", "facility.2.csv"],
        "plants": ["Plants.csv"],
        "odd`;--x": ["odd`;--x.csv"],
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x; DROP TABLE y.csv", "x; DROP TABLE y.csv: a name of a table has no space"),
        ("tab\tbed.csv", "a name of a table has no space"),
        (f"{'x' * 250}.csv", ""),
    ],
)
def test_a_name_that_no_table_can_have_is_refused(tmp_path: Path, name: str, message: str) -> None:
    folder(tmp_path, **{name: "a\n1\n"})
    if message:
        with pytest.raises(InputError) as refused:
            find_table_files(tmp_path)
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)
    else:
        assert len(find_table_files(tmp_path)[0].table) == 250


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="a named pipe"):
        find_table_files(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_table_files(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no CSV file"):
        find_table_files(tmp_path / "empty")


def test_the_data_of_the_package_has_four_departments() -> None:
    names = ["Manufacturing", "Quality Control", "Research & Development", "Logistics"]
    [files] = check_facilities(DATA_DIRECTORY, names)
    assert files.table == "facilityefficiency"
    with pytest.raises(InputError) as refused:
        check_facilities(DATA_DIRECTORY, ["Logistics", "Manufactoring"])
    assert str(refused.value) == (
        "unknown department `Manufactoring` (nearest: `Manufacturing`); "
        "names are those of the Department column"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: empty"),
        (HEADER.replace(",AmtPowerUse", ""), "line 1: column `AmtPowerUse` is missing; found `TS`, "),
        (HEADER.replace(",", ";"), "line 1: the fields are separated by semicolons"),
        (f'{HEADER}2024-06-21,"North', "line 2"),
        (f"{HEADER}2024-06-21,North,Logistics,1\n", "line 2: 4 fields where the header has 7"),
        (
            f"{HEADER}{ROW}\n2024-06-21,North,Logistics,much,True,1,1\n",
            "line 3, column `AmtPowerUse`: `much`",
        ),
        (
            f"{HEADER}21.06.2024,North,Logistics,1,True,1,1\n",
            "line 2, column `TS`: `21.06.2024` is not a day",
        ),
        (f"{HEADER}2024-06-21xyz,North,X,1,True,1,1\n", "column `TS`: `2024-06-21xyz` is not a day"),
        (f"{HEADER}2024-06-21 25:00,North,X,1,True,1,1\n", "`2024-06-21 25:00` is not a day"),
        (f"{HEADER}2024-06-21,North,X,1,,1,1\n", "line 2, column `IsGreenEnergyInitiative`: no value"),
        (f"{HEADER}2024-06-21,North,X,1,maybe,1,1\n", "column `IsGreenEnergyInitiative`: `maybe` is neither"),
    ],
)
def test_a_file_that_the_analysis_cannot_use_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder(tmp_path, **{"FacilityEfficiency.csv": text})
    with pytest.raises(InputError) as refused:
        check_facilities(tmp_path, [])
    assert "FacilityEfficiency.csv, " in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize("day", ["2024-06-21", "2024-06-21 10:00:00", "2024-06-21T10:00", ""])
def test_a_day_may_have_a_time_as_spark_takes_it(tmp_path: Path, day: str) -> None:
    folder(tmp_path, **{"FacilityEfficiency.csv": f"{HEADER}{ROW.replace('2024-06-21', day)}\n"})
    assert len(check_facilities(tmp_path, ["Logistics"])) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("other.csv", "", "other.csv, line 1: empty"),
        ("other.csv", "a,b\n1\n", "other.csv, line 2: 1 fields where the header has 2"),
        ("FacilityEfficiency.2.csv", f"{HEADER.strip()},More\n{ROW},1\n", "its columns are not those of"),
    ],
)
def test_all_files_are_looked_at_since_all_are_loaded(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    folder(tmp_path, **{"FacilityEfficiency.csv": f"{HEADER}{ROW}\n", name: text})
    with pytest.raises(InputError) as refused:
        check_facilities(tmp_path, [])
    assert message in str(refused.value)


def test_departments_may_be_in_any_file_of_the_table(tmp_path: Path) -> None:
    row = "2024-06-21,North,{},1,True,,1\n"
    files = {f"FacilityEfficiency.{name}.csv": HEADER + row.format(name) for name in ("A", "B")}
    [found] = check_facilities(folder(tmp_path, **files), ["A", "B"])
    assert len(found.paths) == 2
    with pytest.raises(InputError, match=r"holds no file of the name FacilityEfficiency\.csv"):
        check_facilities(folder(tmp_path / "other", **{"other.csv": HEADER}), [])
