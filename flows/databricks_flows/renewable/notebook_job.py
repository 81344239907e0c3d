"""The Databricks job of the renewable analysis: `transform_data` runs after `join_data`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from databricks_blocks.csv.faults import InputError
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.tasks import notebook_task

from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.steps import RESULT_FOLDER, SUBSET_FOLDER
from databricks_flows.shared.run_names import LONGEST_NAME

DEFAULT_CLUSTER = JobCluster()
NOTEBOOK_DIRECTORY = "/Shared/databricks-flows"
NO_GIT_SOURCE: dict[str, str] = {}


def notebook_job(
    tables: list[str],
    scope: RunScope,
    notebook_directory: str,
    cluster: JobCluster,
    launch: LaunchMode,
    git_source: dict[str, str] = NO_GIT_SOURCE,
    *,
    title: str = "",
) -> JobSpecification:
    """Specify the job: `transform_data` runs after `join_data`.

    A saved job is the same for all flow runs, so the values of a run are passed as job parameters.

    Args:
        tables: Names of the staged files, without `.csv`.
        scope: The tables and files of the run.
        notebook_directory: Folder of the notebooks.
        cluster: The job cluster of both notebooks.
        launch: How the job is launched.
        git_source: Repository of the notebooks, as in the Jobs API; empty for those of the workspace.
        title: What a one-time run is about, for its name; all runs of a saved job have the job's name.
    """
    values = {
        "subset": scope.uri(SUBSET_FOLDER),
        "tables": ",".join(tables),
        "joined": scope.uri("joined_data"),
        "transformed": scope.uri(RESULT_FOLDER),
    }
    saved = launch == "run_now"
    given = {name: f"{{{{job.parameters.{name}}}}}" if saved else value for name, value in values.items()}
    return JobSpecification(
        name=f"renewable-analysis: {title[:LONGEST_NAME]}" if title and not saved else "renewable-analysis",
        launch=launch,
        job_clusters={"analysis": cluster.specification()},
        job_parameters=values if saved else {},
        extra_job_params={"git_source": git_source} if git_source else {},
        tasks=[
            notebook_task(
                "join_data",
                f"{notebook_directory}/join_data",
                parameters={
                    "source": given["subset"],
                    "tables": given["tables"],
                    "target": given["joined"],
                },
                job_cluster_key="analysis",
            ),
            notebook_task(
                "transform_data",
                f"{notebook_directory}/transform_data",
                parameters={"source": given["joined"], "target": given["transformed"]},
                depends_on=["join_data"],
                job_cluster_key="analysis",
            ),
        ],
    )


def counted_rows(exit_values: Mapping[str, str]) -> int:
    """Read how many rows the notebook `transform_data` has written, from its exit value.

    Args:
        exit_values: What each notebook gave to `dbutils.notebook.exit`, by task key.

    Raises:
        InputError: It is no number, as with a notebook of a user's repository that gives none.
    """
    value = exit_values.get("transform_data", "")
    if re.fullmatch("[0-9]{1,18}", value) is None:
        found = f"it returned `{' '.join(value.split())[:60]}`" if value else "it returned nothing"
        raise InputError(
            "the notebook transform_data has to return its number of rows, by "
            f"dbutils.notebook.exit(str(transformed.count())) at its end; {found}"
        )
    return int(value)
