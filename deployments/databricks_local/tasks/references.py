"""Dynamic value references such as `{{job.run_id}}`: text in, text out. Pure.

Source: docs, "Dynamic value references": plain substitution, no expressions. Text with another syntax or an
unknown namespace stays unchanged; an unknown key in a known namespace is an error. Backticks quote names with
characters other than letters, digits and underscores.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*((?:`[^`]*`|[^`{}])*?)\s*\}\}")
_PATH = re.compile(r"(?:\w+|`[^`]+`)(?:\.(?:\w+|`[^`]+`))*", re.ASCII)
_NAME = re.compile(r"\w+|`[^`]+`", re.ASCII)

_NO_NEWS = {"file_arrival.location": "", "table_update.updated_tables": "[]"}


class UnresolvedReferenceError(ValueError):
    """Raised for an unknown key in a known namespace."""


@dataclass(frozen=True)
class TaskFacts:
    """The values of a task that references can name.

    Attributes:
        name: Its key.
        run_id: The id of its latest attempt.
        execution_count: How often it was run, retries and repairs included (docs).
        notebook_path: Its notebook; empty if it has none.
        result_state: How it ended; empty if it has not.
        termination_code: Why it ended; empty if it has not.
        values: Its task values, each as JSON.
    """

    name: str
    run_id: int
    execution_count: int = 1
    notebook_path: str = ""
    result_state: str = ""
    termination_code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """The values that references stand for.

    Attributes:
        job_id: The job.
        job_name: Its name when the run was made.
        run_id: The run of the job.
        repair_count: How often that was repaired.
        start_time: When it started, in milliseconds since 1970.
        trigger: What started it.
        parameters: The parameters of the job.
        task: The task whose configuration is resolved.
        find_task: Finds a task of the run by its key.
        workspace_id: The workspace.
        workspace_url: Its URL.
        inputs: In an iteration of a for-each task: its input. Otherwise empty.
        trigger_time: When the trigger was due, in milliseconds since 1970; 0 for a run without one.
        trigger_references: What `job.trigger` has besides, by its path.
    """

    job_id: int
    job_name: str
    run_id: int
    repair_count: int
    start_time: int
    trigger: str
    parameters: Mapping[str, str]
    task: TaskFacts
    find_task: Callable[[str], TaskFacts | None]
    workspace_id: int = 0
    workspace_url: str = ""
    inputs: tuple[Any, ...] = ()
    trigger_time: int = 0
    trigger_references: Mapping[str, str] = field(default_factory=dict)


def resolve(text: str, context: Context) -> str:
    """Put values in the place of references.

    Raises:
        UnresolvedReferenceError: If one is in a known namespace and leads nowhere.
    """
    if "{{" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        path = match[1]
        if not _PATH.fullmatch(path):
            return match[0]
        names = [name.strip("`") for name in _NAME.findall(path)]
        value = _value(names, context)
        return match[0] if value is None else value

    return _REFERENCE.sub(replace, text)


def resolve_all(values: Mapping[str, str], context: Context) -> dict[str, str]:
    """Resolve the values of a mapping."""
    return {name: resolve(value, context) for name, value in values.items()}


def resolve_within(value: Any, context: Context) -> Any:
    """Resolve every text in a JSON value, however deep it lies."""
    if isinstance(value, str):
        return resolve(value, context)
    if isinstance(value, list):
        return [resolve_within(item, context) for item in value]
    if isinstance(value, dict):
        return {name: resolve_within(item, context) for name, item in value.items()}
    return value


def as_text(value: Any) -> str:
    """A value in the place of a reference: text as it is, anything else as JSON (docs: task values)."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(names: list[str], context: Context) -> str | None:
    """The value of a reference; None if its namespace is unknown."""
    keys = names[1:]
    if not keys:
        return _bare(names[0], context)
    if names[0] == "input" and not context.inputs:
        return None
    workspace = {"id": str(context.workspace_id), "url": context.workspace_url}
    spaces: dict[str, Callable[[], str]] = {
        "job": lambda: _job(keys, context),
        "task": lambda: _one_of(_task_values(context.task), keys, names),
        "tasks": lambda: _other_task(keys, context, names),
        "workspace": lambda: _one_of(workspace, keys, names),
        "input": lambda: _input(keys, context.inputs[0], names),
    }
    find = spaces.get(names[0])
    return None if find is None else find()


