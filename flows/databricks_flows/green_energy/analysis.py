"""The flow `analyse_green_energy`: five notebooks on the tables, and the trends that they find as a chart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

from databricks_blocks.csv.faults import InputError
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK
from databricks_blocks.workspace.block import WORKSPACE_BLOCK
from databricks_blocks.workspace.polling import PollingPolicy
from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.exceptions import CancelledRun
from prefect.runtime import flow_run
from prefect.states import Cancelled
from pydantic import Field

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.green_energy.chart import MODULE
from databricks_flows.green_energy.days import read_department
from databricks_flows.green_energy.facility_files import FACILITIES
from databricks_flows.green_energy.notebook_job import CLUSTER, NO_GIT_SOURCE, notebook_job
from databricks_flows.green_energy.outputs import create_graph
from databricks_flows.green_energy.place import CATALOG, SCHEMA, Place
from databricks_flows.green_energy.results import Department, check_targets
from databricks_flows.green_energy.summary import summary_markdown
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.pipes.workspace_pipes import pipes_of
from databricks_flows.renewable.notebook_job import NOTEBOOK_DIRECTORY
from databricks_flows.renewable.share_files import writable_folder
from databricks_flows.shared.chart_process import chart_process
from databricks_flows.shared.patience import MAX_UNREACHABLE, having_patience
from databricks_flows.shared.progress import Steps
from databricks_flows.shared.run_names import named
from databricks_flows.shared.telling import Sender
from databricks_flows.shared.threaded_tasks import run_task

STEPS = ("run_databricks_job", "read_days", "create_graph")


@dataclass(frozen=True)
class GreenEnergyAnalysis:
    """The result of an analysis.

    Attributes:
        department: The trends, and the efficiency by day.
        databricks_run_url: Page of the run in the workspace.
        flow_run_url: Page of the flow run in the Prefect UI.
        seconds: Duration of each step, in seconds.
    """

    department: Department
    databricks_run_url: str
    flow_run_url: str
    seconds: dict[str, float]


@flow(
    name="analyse-green-energy",
    flow_run_name=named(lambda parameters: str(parameters["department"])),
    on_cancellation=[cancel_databricks_runs],
    on_crashed=[cancel_databricks_runs],
)
async def analyse_green_energy(
    department: Annotated[str, Field(min_length=1)] = "Manufacturing",
    catalog: str = CATALOG,
    schema_name: str = SCHEMA,
    output_directory: str = "output",
    launch: Literal["submit", "run_now"] = "run_now",
    max_repairs: Annotated[int, Field(ge=0)] = 2,
    ask: bool = False,
    cluster: JobCluster = CLUSTER,
    notebook_directory: str = NOTEBOOK_DIRECTORY,
    git_source: dict[str, str] = NO_GIT_SOURCE,
    workspace: str = WORKSPACE_BLOCK,
    warehouse: str = WAREHOUSE_BLOCK,
    asset: str = "",
    rows: int | None = None,
    max_unreachable: Annotated[float, Field(ge=0)] = MAX_UNREACHABLE,
) -> GreenEnergyAnalysis:
    """Compare the efficiency of a department with and without the green energy initiative, in Databricks.

    Five notebooks run as one job on the table facilityefficiency. What they find stays in tables of the same
    schema; the chart shows the efficiency by day, and its trend.

    Args:
        department: Name of the department, as in the column Department.
        catalog: Catalog of the tables.
        schema_name: Schema of the tables.
        output_directory: Folder for green_energy.csv and green_energy.png; empty for no files.
        launch: run_now saves a job whose runs have one cluster for all notebooks; submit makes a one-time run
            with a cluster for each notebook.
        max_repairs: How often a failed Databricks run is repaired automatically.
        ask: Before giving up a Databricks run, pause and ask a person in the Prefect UI.
        cluster: The job cluster that the notebooks run on. Its access mode is SINGLE_USER, unless another one
            is given.
        notebook_directory: Folder of the workspace with the notebooks; with git_source a folder of the
            repository, such as notebooks.
        git_source: Repository of the notebooks: git_url, git_provider and one of git_branch, git_tag and
            git_commit, as in the Jobs API; empty for the notebooks of the workspace.
        workspace: Name of the Databricks Workspace block.
        warehouse: Name of the Databricks SQL Warehouse block.
        asset: The table whose load started this run, for the log; its event gives it.
        rows: How many rows were loaded into it, for the log; its event gives them. Empty: not known.
        max_unreachable: Seconds for which the workspace may fail to answer.

    Raises:
        InputError: The table has no row of the department, or a notebook returned something else than ours.
        DatabricksJobError: The Databricks run, or a statement, did not succeed.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import analyse_green_energy, load_green_energy
        >>> async def both() -> float:
        ...     await load_green_energy()
        ...     found = (await analyse_green_energy("Logistics", output_directory="")).department
        ...     return max(kind.trend.slope for kind in found.kinds)
        >>> asyncio.run(both()) > 0
        True
    """
    place = Place(catalog, schema_name, warehouse)
    parameters = {"catalog": place.catalog, "schema": place.schema, "department": department}
    request = _Request(
        department,
        place,
        notebook_job(parameters, notebook_directory, cluster, launch, git_source),
        workspace,
        RunPolicy(
            repair=RepairPolicy(max_repairs=max_repairs, ask=ask),
            polling=PollingPolicy(max_unreachable=max_unreachable),
        ),
        check_targets(writable_folder(Path(output_directory))) if output_directory else None,
    )
    if asset:
        told = "Rows" if rows is None else f"{rows} rows"
        get_run_logger().info("%s were loaded into %s", told, asset)
    try:
        with telling_the_story(), having_patience(max_unreachable):
            return await _analyse(request)
    except (CancelledInPrefect, CancelledRun):
        return cast("GreenEnergyAnalysis", Cancelled(message="Cancelled, and its Databricks run as well"))


@dataclass(frozen=True)
class _Request:
    """What a flow run is asked for.

    Attributes:
        department: Name of the department.
        place: Where the tables are.
        job: The Databricks job.
        workspace: Name of the Databricks Workspace block.
        policy: How the Databricks run is watched and repaired.
        output: Folder for table and chart; `None`: no files.
    """

    department: str
    place: Place
    job: JobSpecification
    workspace: str
    policy: RunPolicy
    output: Path | None


async def _analyse(request: _Request) -> GreenEnergyAnalysis:
    sender = Sender()
    steps = Steps(STEPS, sender)
    with chart_process(MODULE) as charting:
        async with steps.step("run_databricks_job", len(request.job.tasks)):
            pipes = await pipes_of(request.workspace)
            run = await run_databricks_job(request.job, request.workspace, request.policy, pipes=pipes)
        async with steps.step("read_days"):
            found = await read_department(request.department, run.exit_values, request.place)
        if not any(kind.trend.rows for kind in found.kinds):
            table = request.place.named(FACILITIES)
            raise InputError(f"{table} has no row of the department `{request.department}`")
        async with steps.step("create_graph"):
            files = await run_task(create_graph, found, charting, request.output)
    summary = acreate_markdown_artifact(
        summary_markdown(found, run.run_page_url, files),
        key="green-energy-trends",
        description="Efficiency with and without the green energy initiative",
    )
    sender.send("the summary", summary)
    await sender.sent()
    return GreenEnergyAnalysis(found, run.run_page_url, flow_run.ui_url or "", steps.seconds)
