"""Converts runs to records of the database, and back. Pure.

History is never judged again: a record holds what was made of the settings of its time.
"""

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError
from databricks_local.jobs.compute import SharedCompute, parse_shared
from databricks_local.jobs.git_specs import read_git_source
from databricks_local.jobs.specs import NotebookSpec, Parameters, RunSpec, RunType, TaskSpec
from databricks_local.jobs.task_specs import parse_task
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.states import LifeCycle, Result, State
from databricks_local.runtime.outputs import CellResult

_TASK_FIELDS = (
    "run_id", "attempt_number", "original_run_id", "round", "parent_run_id", "start_time", "ready_time",
    "end_time", "cluster_id", "error", "outcome", "resolved", "values", "child_run_id", "total_iterations",
    "input_index", "kept", "settled_time", "sql_output",
)  # fmt: skip


_SPEC = TypeAdapter(RunSpec)
_TASK_SPEC = TypeAdapter(TaskSpec)

UNREADABLE_NAME = "(unreadable)"


class UnreadableRecordError(Exception):
    """Raised for a record that was not written by this version, nor by one that it knows."""


def run_record(run: Run) -> Json:
    """A run without its tasks. What it was made from is kept as it was resolved then."""
    return {
        "run_id": run.run_id,
        "job_id": run.job_id,
        "creator": run.creator,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "queued_until": run.queued_until,
        "pending_repair_id": run.pending_repair_id,
        "used_commit": run.used_commit,
        "state": state_record(run.state),
        "rounds": [{**asdict(item), "state": state_record(item.state)} for item in run.rounds],
        "parameters": asdict(run.parameters),
        "resolved_spec": _SPEC.dump_python(run.spec, mode="json"),
    }


def read_run(record: Json) -> Run:
    """Read a run, without its task runs.

    Raises:
        UnreadableRecordError: If it cannot be read.
    """
    try:
        spec = _read_spec(record)
        return Run(
            run_id=record["run_id"],
            job_id=record["job_id"],
            creator=record["creator"],
            start_time=record["start_time"],
            end_time=record["end_time"],
            queued_until=record["queued_until"],
            pending_repair_id=record["pending_repair_id"],
            used_commit=record.get("used_commit", ""),
            state=read_state(record["state"]),
            rounds=[_read_round(item, spec) for item in record["rounds"]],
            parameters=Parameters(**record["parameters"]),
            tasks=[],
            spec=spec,
        )
    except (KeyError, TypeError, ValueError, ApiError) as error:
        raise UnreadableRecordError(_reason(error)) from error


def unreadable_run(run_id: int, record: Json, reason: str) -> Run:
    """What is shown for a run whose record cannot be read."""
    state = states.unreadable(reason)
    start, end = _number(record, "start_time"), _number(record, "end_time")
    job_id = _number(record, "job_id")
    spec = RunSpec(UNREADABLE_NAME, ())
    return Run(run_id, job_id, spec, "", [], start, state, end, rounds=[Round(0, start, end, state)])


def _read_round(record: Json, spec: RunSpec) -> Round:
    # Records of earlier versions lack the alerts of their time.
    return Round(**{"alerts": spec.alerts, **record, "state": read_state(record["state"])})


def _read_spec(record: Json) -> RunSpec:
    if "resolved_spec" in record:
        return _SPEC.validate_python(record["resolved_spec"])
    # Earlier versions kept the request, which has to be read again.
    spec: Json = record["spec"]
    shared = _shared(spec["job_clusters"], spec.get("environments", []))
    return RunSpec(
        name=spec["name"],
        tasks=tuple(_older_task(raw, shared) for raw in spec["tasks"]),
        timeout_seconds=spec["timeout_seconds"],
        idempotency_token=spec["idempotency_token"],
        legacy=spec["legacy"],
        run_type=RunType(spec["run_type"]),
        trigger=spec["trigger"],
        trigger_run_id=spec.get("trigger_run_id", 0),
        parameters=Parameters(**spec["parameters"]),
        job_clusters=tuple(spec["job_clusters"]),
        environments=tuple(spec.get("environments", [])),
        ancestors=tuple(spec["ancestors"]),
        git=read_git_source(spec),
    )


def _shared(job_clusters: Sequence[Json], environments: Sequence[Json]) -> SharedCompute:
    """The clusters of a run of an earlier version, as far as they can be read."""
    try:
        return parse_shared(job_clusters, environments)
    except ApiError:
        return SharedCompute()


