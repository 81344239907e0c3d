"""What an analysis leaves: the table of the days, and the chart."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from pathlib import Path
from tempfile import TemporaryDirectory

from databricks_blocks.safe_text import markdown_text
from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from databricks_flows.green_energy.chart import chart_request
from databricks_flows.green_energy.results import CHART_FILE, TABLE_FILE, Department, write_table
from databricks_flows.shared.chart_process import ChartProcess
from databricks_flows.shared.local_files import fresh_folder
from databricks_flows.shared.telling import AnyLogger, tell

_LOGGER = getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """Files that are in place.

    Attributes:
        table: The CSV file.
        chart: The PNG file.
        rows: Number of rows of the table.
        title: Title of the chart.
    """

    table: Path
    chart: Path
    rows: int
    title: str


def write_results(
    departments: Sequence[Department],
    charting: ChartProcess,
    folder: Path,
    *,
    flow_run_id: str = "",
    logger: AnyLogger = _LOGGER,
) -> Written:
    """Write table and chart into a folder. Each of them appears when it is whole.

    Args:
        departments: What was found.
        charting: The process that draws the chart.
        folder: The folder; it exists.
        flow_run_id: The flow run, if it is one: by it sweep_leftovers knows what a killed one leaves.
        logger: Logs what cannot be removed.
    """
    with fresh_folder(folder / f".green-energy-{flow_run_id}".rstrip("-"), logger) as unfinished:
        table, chart = unfinished / TABLE_FILE, unfinished / CHART_FILE
        rows = write_table(departments, table)
        title = charting.draw(*chart_request(departments, chart))
        return Written(table.replace(folder / TABLE_FILE), chart.replace(folder / CHART_FILE), rows, title)


@task(name="create_graph", task_run_name="create_graph", cache_policy=NO_CACHE)
def create_graph(department: Department, charting: ChartProcess, folder: Path | None) -> list[str]:
    """Draw the chart, and show it as an artifact in the Prefect UI.

    Args:
        department: What was found.
        charting: The process that draws.
        folder: Folder for table and chart; `None`: there are no files.

    Returns:
        Paths of the files.
    """
    with TemporaryDirectory() as temporary:
        written = write_results(
            [department],
            charting,
            folder or Path(temporary),
            flow_run_id=flow_run.id or "",
            logger=get_run_logger(),
        )
        image = base64.b64encode(written.chart.read_bytes()).decode()
    show = partial(
        create_image_artifact,
        image_url=f"data:image/png;base64,{image}",
        key="green-energy",
        description=markdown_text(written.title),
    )
    tell("the chart", show)
    return [str(written.chart), str(written.table)] if folder else []
