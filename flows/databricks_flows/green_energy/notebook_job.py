"""The Databricks job of the green energy pipeline: five notebooks on the tables, as one run."""

from __future__ import annotations

from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.tasks import notebook_task

from databricks_flows.shared.run_names import LONGEST_NAME

NOTEBOOKS = {
    "extract_green": [],
    "extract_not_green": [],
    "transform_green": ["extract_green"],
    "transform_not_green": ["extract_not_green"],
    "analytics": ["transform_green", "transform_not_green"],
}
"""The notebooks, and after which others each of them runs."""
CLUSTER = JobCluster(data_security_mode="SINGLE_USER")
"""A cluster that knows the tables of Unity Catalog, which one without an access mode may not."""
NO_GIT_SOURCE: dict[str, str] = {}


def notebook_job(
    parameters: dict[str, str],
    notebook_directory: str,
    cluster: JobCluster,
    launch: LaunchMode,
    git_source: dict[str, str] = NO_GIT_SOURCE,
) -> JobSpecification:
    """Specify the job. A saved job is the same for all departments, whose values are job parameters.

    Args:
        parameters: catalog, schema and department.
        notebook_directory: Folder of the notebooks.
        cluster: The job cluster of all notebooks. Without an access mode, it gets that of `CLUSTER`.
        launch: How the job is launched.
        git_source: Repository of the notebooks, as in the Jobs API; empty for those of the workspace.

    Examples:
        >>> from databricks_blocks.job.cluster import JobCluster
        >>> from databricks_flows.green_energy.notebook_job import notebook_job
        >>> where = {"catalog": "main", "schema": "elt", "department": "Logistics"}
        >>> job = notebook_job(where, "/Shared/databricks-flows", JobCluster(), "submit")
        >>> job.name, len(job.tasks)
        ('green-energy: Logistics', 5)
    """
    saved = launch == "run_now"
    given = {name: f"{{{{job.parameters.{name}}}}}" if saved else value for name, value in parameters.items()}
    if not cluster.data_security_mode:
        cluster = cluster.model_copy(update={"data_security_mode": CLUSTER.data_security_mode})
    title = parameters["department"][:LONGEST_NAME]
    return JobSpecification(
        name="green-energy" if saved else f"green-energy: {title}",
        launch=launch,
        job_clusters={"analysis": cluster.specification()},
        job_parameters=parameters if saved else {},
        extra_job_params={"git_source": git_source} if git_source else {},
        tasks=[
            notebook_task(
                name,
                f"{notebook_directory}/{name}",
                parameters=given,
                depends_on=after,
                job_cluster_key="analysis",
            )
            for name, after in NOTEBOOKS.items()
        ],
    )
