"""The tasks of a job: what runs, after what, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from databricks_blocks.job.task_json import Json, nested_task

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class TaskDependency(BaseModel):
    """A task that another one waits for."""

    model_config = _FROZEN

    task_key: str = Field(description="Key of the task that is waited for.")
    outcome: str | None = Field(
        default=None, description="Outcome, `true` or `false`, that a condition task must have had."
    )


def _dependency(value: Any) -> Any:
    return {"task_key": value} if isinstance(value, str) else value


class DatabricksTask(BaseModel):
    """One task of a Databricks job.

    The kind of the task is plain JSON, so that every kind that the Jobs API has, or will have, can be used.

    Examples:
        >>> from databricks_flows import DatabricksTask
        >>> statement = {"sql_task": {"warehouse_id": "1", "file": {"path": "/Shared/report.sql"}}}
        >>> task = DatabricksTask(task_key="report", body=statement, depends_on=["load"])
        >>> task.kind, task.upstream
        ('sql_task', ['load'])
    """

    model_config = ConfigDict(
        **_FROZEN,
        # Forms in the Prefect UI show this, without the example.
        json_schema_extra={"description": "One task of a Databricks job."},
    )

    task_key: str = Field(description="Name of the task in the job: 1 to 100 letters, digits, `-` and `_`.")
    body: dict[str, Any] = Field(
        description="What runs, as the Jobs API writes it: an object with the kind of the task as its only "
        'name, such as {"notebook_task": {"notebook_path": "/Shared/join_data"}}.'
    )
    depends_on: list[Annotated[TaskDependency, BeforeValidator(_dependency)]] = Field(
        default=[],
        description="Tasks that this one waits for: keys, or objects of task_key and a condition's outcome.",
    )
    run_if: str = Field(
        default="",
        description="How the tasks that are waited for must have ended; empty means ALL_SUCCESS.",
    )
    job_cluster_key: str | None = Field(default=None, description="Key of one of the job clusters.")
    new_cluster: dict[str, Any] | None = Field(
        default=None, description="Specification of a cluster for this task alone."
    )
    existing_cluster_id: str | None = Field(default=None, description="Id of an all-purpose cluster.")
    environment_key: str | None = Field(
        default=None, description="Key of one of the environments, for serverless compute."
    )
    libraries: list[dict[str, Any]] = Field(
        default=[], description='Packages to install first, such as {"pypi": {"package": "pandas==2.2.3"}}.'
    )
    max_retries: int | None = Field(
        default=None, ge=-1, description="How often Databricks itself retries the task; -1 means for ever."
    )
    min_retry_interval_millis: int | None = Field(
        default=None, ge=0, description="Milliseconds between the start of a failed attempt and the next."
    )
    retry_on_timeout: bool | None = Field(
        default=None, description="Whether an attempt that timed out is retried too."
    )
    timeout_seconds: int | None = Field(
        default=None, ge=0, description="Databricks ends an attempt after that many seconds; 0 means never."
    )
    needs_values_of: list[str] = Field(
        default=[],
        description="Tasks whose task values the code reads by `dbutils.jobs.taskValues.get`, which cannot "
        "be seen from outside; where a repair is a new run, they run again in it.",
    )
    extra_task_params: dict[str, Any] = Field(
        default={}, description="Further fields of the task that the API takes, merged over the others."
    )

    @model_validator(mode="after")
    def _nested_task_is_one(self) -> Self:
        nested = nested_task(self.body)
        if nested is not None:
            DatabricksTask.model_validate(DatabricksTask.fields_of(nested))
        return self

    @property
    def kind(self) -> str:
        """Kind of the task, such as `notebook_task`."""
        return next(iter(self.body), "")

    @property
    def upstream(self) -> list[str]:
        """Keys of the tasks that this one waits for."""
        return [dependency.task_key for dependency in self.depends_on]

    def as_json(self) -> Json:
        """The task as the Jobs API writes it, without fields that are not set."""
        fields = self.model_dump(
            exclude={"body", "needs_values_of", "extra_task_params"}, exclude_none=True, exclude_defaults=True
        )
        return {**fields, **self.body, **self.extra_task_params}

    @classmethod
    def fields_of(cls, task: Mapping[str, Any]) -> Json:
        """Sort the JSON of a task into the fields of this class.

        Args:
            task: A task as the Jobs API writes it.
        """
        own = set(cls.model_fields) - {"body", "needs_values_of", "extra_task_params"}
        bodies = {name for name in task if name.endswith("_task")}
        return {
            **{name: value for name, value in task.items() if name in own},
            "body": {name: task[name] for name in task if name in bodies},
            "extra_task_params": {name: task[name] for name in task if name not in own | bodies},
        }


def notebook_task(
    task_key: str,
    notebook_path: str,
    *,
    parameters: Mapping[str, str] | None = None,
    depends_on: Sequence[str | Mapping[str, str]] = (),
    **fields: Any,
) -> DatabricksTask:
    """Describe a task that runs a notebook.

    Args:
        task_key: Name of the task in the job.
        notebook_path: Path of the notebook in the workspace, without extension.
        parameters: Values of the notebook's widgets.
        depends_on: Tasks that this one waits for.
        **fields: Further fields of `DatabricksTask`, such as `new_cluster` or `max_retries`.

    Examples:
        >>> from databricks_flows import notebook_task
        >>> task = notebook_task("train", "/Shared/train", depends_on=["load"], job_cluster_key="main")
        >>> task.as_json()["notebook_task"]
        {'notebook_path': '/Shared/train'}
    """
    notebook: Json = {"notebook_path": notebook_path}
    if parameters:
        notebook["base_parameters"] = dict(parameters)
    return DatabricksTask(
        task_key=task_key, body={"notebook_task": notebook}, depends_on=list(depends_on), **fields
    )