def _older_task(raw: Json, shared: SharedCompute) -> TaskSpec:
    """A task of an earlier version; one that would be refused now can at least be shown."""
    try:
        return parse_task(raw, shared)
    except ApiError:
        path = raw.get("notebook_task", {}).get("notebook_path", "")
        return TaskSpec(raw["task_key"], NotebookSpec(path), raw=raw)


def task_record(run: Run, task: TaskRun) -> Json:
    """A task run without its output. It has its own settings, since the job may change between attempts."""
    record: Json = {name: getattr(task, name) for name in _TASK_FIELDS}
    return {
        **record,
        "values": dict(task.values),
        "job_run_id": run.run_id,
        "state": state_record(task.state),
        "resolved_spec": _TASK_SPEC.dump_python(task.spec, mode="json"),
    }


def read_task(record: Json, run: Run) -> TaskRun:
    """Read a task run. Its output stays in the database.

    Args:
        record: The record, as `task_record` makes it.
        run: The run that it is part of.

    Raises:
        UnreadableRecordError: If it cannot be read.
    """
    try:
        # Records of earlier versions lack some fields.
        fields = {name: record[name] for name in _TASK_FIELDS if name in record}
        if "resolved_spec" in record:
            spec = _TASK_SPEC.validate_python(record["resolved_spec"])
        else:
            spec = _older_task(record["raw"], _shared(run.spec.job_clusters, run.spec.environments))
        return TaskRun(spec=spec, state=read_state(record["state"]), stored=True, **fields)
    except (KeyError, TypeError, ValueError, ApiError) as error:
        raise UnreadableRecordError(_reason(error)) from error


def unreadable_task(task_run_id: int, record: Json, reason: str) -> TaskRun:
    """What is shown for a task run whose record cannot be read."""
    kept = record.get("resolved_spec", {}) or record.get("raw", {})
    key = str(kept.get("key") or kept.get("task_key") or UNREADABLE_NAME)
    task = TaskRun(task_run_id, TaskSpec(key, NotebookSpec("")), states.unreadable(reason), stored=True)
    task.original_run_id, task.error = task_run_id, task.state.message
    for name in ("attempt_number", "round", "start_time", "end_time"):
        setattr(task, name, _number(record, name))
    return task


def _reason(error: Exception) -> str:
    """Why a record cannot be read, in one line."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}"


def _number(record: Json, name: str) -> int:
    value = record.get(name)
    return value if isinstance(value, int) else 0


def output_record(task: TaskRun) -> Json:
    """The output of a task run."""
    return {
        "exit_value": task.exit_value,
        "exit_truncated": task.exit_truncated,
        "error_trace": task.error_trace,
        "cells": [cell.as_dict() for cell in task.cells],
        "logs": task.logs,
        "logs_truncated": task.logs_truncated,
    }


def read_output(task: TaskRun, record: Json) -> TaskRun:
    """A copy of a task run that has its output."""
    shown = TaskRun(**{**vars(task), "stored": False})
    shown.exit_value, shown.exit_truncated = record["exit_value"], record["exit_truncated"]
    shown.error_trace = record["error_trace"]
    shown.logs, shown.logs_truncated = record.get("logs", ""), record.get("logs_truncated", False)
    shown.cells = [CellResult.from_dict(cell) for cell in record["cells"]]
    return shown


def state_record(state: State) -> Json:
    """A state."""
    return asdict(state)


def read_state(record: Json) -> State:
    """A state, from its record."""
    result = None if record["result"] is None else Result(record["result"])
    return State(**{**record, "life_cycle": LifeCycle(record["life_cycle"]), "result": result})


def end_as_lost(run: Run, now: int) -> None:
    """End a run that was active when the server died, as if its driver was lost."""
    if run.pending_repair_id:
        run.rounds[-1].state, run.rounds[-1].end_time = run.state, run.end_time
        run.rounds.append(Round(run.pending_repair_id, now, alerts=run.spec.alerts))
        run.pending_repair_id = 0
    for task in (each for top in run.tasks for each in (top, *top.iterations)):
        if not task.state.terminal:
            waited = task.state.life_cycle is LifeCycle.BLOCKED
            task.state = states.UPSTREAM_FAILED if waited else states.DRIVER_LOST
            task.error = task.state.message
            task.end_time, task.settled_time = now if task.start_time else 0, now
    run.state = run.rounds[-1].state = states.DRIVER_LOST
    run.end_time = run.rounds[-1].end_time = now
