"""The flow `renewable_analysis`: from CSV files to a chart of the combined share of solar, hydro and wind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from databricks_blocks.database.connection import DATABASE_BLOCK
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.staging.area import STAGING_BLOCK
from databricks_blocks.workspace.block import WORKSPACE_BLOCK
from databricks_blocks.workspace.polling import PollingPolicy
from prefect import flow
from prefect.exceptions import CancelledRun
from prefect.runtime import flow_run
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.renewable.analysis_run import (
    CHART_FILE,
    TABLE_FILE,
    TASK_RUNS_AT_ONCE,
    Request,
    analyse,
)
from databricks_flows.renewable.countries import files_with
from databricks_flows.renewable.notebook_job import (
    DEFAULT_CLUSTER,
    NO_GIT_SOURCE,
    NOTEBOOK_DIRECTORY,
    notebook_job,
)
from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.share_files import writable_folder
from databricks_flows.renewable.spans import Span
from databricks_flows.renewable.staged_note import MOST_HOURS
from databricks_flows.shared.patience import MAX_UNREACHABLE
from databricks_flows.shared.run_names import named


@dataclass(frozen=True)
class RenewableAnalysis:
    """The result of an analysis.

    Attributes:
        table: CSV file with one row for each entity (country or region) and year.
        chart: PNG file.
        rows: Number of rows of the table.
        databricks_run_url: Page of the run in the workspace.
        flow_run_url: Page of the flow run in the Prefect UI.
        spans: First and last year of each entity, in the order of the table.
        seconds: Duration of each step, in seconds.
    """

    table: Path
    chart: Path
    rows: int
    spans: list[Span]
    databricks_run_url: str
    flow_run_url: str
    seconds: dict[str, float]


def _title(parameters: Mapping[str, Any]) -> str:
    return "all countries" if parameters["all_countries"] else ", ".join(parameters["countries"])


@flow(
    name="renewable-analysis",
    flow_run_name=named(_title),
    task_runner=ThreadPoolTaskRunner(max_workers=TASK_RUNS_AT_ONCE),  # type: ignore[arg-type]
    on_cancellation=[cancel_databricks_runs],
    on_crashed=[cancel_databricks_runs],
)
async def renewable_analysis(
    countries: Annotated[list[str], Field(min_length=1)] = ["Switzerland"],  # noqa: B006 - Prefect copies it
    all_countries: bool = False,
    data_directory: str = "",
    output_directory: str = "output",
    launch: Literal["submit", "run_now"] = "submit",
    max_repairs: Annotated[int, Field(ge=0)] = 2,
    ask: bool = False,
    cluster: JobCluster = DEFAULT_CLUSTER,
    notebook_directory: str = NOTEBOOK_DIRECTORY,
    git_source: dict[str, str] = NO_GIT_SOURCE,
    database: str = DATABASE_BLOCK,
    bucket: str = STAGING_BLOCK,
    workspace: str = WORKSPACE_BLOCK,
    concurrency_limit: str = "",
    keep_after_failure: Annotated[float, Field(ge=0, le=MOST_HOURS)] = 24,
    max_unreachable: Annotated[float, Field(ge=0)] = MAX_UNREACHABLE,
) -> RenewableAnalysis:
    """Combine the shares of solar, hydro and wind electricity by year, in Databricks, and draw a chart.

    The tables and staged files of a run are removed when it succeeds or is cancelled. They are kept for a
    while after a failure of the notebooks or of a later step, and after a crash: a retry repairs what failed,
    and loads nothing again.

    Args:
        countries: Names of countries and regions, as in the column Entity of the files.
        all_countries: Take every country and region of the files; the names above are ignored.
        data_directory: Folder of CSV files with Entity, Code, Year and a share; empty: the packaged files.
        output_directory: Folder for shw.csv and shw.png.
        launch: submit makes a one-time run with a cluster for each notebook; run_now saves a job whose runs
            have one cluster for both notebooks.
        max_repairs: How often a failed Databricks run is repaired automatically.
        ask: Before giving up a Databricks run, pause and ask a person in the Prefect UI.
        cluster: The job cluster that the notebooks run on.
        notebook_directory: Folder of the workspace with the notebooks join_data and transform_data; with
            git_source a folder of the repository, such as notebooks.
        git_source: Repository of the notebooks: git_url, git_provider and one of git_branch, git_tag and
            git_commit, as in the Jobs API; empty for the notebooks of the workspace.
        database: Name of the SQLAlchemy Connector block.
        bucket: Name of the block of the storage where files are staged: S3 Bucket, Unity Catalog Volume, GCS
            Bucket, Azure Blob Storage Container or Remote File System.
        workspace: Name of the Databricks Workspace block.
        concurrency_limit: Name of a global concurrency limit of Prefect; each database transaction takes a
            slot of it. Without one, a run has up to eight transactions at a time.
        keep_after_failure: Hours for which the tables and staged files of a failed run are kept, so that a
            retry goes on from there; 0 removes them at once.
        max_unreachable: Seconds for which database, storage, workspace or Prefect may fail to answer a step.

    Raises:
        InputError: A file or a country cannot be used; the message names file, line and column.
        DataContractBreach: Rows or values were lost, duplicated or changed on the way.
        DatabricksJobError: The Databricks run did not succeed.
        ServiceUnreachable: The database or the storage did not answer for too long.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import renewable_analysis
        >>> asyncio.run(renewable_analysis(["Peru"], output_directory="peru")).chart.name
        'shw.png'
    """
    chosen = None if all_countries else countries
    files, output = files_with(chosen, data_directory), writable_folder(Path(output_directory))
    tables = [file.table for file in files]

    def job(scope: RunScope) -> JobSpecification:
        title = _title({"all_countries": all_countries, "countries": countries})
        return notebook_job(tables, scope, notebook_directory, cluster, launch, git_source, title=title)

    policy = RunPolicy(
        repair=RepairPolicy(max_repairs=max_repairs, ask=ask),
        polling=PollingPolicy(max_unreachable=max_unreachable),
    )
    request = Request(files, chosen, output, job, workspace, policy, keep_after_failure)
    try:
        outcome = await analyse(request, _run_scope(database, bucket, concurrency_limit))
    except (CancelledInPrefect, CancelledRun):
        return cast("RenewableAnalysis", Cancelled(message="Cancelled, and its Databricks run as well"))
    return RenewableAnalysis(
        table=output / TABLE_FILE,
        chart=output / CHART_FILE,
        rows=outcome.published.rows,
        spans=outcome.spans,
        databricks_run_url=outcome.published.databricks_run_url,
        flow_run_url=flow_run.ui_url or "",
        seconds=outcome.seconds,
    )


def _run_scope(database: str, bucket: str, concurrency_limit: str) -> RunScope:
    run_id = flow_run.id
    return RunScope(database, f"run_{run_id.replace('-', '')}", bucket, run_id, concurrency_limit)
