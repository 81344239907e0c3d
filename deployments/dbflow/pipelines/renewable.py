"""The renewable analysis, as `dbflow run` runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from databricks_flows.renewable.countries import check_countries
from databricks_flows.renewable.share_files import DATA_DIRECTORY, find_share_files, writable_folder

from dbflow.terminal import StepBars, print_summary

if TYPE_CHECKING:
    from databricks_flows.renewable.analysis import RenewableAnalysis
    from rich.console import Console


@dataclass(frozen=True)
class RenewableRun:
    """What was asked for.

    Attributes:
        countries: Names of countries and regions.
        all_countries: Whether to take all there are.
        data: Folder of CSV files, or nothing for the data that comes with the package.
        out: Folder for chart and table.
    """

    countries: list[str]
    all_countries: bool
    data: Path | None
    out: Path
    libraries: ClassVar[tuple[str, ...]] = (
        "databricks_flows.renewable.analysis",
        "databricks.sdk",
        "prefect_aws.s3",
        "prefect_sqlalchemy.database",
    )
    needs_tables: ClassVar[bool] = False

    def check(self) -> None:
        """Refuse unusable files and unknown countries before anything starts.

        Raises:
            InputError: A file or a country cannot be used.
        """
        files = find_share_files(self.data or DATA_DIRECTORY)
        if not self.all_countries:
            check_countries(files, self.countries)
        writable_folder(self.out)

    async def work(self, bars: StepBars) -> RenewableAnalysis:
        """Run the flow."""
        from databricks_flows.renewable.analysis import renewable_analysis
        from databricks_flows.shared.progress import listening

        with listening(bars.show, bars.say):
            return await renewable_analysis(
                countries=self.countries,
                all_countries=self.all_countries,
                data_directory=str(self.data.resolve()) if self.data else "",
                output_directory=str(self.out),
            )

    def print_summary(self, console: Console, result: RenewableAnalysis) -> None:
        """Print what came out, and where to look at it."""
        print_summary(console, result)
