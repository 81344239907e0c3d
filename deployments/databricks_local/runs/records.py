"""Converts runs to records of the database, and back. Pure."""

from dataclasses import asdict

from databricks_local.api.bodies import Json
from databricks_local.jobs.compute import SharedCompute, parse_shared
from databricks_local.jobs.git_specs import read_git_source
from databricks_local.jobs.specs import Parameters, RunSpec, RunType
from databricks_local.jobs.task_specs import parse_task
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.states import LifeCycle, Result, State
from databricks_local.runtime.outputs import CellResult

_TASK_FIELDS = (
    "run_id", "attempt_number", "original_run_id", "round", "parent_run_id", "start_time", "ready_time",
    "end_time", "cluster_id", "error", "outcome", "resolved", "values", "child_run_id", "total_iterations",
    "input_index", "kept",
)  # fmt: skip


def run_record(run: Run) -> Json:
    """A run without its tasks."""
    spec = run.spec
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
        "spec": {
            "name": spec.name,
            "timeout_seconds": spec.timeout_seconds,
            "idempotency_token": spec.idempotency_token,
            "legacy": spec.legacy,
            "run_type": spec.run_type.value,
            "trigger": spec.trigger,
            "trigger_run_id": spec.trigger_run_id,
            "ancestors": list(spec.ancestors),
            "job_clusters": list(spec.job_clusters),
            "environments": list(spec.environments),
            "parameters": asdict(spec.parameters),
            "git_source": spec.git.raw if spec.git else None,
            "tasks": [task.raw for task in spec.tasks],
        },
    }


def read_run(record: Json) -> Run:
    """Read a run, without its task runs."""
    spec: Json = record["spec"]
    # Runs of earlier versions have no environments.
    shared = parse_shared(spec["job_clusters"], spec.get("environments", []))
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
        rounds=[Round(**{**item, "state": read_state(item["state"])}) for item in record["rounds"]],
        parameters=Parameters(**record["parameters"]),
        tasks=[],
        spec=RunSpec(
            name=spec["name"],
            tasks=tuple(parse_task(raw, shared) for raw in spec["tasks"]),
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
        ),
    )


def task_record(run: Run, task: TaskRun) -> Json:
    """A task run without its output. It has its own settings, since the job may change between attempts."""
    record: Json = {name: getattr(task, name) for name in _TASK_FIELDS}
    return {**record, "job_run_id": run.run_id, "state": state_record(task.state), "raw": task.spec.raw}


def read_task(record: Json, shared: SharedCompute) -> TaskRun:
    """Read a task run. Its output stays in the database.

    Args:
        record: The record, as `task_record` makes it.
        shared: The clusters and environments of the run that it is part of.
    """
    # Records of earlier versions lack some fields.
    fields = {name: record[name] for name in _TASK_FIELDS if name in record}
    spec = parse_task(record["raw"], shared)
    return TaskRun(spec=spec, state=read_state(record["state"]), stored=True, **fields)


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
        run.rounds.append(Round(run.pending_repair_id, now))
        run.pending_repair_id = 0
    for task in (each for top in run.tasks for each in (top, *top.iterations)):
        if not task.state.terminal:
            waited = task.state.life_cycle is LifeCycle.BLOCKED
            task.state = states.UPSTREAM_FAILED if waited else states.DRIVER_LOST
            task.error = task.state.message
            task.end_time = now if task.start_time else 0
    run.state = run.rounds[-1].state = states.DRIVER_LOST
    run.end_time = run.rounds[-1].end_time = now
