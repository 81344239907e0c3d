"""How code on Databricks learns where to speak: parameters of pipes, put into the tasks of a job. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.api_fields import MAX_RUN_PARAMETER_BYTES, OLDER_PARAMETER_FIELDS
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import Json, changed_task, nested_task
from databricks_blocks.job.tasks import DatabricksTask
from databricks_blocks.pipes.driver_logs import with_log_delivery
from databricks_blocks.pipes.parameters import (
    TaskParameters,
    at_once,
    can_speak,
    code_hint,
    interval_of,
    problem,
    usual_ways,
    with_listed_parameters,
    with_parameters,
)
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import CONTEXT, MESSAGES, context_data

NAME_LENGTH = 24
"""Characters of the name of a session's folder: the beginning of a hash."""
_CONTEXT_PARAMETER = "pipes_context"
_MESSAGES_PARAMETER = "pipes_messages"
CONTEXT_FILE = "context.json"
"""What the names of the files with contexts end with."""


@dataclass(frozen=True)
class Caller:
    """The flow run that the code belongs to.

    Attributes:
        run_id: Its id.
        flow_name: Name of the flow.
        retry_number: How often it was retried.
    """

    run_id: str
    flow_name: str | None = None
    retry_number: int = 0


@dataclass(frozen=True)
class PipedTask:
    """A task whose code can speak.

    Attributes:
        task_key: Its key; empty: any notebook of an existing job, one at a time.
        directory: Path of its messages.
        parameters: What its code gets.
        hint: What its code has to do, for the warning that nothing was heard.
    """

    task_key: str
    directory: str
    parameters: TaskParameters
    hint: str = ""


