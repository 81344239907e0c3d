"""Runs, tasks and jobs to make pages of."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from databricks_local.jobs.settings import JobSpec
from databricks_local.jobs.specs import NotebookSpec, RunSpec, TaskSpec
from databricks_local.jobs.store import Job
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.states import State
from databricks_local.runs.store import RunStore


def spec(key: str, after: Sequence[str] = (), **fields: Any) -> TaskSpec:
    return TaskSpec(key, fields.pop("body", NotebookSpec(f"/x/{key}")), depends_on=tuple(after), **fields)


def make_run(*specs: TaskSpec, name: str = "name") -> Run:
    ids = count(1)
    run, _ = RunStore(lambda: 5_000, lambda: next(ids)).create(RunSpec(name, specs), "me")
    return run


def make_job(*specs: TaskSpec, name: str = "name", settings: dict[str, Any] | None = None) -> Job:
    job_spec = JobSpec(name, specs, (), (), {}, 1, queue=False, timeout_seconds=0)
    return Job(7, name, 5_000, settings or {}, job_spec)


def end(task: TaskRun, state: State, start: int = 5_000, finish: int = 6_000) -> TaskRun:
    task.state, task.start_time, task.ready_time, task.end_time = state, start, start + 100, finish
    return task
