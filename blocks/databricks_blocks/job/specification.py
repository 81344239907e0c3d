"""The specification of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.bundle.reader import read_bundle
from databricks_blocks.job.settings_import import read_settings
from databricks_blocks.job.task_json import Json, changed_task, merged
from databricks_blocks.job.tasks import DatabricksTask

LaunchMode = Literal["submit", "run_now", "existing_job"]


class JobSpecification(BaseModel):
    """A Databricks job as plain values; equal specifications make equal requests.

    Examples:
        >>> from databricks_flows import JobCluster, JobSpecification, notebook_task
        >>> job = JobSpecification(
        ...     name="nightly",
        ...     job_clusters={"main": JobCluster().specification()},
        ...     tasks=[
        ...         notebook_task("load", "/Shared/load", job_cluster_key="main"),
        ...         notebook_task("train", "/Shared/train", depends_on=["load"], job_cluster_key="main"),
        ...     ],
        ... )
        >>> [task.task_key for task in job.tasks]
        ['load', 'train']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Name of the run, and of the job where one is created.")
    tasks: list[DatabricksTask] = Field(
        default=[], description="The tasks of the job; empty for a job that is there already."
    )
    job_clusters: dict[str, dict[str, Any]] = Field(
        default={},
        description="Specifications of clusters, as `new_cluster` of the API, by the key that tasks name.",
    )
    environments: dict[str, dict[str, Any]] = Field(
        default={}, description="Specifications of serverless environments, by the key that tasks name."
    )
    launch: LaunchMode = Field(
        default="submit",
        description="How it runs: `submit` as a one-time run with a cluster for each task, `run_now` as a "
        "saved job whose tasks share clusters, `existing_job` as a job that is there.",
    )
    existing_job_id: int | None = Field(default=None, description="Id of the job, for `existing_job`.")
    notebook_params: dict[str, str] = Field(
        default={},
        description="Parameters of all notebooks; a task's own value wins. In `run_now` they are part of "
        "the saved job: values that differ from run to run belong into the job parameters.",
    )
    job_parameters: dict[str, str] = Field(
        default={}, description="Values of job parameters, which a one-time run cannot have."
    )
    notebook_packages: list[dict[str, Any]] = Field(
        default=[],
        description='Packages for all notebooks, such as {"pypi": {"package": "pandas==2.2.3"}}.',
    )
    instance_profile_arn: str = Field(
        default="", description="ARN of the AWS instance profile of clusters that name none."
    )
    instance_pool_id: str = Field(
        default="", description="Instance pool of clusters that name none, in place of their node type."
    )
    timeout_seconds: int = Field(
        default=0, ge=0, description="Databricks ends the run after that many seconds; 0 means never."
    )
    extra_job_params: dict[str, Any] = Field(
        default={}, description="Further fields that the API takes, merged over the others."
    )

    @classmethod
    def from_settings(
        cls,
        settings: Mapping[str, Any],
        *,
        launch: LaunchMode = "submit",
        source: str = "the settings",
        **more: Any,
    ) -> tuple[Self, list[str]]:
        """Read the settings of a saved job.

        Args:
            settings: Settings as `jobs/create` takes them, or the answer of `jobs/get`.
            launch: How the job will run; `existing_job` needs the answer of `jobs/get`.
            source: What the settings are called in messages.
            **more: Fields that settings do not have, such as `workspace` of the block.

        Returns:
            The job, and a note on each thing that was not taken over.

        Raises:
            InvalidJob: They cannot be read.
        """
        fields, notes = read_settings(settings, launch=launch, source=source)
        try:
            return cls(**{**fields, **more}), notes
        except ValidationError as error:
            raise InvalidJob.from_validation(error, source) from error

    @classmethod
    def from_bundle(
        cls,
        path: str | Path,
        *,
        job: str | None = None,
        target: str | None = None,
        variables: Mapping[str, Any] | None = None,
        user_name: str | None = None,
        launch: LaunchMode = "submit",
        **more: Any,
    ) -> tuple[Self, list[str]]:
        """Read a job of a Databricks Asset Bundle.

        Args:
            path: `databricks.yml`, or the directory that holds it.
            job: Its name in `resources.jobs`; may be left out where there is just one.
            target: The target; the default one of the bundle if left out.
            variables: Values for variables of the bundle.
            user_name: Who deployed the bundle, for paths below the home directory of that user.
            launch: How the job will run.
            **more: Fields that a bundle does not have, such as `workspace` of the block.

        Returns:
            The job, and a note on each thing that was not taken over.

        Raises:
            InvalidJob: It cannot be read; the message names the file and the place in it.
        """
        settings, source, notes = read_bundle(
            Path(path), job=job, target=target, variables=variables or {}, user_name=user_name
        )
        chosen, further_notes = cls.from_settings(settings, launch=launch, source=source, **more)
        return chosen, [*notes, *further_notes]


def with_parameters(specification: JobSpecification, parameters: Mapping[str, str]) -> JobSpecification:
    """Set parameters of all notebooks; they replace the notebooks' own values, as job parameters do.

    Args:
        specification: The job.
        parameters: The values.
    """

    def change(task: Json) -> Json:
        return (
            merged(task, {"notebook_task": {"base_parameters": parameters}})
            if "notebook_task" in task
            else task
        )

    return with_changed_tasks(specification, change)


def with_new_settings(specification: JobSpecification, settings: Mapping[str, Any]) -> JobSpecification:
    """Change the settings of all clusters that a run starts.

    Where an instance pool decides the type of the machines, it cannot be changed.

    Args:
        specification: The job.
        settings: Fields of `new_cluster`, merged over those that are there.
    """

    def change(task: Json) -> Json:
        cluster = task.get("new_cluster")
        return task if cluster is None else {**task, "new_cluster": merged(cluster, settings)}

    clusters = {key: merged(cluster, settings) for key, cluster in specification.job_clusters.items()}
    return with_changed_tasks(specification, change).model_copy(update={"job_clusters": clusters})


def with_changed_tasks(specification: JobSpecification, change: Callable[[Json], Json]) -> JobSpecification:
    """Change the JSON of all tasks, and of those that for-each tasks repeat.

    Args:
        specification: The job.
        change: Makes the new JSON; its argument stays as it is.
    """
    tasks = [
        DatabricksTask(
            **{
                **DatabricksTask.fields_of(changed_task(task.as_json(), change)),
                "needs_values_of": task.needs_values_of,
            }
        )
        for task in specification.tasks
    ]
    return specification.model_copy(update={"tasks": tasks})
