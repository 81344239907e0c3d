"""The flow `renewable_analysis`: from CSV files to a chart of the combined share of solar, hydro and wind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from databricks_blocks.csv.faults import InputError
from databricks_blocks.database.connection import DATABASE_BLOCK
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.staging.area import STAGING_BLOCK
from databricks_blocks.workspace.block import WORKSPACE_BLOCK
from prefect import flow, get_run_logger, unmapped
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.renewable.chart_process import chart_process
from databricks_flows.renewable.contract_tasks import check_result, check_staged
from databricks_flows.renewable.countries import files_with
from databricks_flows.renewable.data_contract import StagedData
from databricks_flows.renewable.notebook_job import (
    DEFAULT_CLUSTER,
    NO_GIT_SOURCE,
    NOTEBOOK_DIRECTORY,
    counted_rows,
    notebook_job,
)
from databricks_flows.renewable.share_files import ShareFile, writable_folder
from databricks_flows.renewable.spans import Span, read_spans
from databricks_flows.renewable.steps import (
    RESULT_FOLDER,
    RunScope,
    cleanup,
    create_graph,
    delete_intake_files,
    export_table,
    list_result_files,
    load_csv,
    load_result,
    prepare_run,
    publish_result,
    select_countries,
    write_result,
)
from databricks_flows.renewable.summary import summary_markdown
from databricks_flows.shared.batches import make_batches
from databricks_flows.shared.progress import Steps
from databricks_flows.shared.table_events import emit_table_updated
from databricks_flows.shared.threaded_tasks import map_task, run_task

STEPS = (
    "load_csv",
    "select_countries",
    "export_table",
    "run_databricks_job",
    "delete_intake_files",
    "load_result",
    "create_graph",
    "cleanup",
)
# Each has its own database connection, and a server accepts about a hundred.
TASK_RUNS_AT_ONCE = 8
TABLE_FILE = "shw.csv"
CHART_FILE = "shw.png"


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


@dataclass(frozen=True)
class _Request:
    """What a flow run is asked for, checked.

    Attributes:
        files: The file of each share.
        countries: Names of countries and regions. `None`: all.
        output: Folder for the table and the chart.
        job: Makes the specification of the Databricks job for a run.
        workspace: Name of the Databricks Workspace block.
        policy: How the Databricks run is watched and repaired.
    """

    files: list[ShareFile]
    countries: list[str] | None
    output: Path
    job: Callable[[RunScope], JobSpecification]
    workspace: str
    policy: RunPolicy


def _flow_run_name() -> str:
    parameters = flow_run.parameters
    return "all countries" if parameters["all_countries"] else ", ".join(parameters["countries"])[:100]


@flow(
    name="renewable-analysis",
    flow_run_name=_flow_run_name,
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
) -> RenewableAnalysis:
    """Combine the shares of solar, hydro and wind electricity by year, in Databricks, and draw a chart.

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

    Raises:
        InputError: A file or a country cannot be used; the message names file, line and column.
        DataContractBreach: Rows or values were lost, duplicated or changed on the way.
        DatabricksJobError: The Databricks run did not succeed.

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
        return notebook_job(tables, scope, notebook_directory, cluster, launch, git_source)

    policy = RunPolicy(repair=RepairPolicy(max_repairs=max_repairs, ask=ask))
    request = _Request(files, chosen, output, job, workspace, policy)
    return await _analyse(request, _run_scope(database, bucket, concurrency_limit))


def _run_scope(database: str, bucket: str, concurrency_limit: str) -> RunScope:
    run_id = flow_run.id
    return RunScope(database, f"run_{run_id.replace('-', '')}", bucket, run_id, concurrency_limit)


async def _analyse(request: _Request, scope: RunScope) -> RenewableAnalysis:
    steps = Steps(STEPS)
    output = request.output
    # Table and chart are written to a folder of this run first: other runs may have the same output folder.
    with chart_process() as charting, fresh_folder(output / f".shw-{scope.prefix}") as unfinished:
        table, chart = unfinished / TABLE_FILE, unfinished / CHART_FILE
        try:
            scope = await run_task(prepare_run, scope)
            staged = await _stage(request, scope, steps)
            job = request.job(scope)
            async with steps.step("run_databricks_job", len(job.tasks)):
                run = await run_databricks_job(
                    job, request.workspace, request.policy, inputs_since=scope.staged_since
                )
            rows = counted_rows(run.exit_values)
            await _load(scope, staged, rows, table, steps)
            async with steps.step("create_graph"):
                await run_task(create_graph, charting, table, chart)
        except BaseException:
            await _clean_up_after_failure(scope)
            raise
        async with steps.step("cleanup"):
            await run_task(cleanup, scope)
        spans = read_spans(table)
        for file in (table, chart):
            file.replace(output / file.name)
    results = [str(output / name) for name in (CHART_FILE, TABLE_FILE)]
    await acreate_markdown_artifact(
        summary_markdown(spans, run.run_page_url, results),
        key="shw-latest",
        description="Combined share of solar, hydro and wind: the latest years",
    )
    return RenewableAnalysis(
        table=output / TABLE_FILE,
        chart=output / CHART_FILE,
        rows=rows,
        spans=spans,
        databricks_run_url=run.run_page_url,
        flow_run_url=flow_run.ui_url or "",
        seconds=steps.seconds,
    )


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """Make an empty folder, and remove it at the end. What a killed attempt left in it is removed first."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path)


async def _clean_up_after_failure(scope: RunScope) -> None:
    """Clean up; an error here is logged, so that the flow reports the error before it."""
    logger = get_run_logger()
    try:
        await run_task(cleanup, scope)
    except Exception:
        logger.exception("Schema %s and prefix %s are left", scope.schema, scope.prefix)


async def _stage(request: _Request, scope: RunScope, steps: Steps) -> StagedData:
    files, countries = request.files, request.countries
    async with steps.step("load_csv", len(files)):
        loaded = await map_task(load_csv, files, scope=scope)
    tables = [share.table for share in loaded]
    async with steps.step("select_countries", len(files)):
        selected = await map_task(select_countries, tables, scope=scope, countries=unmapped(countries))
    if not any(selection.rows for selection in selected):
        raise InputError(f"{files[0].path.parent}: the files hold no row for the chosen countries")
    async with steps.step("export_table", len(files)):
        selections = [selection.table for selection in selected]
        staged = await map_task(export_table, selections, [table.name for table in tables], scope=scope)
        return await run_task(check_staged, scope, files, loaded, selections, staged, countries)


async def _load(
    scope: RunScope, staged: StagedData, counted_rows: int, table_path: Path, steps: Steps
) -> None:
    async with steps.step("delete_intake_files"):
        await run_task(delete_intake_files, scope)
    names = await run_task(list_result_files, scope, RESULT_FOLDER)
    batches = make_batches({name: name for name in names}, TASK_RUNS_AT_ONCE)
    async with steps.step("load_result", len(batches)):
        await map_task(load_result, batches, scope=scope)
        await run_task(check_result, scope, staged, counted_rows)
        await run_task(write_result, scope, table_path)
        await run_task(publish_result, scope)
        emit_table_updated("renewable_share", scope.database, counted_rows)
