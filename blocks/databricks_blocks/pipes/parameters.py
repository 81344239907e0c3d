"""The parameters of one task, and the ways in which they reach it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from databricks_blocks.job.specification import LaunchMode
from databricks_blocks.job.task_json import Json, merged
from databricks_blocks.pipes.pipes import Way
from databricks_blocks.pipes.protocol import (
    CONTEXT,
    CONTEXT_ARGUMENT,
    MESSAGES,
    MESSAGES_ARGUMENT,
    encode_param,
)

_PROGRAMS = ("spark_python_task", "python_wheel_task")
_CHUNKS_A_SECOND = 5
"""Of all code that speaks at once: each chunk costs the flow two requests."""
_LONGEST_INTERVAL = 10.0
"""Seconds, as `dagster-pipes` takes by default; a process that is killed loses what it has said since."""
_LOADERS = {
    "widgets": "params_loader=PipesDatabricksNotebookWidgetsParamsLoader(dbutils.widgets), ",
    "arguments": "params_loader=PipesCliArgsParamsLoader(), ",
    "environment": "",
}


@dataclass(frozen=True)
class TaskParameters:
    """What the code of one task gets.

    Attributes:
        context_path: The file with the context.
        messages_path: The folder for messages.
        include_stdio: Whether stdout and stderr are sent as messages.
        interval: Seconds between two chunks of a process; `dagster-pipes` has its own.
    """

    context_path: str
    messages_path: str
    include_stdio: bool = False
    interval: float = 1.0

    @property
    def context(self) -> str:
        """Where the context is, as code reads it."""
        return encode_param({"path": self.context_path})

    @property
    def messages(self) -> str:
        """Where messages go, as code reads it."""
        return encode_param(
            {
                "path": self.messages_path,
                "include_stdio_in_messages": self.include_stdio,
                "interval": self.interval,
            }
        )

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables, or the widgets of a notebook."""
        return {CONTEXT: self.context, MESSAGES: self.messages}


def at_once(task: Mapping[str, Any]) -> int:
    """How many processes of a task may run at once."""
    loop = task.get("for_each_task") or {}
    return int(loop.get("concurrency") or 1)


def interval_of(speakers: int) -> float:
    """Seconds between two chunks of a process, so that the flow keeps up with all of them.

    Args:
        speakers: How many may speak at once.

    Examples:
        >>> from databricks_blocks.pipes.parameters import interval_of
        >>> interval_of(1), interval_of(10), interval_of(1000)
        (1.0, 2.0, 10.0)
    """
    return min(_LONGEST_INTERVAL, max(1.0, speakers / _CHUNKS_A_SECOND))


def arguments_of(values: Mapping[str, str]) -> list[str]:
    """Arguments of a program: name and value are elements of their own, as the loader finds them.

    Args:
        values: As `TaskParameters.environment` has them.
    """
    return [CONTEXT_ARGUMENT, values[CONTEXT], MESSAGES_ARGUMENT, values[MESSAGES]]


def can_speak(task: Mapping[str, Any]) -> bool:
    """Whether parameters can reach the code of a task: a notebook, a Python script, a wheel."""
    notebook = task.get("notebook_task")
    if isinstance(notebook, Mapping):
        # A SQL warehouse runs no Python.
        return not notebook.get("warehouse_id")
    return any(isinstance(task.get(kind), Mapping) for kind in _PROGRAMS)


def usual_ways(
    task: Mapping[str, Any], launch: LaunchMode, job_clusters: Mapping[str, Any]
) -> tuple[Way, ...]:
    """How parameters reach a task, if the user does not say.

    A notebook on a cluster of its own gets both widgets and environment, since either loader may read them.
    Arguments may break a program, so it gets them only where it has no environment of its own.

    Args:
        task: The task, or the one that a for-each task repeats.
        launch: How the job is launched.
        job_clusters: The job's clusters by key.
    """
    environment = launch == "submit" and _own_cluster(task, job_clusters) is not None
    if "notebook_task" in task:
        return ("widgets", "environment") if environment else ("widgets",)
    return ("environment",) if environment else ("arguments",)


def problem(task: Mapping[str, Any], way: Way, launch: LaunchMode, job_clusters: Mapping[str, Any]) -> str:
    """Why parameters cannot reach a task in this way; empty: they can."""
    if way == "widgets" and "notebook_task" not in task:
        return "only a notebook has widgets"
    if way == "arguments" and "notebook_task" in task:
        return "a notebook has no arguments"
    if way == "environment" and launch != "submit":
        return "a saved job would need other settings for each run; use widgets or arguments"
    if way == "environment" and _own_cluster(task, job_clusters) is None:
        return "it has no cluster of its own, and so no environment; use widgets or arguments"
    return ""


def with_listed_parameters(task: Json, job_parameters: Iterable[str]) -> Json:
    """Give a wheel that takes parameters by name the same ones as a list, so that Databricks adds no others.

    To named parameters it adds all parameters of the job, also those of pipes, which a strict parser refuses
    (docs: job parameter push-down).

    Args:
        task: The task, or the one that a for-each task repeats.
        job_parameters: Names of the parameters that the job has without pipes; they replace the task's own.
    """
    program = task.get("python_wheel_task") or {}
    if not (named := program.get("named_parameters")):
        return task
    pushed_down = {name: f"{{{{job.parameters.{name}}}}}" for name in job_parameters}
    passed = [f"--{name}={value}" for name, value in {**named, **pushed_down}.items()]
    rest = {name: value for name, value in program.items() if name != "named_parameters"}
    return {**task, "python_wheel_task": {**rest, "parameters": [*(rest.get("parameters") or ()), *passed]}}


def with_parameters(
    task: Json, ways: tuple[Way, ...], values: Mapping[str, str], job_clusters: Mapping[str, Any]
) -> Json:
    """Put parameters into a task.

    Args:
        task: The task, or the one that a for-each task repeats; its own parameters are a list.
        ways: How they reach it.
        values: Names and values, as `TaskParameters.environment` has them, or references to job parameters.
        job_clusters: The job's clusters by key.
    """
    if "widgets" in ways:
        task = merged(task, {"notebook_task": {"base_parameters": values}})
    if "arguments" in ways:
        kind = next(kind for kind in _PROGRAMS if kind in task)
        own = task[kind].get("parameters") or ()
        task = {**task, kind: {**task[kind], "parameters": [*own, *arguments_of(values)]}}
    if "environment" in ways:
        cluster = merged(_own_cluster(task, job_clusters) or {}, {"spark_env_vars": values})
        task = {**task, "new_cluster": cluster}
        # A one-time run has no shared clusters: each task gets a copy, and so an environment of its own.
        task.pop("job_cluster_key", None)
    return task


def code_hint(ways: tuple[Way, ...], folder: str) -> str:
    """Say what code has to call, so that it is heard.

    Args:
        ways: How parameters reach it.
        folder: Where messages go.
    """
    place = "UnityCatalogVolumes" if folder.startswith("/Volumes/") else "Dbfs"
    loader = f"{_LOADERS[ways[0]]}context_loader=Pipes{place}ContextLoader()"
    return (
        f"Its code has to call open_dagster_pipes({loader}, message_writer=Pipes{place}MessageWriter()) of "
        "dagster-pipes, or to use databricks_pipes"
    )


def _own_cluster(task: Mapping[str, Any], job_clusters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The new cluster that a task has for itself in a one-time run."""
    own = task.get("new_cluster") or job_clusters.get(task.get("job_cluster_key") or "")
    return own if isinstance(own, Mapping) else None
