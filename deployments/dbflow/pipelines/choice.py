"""Which pipeline the options of `dbflow run` ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from databricks_blocks.csv.faults import InputError

from dbflow.pipelines.pipeline import Pipeline


@dataclass(frozen=True)
class Choice:
    """The options of `dbflow run`.

    Attributes:
        pipeline: Name of the pipeline.
        countries: `--country`.
        all_countries: `--all-countries`.
        departments: `--department`.
        data: `--data`.
        out: `--out`.
    """

    pipeline: Literal["renewable-analysis", "green-energy"]
    countries: list[str] | None
    all_countries: bool
    departments: list[str] | None
    data: Path | None
    out: Path


def chosen(choice: Choice) -> Pipeline[Any]:
    """The pipeline that is asked for.

    Raises:
        InputError: An option belongs to the other pipeline.
    """
    if choice.pipeline == "green-energy":
        from dbflow.pipelines.green_energy import GreenEnergyRun

        _refuse("--country", choice.countries, choice)
        _refuse("--all-countries", choice.all_countries, choice)
        return GreenEnergyRun(choice.departments or ["Manufacturing"], choice.data, choice.out)
    from dbflow.pipelines.renewable import RenewableRun

    _refuse("--department", choice.departments, choice)
    return RenewableRun(choice.countries or ["Switzerland"], choice.all_countries, choice.data, choice.out)


def _refuse(option: str, value: object, choice: Choice) -> None:
    if value:
        raise InputError(f"{option} is no option of `dbflow run {choice.pipeline}`; leave it out")