def _bare(name: str, context: Context) -> str | None:
    """References without a namespace: the input of an iteration, and the old forms (ucx)."""
    if name == "input" and context.inputs:
        return as_text(context.inputs[0])
    moment = datetime.fromtimestamp(context.start_time / 1000, UTC)
    return {
        "job_id": str(context.job_id),
        "job_name": context.job_name,
        "run_id": str(context.task.run_id),
        "parent_run_id": str(context.run_id),
        "task_key": context.task.name,
        "task_retry_count": str(context.task.execution_count - 1),
        "start_date": f"{moment:%Y-%m-%d}",
        "start_time": str(context.start_time),
    }.get(name)


def _job(keys: list[str], context: Context) -> str:
    names = ["job", *keys]
    if keys[0] == "parameters" and len(keys) > 1:
        return _one_of(context.parameters, keys[1:], names)
    if keys[0] == "start_time":
        return _one_of(_moment(context.start_time), keys[1:], names)
    if keys[:2] == ["trigger", "time"]:
        return _one_of(_moment(context.trigger_time or context.start_time), keys[2:], names)
    if keys[0] == "trigger":
        # Docs: periodic, onetime, run_job_task, file_arrival, continuous, table.
        kind = "onetime" if context.trigger == "ONE_TIME" else context.trigger.lower()
        # What did not start the run is empty.
        known = {"type": kind, **_NO_NEWS, **context.trigger_references}
        return _one_of(known, [".".join(keys[1:])], names)
    values = {
        "id": str(context.job_id),
        "name": context.job_name,
        "run_id": str(context.run_id),
        "repair_count": str(context.repair_count),
    }
    return _one_of(values, keys, names)


def _moment(milliseconds: int) -> dict[str, str]:
    """The arguments of a time, in UTC (docs: options for date and time values)."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return {
        "iso_weekday": str(moment.isoweekday()),
        "is_weekday": "true" if moment.isoweekday() < 6 else "false",  # noqa: PLR2004 - Saturday
        "iso_date": f"{moment:%Y-%m-%d}",
        "iso_datetime": f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z",
        "year": str(moment.year),
        "month": str(moment.month),
        "day": str(moment.day),
        "hour": str(moment.hour),
        "minute": str(moment.minute),
        "second": str(moment.second),
        "timestamp_ms": str(milliseconds),
    }


def _task_values(task: TaskFacts) -> dict[str, str]:
    return {
        "name": task.name,
        "run_id": str(task.run_id),
        "execution_count": str(task.execution_count),
        "notebook_path": task.notebook_path,
    }


def _other_task(keys: list[str], context: Context, names: list[str]) -> str:
    task = context.find_task(keys[0])
    if task is None:
        raise _nowhere(names)
    if keys[1:2] == ["values"]:
        values = {key: as_text(json.loads(value)) for key, value in task.values.items() if key in keys}
        return _one_of(values, keys[2:], names)
    # Docs: the states in lower case; the code in camel case, as RunExecutionError, and empty after success.
    code = "" if task.termination_code == "SUCCESS" else _camel(task.termination_code)
    values = {**_task_values(task), "result_state": task.result_state.lower(), "error_code": code}
    return _one_of(values, keys[1:], names)


def _input(keys: list[str], value: Any, names: list[str]) -> str:
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise _nowhere(names)
        value = value[key]
    return as_text(value)


def _one_of(values: Mapping[str, str], keys: list[str], names: list[str]) -> str:
    if len(keys) != 1 or keys[0] not in values:
        raise _nowhere(names)
    return values[keys[0]]


def _camel(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_"))


def _nowhere(names: list[str]) -> UnresolvedReferenceError:
    return UnresolvedReferenceError(f"Invalid dynamic value reference: {{{{{'.'.join(names)}}}}}.")
