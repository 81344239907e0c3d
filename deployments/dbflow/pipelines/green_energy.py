"""The green energy pipeline, as `dbflow run green-energy` runs it: load, then an analysis a department."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from databricks_flows.green_energy.facility_files import DATA_DIRECTORY, check_facilities, find_table_files
from databricks_flows.green_energy.results import check_targets
from databricks_flows.renewable.share_files import writable_folder
from databricks_flows.renewable.staged_note import digest
from rich.markup import escape
from rich.table import Table

from dbflow.terminal import StepBars, nearby

if TYPE_CHECKING:
    from databricks_flows.green_energy.analysis import GreenEnergyAnalysis
    from databricks_flows.green_energy.assets import LoadedTable
    from databricks_flows.green_energy.outputs import Written
    from databricks_flows.green_energy.results import Department
    from databricks_flows.shared.progress import Progress
    from rich.console import Console


@dataclass(frozen=True)
class GreenEnergyResult:
    """What both flows came to.

    Attributes:
        loaded: The tables, and how many rows were loaded into each.
        analyses: The analysis of each department.
        written: Table and chart of all departments.
    """

    loaded: list[LoadedTable]
    analyses: list[GreenEnergyAnalysis]
    written: Written


@dataclass(frozen=True)
class GreenEnergyRun:
    """What was asked for.

    Attributes:
        departments: Names of departments.
        data: Folder of CSV files, or nothing for the data that comes with the package.
        out: Folder for chart and table.
    """

    departments: list[str]
    data: Path | None
    out: Path
    libraries: ClassVar[tuple[str, ...]] = (
        "databricks_flows.green_energy.analysis",
        "databricks_flows.green_energy.load",
        "databricks.sdk",
        "prefect_aws.s3",
    )
    needs_tables: ClassVar[bool] = True

    def check(self) -> None:
        """Refuse unusable files and unknown departments before anything starts.

        Raises:
            InputError: A file or a department cannot be used.
        """
        check_facilities(self._directory, self.departments)
        check_targets(writable_folder(self.out))

    async def work(self, bars: StepBars) -> GreenEnergyResult:
        """Run both flows, and write table and chart of all departments."""
        from databricks_flows.green_energy.analysis import analyse_green_energy
        from databricks_flows.green_energy.chart import MODULE
        from databricks_flows.green_energy.load import load_green_energy
        from databricks_flows.green_energy.outputs import write_results
        from databricks_flows.shared.chart_process import chart_process
        from databricks_flows.shared.progress import listening

        schema = self.schema()
        with chart_process(MODULE) as charting:
            with listening(bars.show, bars.say):
                loaded = await load_green_energy(str(self._directory.resolve()), schema_name=schema)
            names = list(dict.fromkeys(self.departments))
            analyses = []
            for name in names:
                with listening(_shown(bars, name if len(names) > 1 else ""), bars.say):
                    analyses.append(await analyse_green_energy(name, schema_name=schema, output_directory=""))
            found = [analysis.department for analysis in analyses]
            written = await asyncio.to_thread(write_results, found, charting, self.out.resolve())
        return GreenEnergyResult(loaded, analyses, written)

    @property
    def _directory(self) -> Path:
        return self.data or DATA_DIRECTORY

    def schema(self) -> str:
        """Schema of the tables: other files, and other names, get another one.

        A load only adds rows, and knows files by their names: a file of another name would be loaded twice.
        """
        from databricks_flows.green_energy.place import SCHEMA

        if self.data is None:
            return SCHEMA
        paths = [path for files in find_table_files(self.data) for path in files.paths]
        # No name of a file holds a slash.
        named = "/".join(f"{path.name}/{digest(path)}" for path in sorted(paths))
        return f"{SCHEMA}_{hashlib.sha256(named.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"

    def print_summary(self, console: Console, result: GreenEnergyResult) -> None:
        """Print what came out, and where to look at it."""
        console.print("\n[bold green]Completed[/] green_energy", highlight=False)
        table = Table(box=None, pad_edge=False)
        for heading in ("department", "initiative", "rows", "days", "change a day", "R²"):
            table.add_column(heading)
        for analysis in result.analyses:
            for row in _rows(analysis.department):
                table.add_row(*map(escape, row))
        console.print(table)
        for label, value in _where(result):
            console.print(f"[dim]{label:<15}[/]{escape(value)}", highlight=False, soft_wrap=True)


def _shown(bars: StepBars, department: str) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        step = f"{department}: {progress.step}" if department else progress.step
        bars.show(replace(progress, step=step))

    return show


def _number(rows: int | None) -> str:
    return "an unknown number of" if rows is None else str(rows)


def _rows(department: Department) -> list[tuple[str, ...]]:
    return [
        (
            department.name,
            "with" if kind.green else "without",
            str(kind.trend.rows),
            str(kind.trend.days),
            "none" if kind.trend.slope is None else f"{kind.trend.slope:+.5f}",
            "none" if kind.trend.r2 is None else f"{kind.trend.r2:.2f}",
        )
        for kind in sorted(department.kinds, key=lambda kind: not kind.green)
    ]


def _where(result: GreenEnergyResult) -> list[tuple[str, str]]:
    written = result.written
    rows = [("loaded", f"{one.table} ({_number(one.rows)} new rows)") for one in result.loaded]
    files = [("chart", nearby(written.chart)), ("table", f"{nearby(written.table)} ({written.rows} rows)")]
    runs = [
        (label, url if len(result.analyses) == 1 else f"{url} ({analysis.department.name})")
        for analysis in result.analyses
        for label, url in (
            ("Prefect run", analysis.flow_run_url),
            ("Databricks run", analysis.databricks_run_url),
        )
    ]
    return [*rows, *files, *runs]
