"""`dbflow run green-energy`, as a user meets it: from nothing to a chart, and fed rubbish."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbflow.local.stack import LocalStack

from .green_lab import assert_table_is_golden
from .green_results import DEPARTMENTS, FACILITIES
from .test_dbflow import dbflow

HEADER = FACILITIES.read_text().partition("\n")[0]


def green_energy(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return dbflow(directory, "run", "green-energy", *arguments)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory in which nothing has ever run."""
    path = tmp_path_factory.mktemp("mein Ordner é")
    yield path
    LocalStack(path / ".dbflow").stop()


@pytest.fixture(scope="module")
def first_run(directory: Path) -> subprocess.CompletedProcess[str]:
    return green_energy(directory, "--keep")


def test_a_first_run_shows_its_steps_and_ends_with_a_summary(
    directory: Path, first_run: subprocess.CompletedProcess[str]
) -> None:
    assert first_run.returncode == 0, first_run.stderr
    assert first_run.stderr == ""
    text = " ".join(first_run.stdout.split())
    for step in ("upload_files 1/1", "copy_into 1/1", "run_databricks_job 5/5", "create_graph 1/1"):
        assert step in text
    assert "Completed green_energy" in text
    assert "Manufacturing with 119 30 +0.03282 0.42 Manufacturing without 121 30 -0.00221 0.18" in text
    assert "main.elt.facilityefficiency (960 new rows)" in text
    assert "output/green_energy.png" in text
    assert "output/green_energy.csv (60 rows)" in text
    assert "Prefect run http" in text
    assert "Databricks run http" in text
    assert len(first_run.stdout.splitlines()) < 40
    assert sorted(path.name for path in (directory / "output").iterdir()) == [
        "green_energy.csv",
        "green_energy.png",
    ]
    assert_table_is_golden(directory / "output" / "green_energy.csv", ["Manufacturing"])
    assert (directory / "output" / "green_energy.png").stat().st_size > 10_000


@pytest.mark.usefixtures("first_run")
def test_all_departments_are_in_one_table_and_nothing_is_loaded_again(directory: Path) -> None:
    asked = [part for name in reversed(DEPARTMENTS) for part in ("--department", name)]
    again = green_energy(directory, "--keep", "--out", "all four", *asked)
    assert again.returncode == 0, again.stderr
    assert "main.elt.facilityefficiency (0 new rows)" in again.stdout
    assert "Research & Development: run_databricks_job" in again.stdout
    assert re.search(r"Prefect run +http\S+ \(Research & Development\)", again.stdout)
    assert_table_is_golden(directory / "all four" / "green_energy.csv", list(DEPARTMENTS))
    assert sorted(path.name for path in (directory / "all four").iterdir()) == [
        "green_energy.csv",
        "green_energy.png",
    ]


@pytest.mark.usefixtures("first_run")
def test_other_data_has_tables_of_its_own(directory: Path) -> None:
    """With a department whose name is a trap, days without a value, and all rows of one kind."""
    name = 'O\'Neill & `Sons`; -- \\ "x"'
    quoted = '"' + name.replace('"', '""') + '"'
    data = directory / "other data"
    data.mkdir()
    asked = ["--keep", "--data", data.name, "--out", "other", "--department", name]
    rows = [f"2024-06-{day},Nord,{quoted},{100 + day},False,,{day}.25" for day in (21, 22, 25)]
    file, renamed = data / FACILITIES.name, data / "FacilityEfficiency.2.csv"
    file.write_text("\n".join([HEADER, *rows, ""]))
    for path in (file, renamed):
        if path == renamed:
            # Loaded into the same table, its rows would be there twice.
            file.rename(renamed)
        ran = green_energy(directory, *asked)
        assert ran.returncode == 0, ran.stderr
        assert_table_is_golden(directory / "other" / "green_energy.csv", [name], path)
        assert re.search(r"main\.elt_[0-9a-f]{12}\.facilityefficiency \(3 new rows\)", ran.stdout)
        assert re.search(r" without +3 +3 ", ran.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--department", "Manufactoring"], "unknown department `Manufactoring` (nearest: `Manufacturing`)"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--data", "empty"], "empty: holds no CSV file"),
        (["--data", "pipe"], "pipe/FacilityEfficiency.csv: a named pipe, not a regular file"),
        (
            ["--data", "rubbish"],
            "line 2, column `AmtPowerUse`: `much` is not a number",
        ),
        (["--data", "odd"], "x; DROP TABLE y.csv: a name of a table has no space"),
        (["--data", "other"], "other.csv, line 1: empty"),
        (["--out", "taken"], "green_energy.png: is a folder; remove it"),
        (["--country", "Peru"], "--country is no option of `dbflow run green-energy`"),
        (["--all-countries"], "--all-countries is no option of `dbflow run green-energy`"),
        (["--engine", "spark"], "clusters with Apache Spark do not here"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_starts(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    folders = ["empty", "odd", "other", "pipe", "rubbish", "taken"]
    for folder in folders:
        (tmp_path / folder).mkdir()
    os.mkfifo(tmp_path / "pipe" / FACILITIES.name)
    (tmp_path / "rubbish" / FACILITIES.name).write_text(f"{HEADER}\n2024-06-21,N,Logistics,much,True,1,1\n")
    (tmp_path / "taken" / "green_energy.png").mkdir()
    shutil.copy(FACILITIES, tmp_path / "other")
    (tmp_path / "other" / "other.csv").touch()
    shutil.copy(FACILITIES, tmp_path / "odd" / "x; DROP TABLE y.csv")
    refused = green_energy(tmp_path, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == folders


def test_an_option_of_the_other_pipeline_is_refused(tmp_path: Path) -> None:
    refused = dbflow(tmp_path, "run", "--department", "Logistics")
    assert refused.returncode == 2
    assert (
        refused.stderr
        == "Error: --department is no option of `dbflow run renewable-analysis`; leave it out\n"
    )


def test_help_names_both_pipelines() -> None:
    text = " ".join(dbflow(Path.cwd(), "run", "--help").stdout.split())
    for part in ("renewable-analysis", "green-energy", "--department", "green_energy.png"):
        assert part in text