@dataclass(frozen=True)
class Session:
    """Code that can speak, whoever launches it.

    Attributes:
        directory: Path of all files of this launch.
        tasks: The pieces of code that can speak.
        files: Contents of the context files by path, to be written before the launch.
    """

    directory: str
    tasks: tuple[PipedTask, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Bootstrap:
    """A job whose code can speak.

    Attributes:
        specification: What is launched.
        session: Where its code speaks.
        warnings: What will not work as the user may expect.
    """

    specification: JobSpecification
    session: Session
    warnings: tuple[str, ...] = ()


def bootstrap(specification: JobSpecification, pipes: Pipes, caller: Caller, *, token: str) -> Bootstrap:
    """Put the parameters of pipes into a job.

    Args:
        specification: The job.
        pipes: What the user asks for.
        caller: The flow run.
        token: Idempotency token of the launch. A retry of the flow, with the same token, finds the messages.

    Raises:
        InvalidJob: The parameters cannot reach a task in the way that the user asks for; all are listed.
    """
    keys = _spoken_by(specification, pipes)
    speakers = sum(at_once(task.as_json()) for task in specification.tasks if task.task_key in keys)
    piped = session(pipes, caller, keys, token=token, speakers=speakers)
    if specification.launch == "existing_job":
        return _of_existing_job(specification, pipes, piped)
    return _Tasks(specification, pipes, piped).bootstrap()


def session(
    pipes: Pipes, caller: Caller, task_keys: Sequence[str] = ("",), *, token: str, speakers: int = 0
) -> Session:
    """Make the parameters for code that is launched by somebody else.

    Args:
        pipes: What the user asks for.
        caller: The flow run.
        task_keys: Names of the pieces of code that speak, each in a folder of its own.
        token: Names the session.
        speakers: How many processes may speak at once, if they are more than the pieces of code.
    """
    interval = interval_of(max(speakers, len(task_keys)))
    name = hashlib.sha256(token.encode()).hexdigest()[:NAME_LENGTH]
    directory = f"{pipes.folder}/{name}"
    files: dict[str, bytes] = {}
    tasks = []
    for key in task_keys:
        asset_keys = pipes.asset_keys_of(key)
        of_all = not isinstance(pipes.asset_keys, dict) or asset_keys is None
        context = f"{directory}/{CONTEXT_FILE}" if of_all else f"{directory}/{key}.context.json"
        files[context] = _context(pipes, caller, asset_keys)
        messages = f"{directory}/{key or 'messages'}"
        parameters = TaskParameters(context, messages, pipes.include_stdio, interval)
        tasks.append(PipedTask(key, messages, parameters))
    return Session(directory, tuple(tasks), files)


def _context(pipes: Pipes, caller: Caller, asset_keys: Sequence[str] | None) -> bytes:
    context = context_data(
        run_id=caller.run_id,
        job_name=caller.flow_name,
        retry_number=caller.retry_number,
        extras=pipes.extras,
        partition_key=pipes.partition_key,
        asset_keys=asset_keys,
    )
    return json.dumps(context).encode()


def _spoken_by(specification: JobSpecification, pipes: Pipes) -> list[str]:
    """Keys of the tasks that can speak."""
    if specification.launch == "existing_job":
        keys = pipes.tasks or [""]
        if len(keys) > 1:
            raise InvalidJob(
                "pipes.tasks: the notebooks of an existing job get the same parameters, so only one of them "
                f"can speak; given: {', '.join(keys)}. Launch with `run_now` or `submit`"
            )
        return keys
    able = [task.task_key for task in specification.tasks if can_speak(_part(task))]
    if pipes.tasks is None:
        return able
    if wrong := [key for key in pipes.tasks if key not in able]:
        raise InvalidJob(
            f"pipes.tasks: {', '.join(wrong)} cannot speak: only notebooks, Python scripts and wheels of the "
            f"job can ({', '.join(able) or 'it has none'})"
        )
    return [key for key in able if key in pipes.tasks]


def _part(task: DatabricksTask) -> Json:
    """The JSON of the task that does the work: for a for-each task, the one that it repeats."""
    whole = task.as_json()
    return nested_task(whole) or whole


def _of_existing_job(specification: JobSpecification, pipes: Pipes, piped: Session) -> Bootstrap:
    """Job parameters named like the widgets reach notebooks that know nothing of them."""
    (task,) = piped.tasks
    values = task.parameters.environment
    older = {**specification.extra_job_params, "notebook_params": specification.notebook_params}
    # The API refuses job parameters together with older ones.
    name = "notebook_params" if any(older.get(each) for each in OLDER_PARAMETER_FIELDS) else "job_parameters"
    given = {**getattr(specification, name), **values}
    _check_size(name, given)
    changed = specification.model_copy(update={name: given})
    hint = code_hint(("widgets",), pipes.folder)
    return Bootstrap(changed, replace(piped, tasks=(replace(task, hint=hint),)))


class _Tasks:
    """The tasks of a job that is launched as it is described."""

    def __init__(self, specification: JobSpecification, pipes: Pipes, piped: Session) -> None:
        self._specification = specification
        self._pipes = pipes
        self._piped = piped
        self._tasks = {task.task_key: task for task in piped.tasks}
        self._job_parameters: dict[str, str] = {}
        self._heard: list[PipedTask] = []
        self._problems: list[str] = []
        self._warnings: list[str] = []

    def bootstrap(self) -> Bootstrap:
        """Put the parameters into the tasks."""
        tasks = [self._changed(number, task) for number, task in enumerate(self._specification.tasks)]
        asset_keys = self._pipes.asset_keys if isinstance(self._pipes.asset_keys, dict) else {}
        for option, named in (("ways", self._pipes.ways), ("asset_keys", asset_keys)):
            if unknown := set(named) - set(self._tasks):
                self._problems.append(f"pipes.{option}: no such task speaks: {', '.join(sorted(unknown))}")
        older = [name for name in OLDER_PARAMETER_FIELDS if self._specification.extra_job_params.get(name)]
        if older and self._job_parameters:
            self._problems.append(
                f"{', '.join(older)}: the API refuses it together with job parameters, by which the code of "
                "a saved job learns where to speak. Give job parameters instead, or launch with `submit`"
            )
        if self._problems:
            raise InvalidJob("\n".join(self._problems))
        parameters = {**self._specification.job_parameters, **self._job_parameters}
        _check_size("job_parameters", self._job_parameters and parameters)
        changed = self._specification.model_copy(update={"tasks": tasks, "job_parameters": parameters})
        if self._pipes.driver_logs:
            changed = with_log_delivery(changed, self._pipes.folder)
        heard = replace(self._piped, tasks=tuple(self._heard))
        return Bootstrap(changed, heard, tuple(self._warnings))

    def _changed(self, number: int, task: DatabricksTask) -> DatabricksTask:
        piped = self._tasks.get(task.task_key)
        if piped is None:
            return self._silent(task)
        whole, part = task.as_json(), _part(task)
        launch, clusters = self._specification.launch, self._specification.job_clusters
        chosen = self._pipes.ways.get(task.task_key)
        ways = (chosen,) if chosen else usual_ways(part, launch, clusters)
        if found := next(filter(None, (problem(part, way, launch, clusters) for way in ways)), ""):
            self._problems.append(f"pipes.ways: task `{task.task_key}`: {found}")
            return task
        self._heard.append(replace(piped, hint=code_hint(ways, self._pipes.folder)))
        self._warnings += _task_warnings(task.task_key, whole, part, self._pipes)
        if "arguments" in ways:
            part = with_listed_parameters(part, self._specification.job_parameters)
        part = with_parameters(part, ways, self._values(number, piped.parameters), clusters)
        if nested_task(whole) is not None:
            part = {**whole, "for_each_task": {**whole["for_each_task"], "task": part}}
        return _task_of(part, task)

    def _silent(self, task: DatabricksTask) -> DatabricksTask:
        """A task that does not speak, in a job that has parameters of those that do."""
        if self._specification.launch == "submit" or not self._tasks:
            return task
        whole, names = task.as_json(), self._specification.job_parameters
        changed = changed_task(whole, lambda part: with_listed_parameters(part, names))
        return task if changed == whole else _task_of(changed, task)

    def _values(self, number: int, parameters: TaskParameters) -> dict[str, str]:
        if self._specification.launch == "submit":
            return parameters.environment
        # The settings of the saved job stay as they are: they refer to parameters, which each run sends.
        names = {CONTEXT: _CONTEXT_PARAMETER, MESSAGES: f"{_MESSAGES_PARAMETER}_{number}"}
        if parameters.context_path != f"{self._piped.directory}/{CONTEXT_FILE}":
            names[CONTEXT] = f"{_CONTEXT_PARAMETER}_{number}"
        for name, value in parameters.environment.items():
            self._job_parameters[names[name]] = value
        return {name: f"{{{{job.parameters.{parameter}}}}}" for name, parameter in names.items()}


def _task_of(changed: Json, task: DatabricksTask) -> DatabricksTask:
    return DatabricksTask(**{**DatabricksTask.fields_of(changed), "needs_values_of": task.needs_values_of})


def _task_warnings(key: str, whole: Json, part: Json, pipes: Pipes) -> Iterator[str]:
    if "for_each_task" in whole:
        yield (
            f"The iterations of `{key}` share a folder, in which dagster-pipes overwrites what the one "
            "before has said: use databricks_pipes, which tells them apart"
        )
    classic = ("new_cluster", "job_cluster_key", "existing_cluster_id")
    if pipes.dbfs and not any(part.get(name) for name in classic):
        yield f"Task `{key}` runs on serverless compute, whose access to DBFS is limited: use a volume"


def _check_size(name: str, values: Mapping[str, str]) -> None:
    size = len(json.dumps({name: values}).encode())
    if size > MAX_RUN_PARAMETER_BYTES:
        raise InvalidJob(
            f"pipes: the parameters of the tasks make {name} {size:,} bytes of JSON; a run "
            f"takes {MAX_RUN_PARAMETER_BYTES:,}. Name the tasks that speak in `pipes.tasks`, or launch with "
            "`submit`"
        )
