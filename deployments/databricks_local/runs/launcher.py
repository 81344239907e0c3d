"""Starts submitted runs, runs of saved jobs, and repairs."""

from dataclasses import dataclass, replace
from typing import Any

from databricks_local.api import errors
from databricks_local.api.bodies import Json, read_required_integer
from databricks_local.api.errors import invalid_parameter, malformed_request
from databricks_local.jobs.parameters import read_parameters
from databricks_local.jobs.settings import JobSpec, queue_enabled, selected_tasks
from databricks_local.jobs.specs import Parameters, RunSpec, RunType, TaskSpec
from databricks_local.jobs.store import Job, JobStore
from databricks_local.jobs.submit_request import parse_submit, read_token
from databricks_local.jobs.triggers import Firing, TriggerType
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.repairs import read_repair, refusal, tasks_to_rerun
from databricks_local.runs.runner import Runner, end_without_start
from databricks_local.runs.states import LifeCycle
from databricks_local.runs.store import RunStore

MAX_NESTED_JOBS = 3
"""Docs: run job tasks must not be nested more than three levels deep."""


@dataclass(frozen=True)
class Options:
    """How to behave where the behaviour of Databricks is not known.

    Attributes:
        repair_one_time_runs: Whether `runs/repair` takes a run made by `runs/submit`.
        repair_visible_after: Seconds for which a repaired run still looks unchanged (airflow#68358).
        limit_repairs: Whether a repair is refused while its job has as many active runs as it may have.
    """

    repair_one_time_runs: bool = False
    repair_visible_after: float = 0
    limit_repairs: bool = False


@dataclass(frozen=True)
class _Repair:
    """A repair that is decided, and changes nothing before it begins."""

    repair_id: int
    tasks: list[TaskSpec]
    parameters: Parameters
    spec: RunSpec
    keeps_commit: bool


class Launcher:
    """Starts runs, within the limits of their jobs."""

    def __init__(self, store: RunStore, jobs: JobStore, runner: Runner, user: str, options: Options) -> None:
        self._store = store
        self._jobs = jobs
        self._runner = runner
        self._user = user
        self._options = options
        runner.on_end = self._let_next_begin
        runner.tools.start_job = self._start_nested

    def submit(self, body: Json) -> Run:
        """Start a submitted run, or return the one that its token started before."""
        spec = parse_submit(body)
        self._jobs.check(spec.tasks)
        run, is_new = self._store.create(spec, self._user)
        if is_new:
            self._runner.start(run)
        return run

    def run_now(self, body: Json) -> Run:
        """Start a run of a saved job, or return the one that its token started before."""
        return self._run(body)

    def fire(self, job: Job, firing: Firing) -> Run | None:
        """Start a run that is due, within the limits of its job as any other.

        Returns:
            The run; None for a continuous job of which a run is active already.
        """
        if firing.type is TriggerType.CONTINUOUS and self._running(job.job_id):
            return None
        return self._run(
            {"job_id": job.job_id},
            trigger=firing.type.value,
            trigger_time=firing.trigger_time,
            trigger_references=firing.references,
            schedule=job.spec.schedule,
        )

    def _run(self, body: Json, **cause: Any) -> Run:
        """Start a run of a saved job.

        Args:
            body: The request.
            **cause: The fields of the specification that say what started it.
        """
        job = self._jobs.runnable(read_required_integer(body, "job_id"))
        spec = replace(_run_spec(job.spec, body), **cause)
        waits = queue_enabled(body, job.spec.queue)
        run, is_new = self._store.create(spec, self._user, job.job_id)
        if not is_new:
            return run
        limit = job.spec.max_concurrent_runs
        if self._running(job.job_id) - 1 < limit:
            self._runner.start(run)
        elif waits and limit:
            run.state = run.rounds[-1].state = states.queued(limit)
            self._store.changed(run)
        else:
            end_without_start(run, states.concurrency_skipped(limit), self._store, self._store.now())
        return run

    def repair(self, body: Json) -> int:
        """Repair a run; returns the id of the repair."""
        run_id = read_required_integer(body, "run_id")
        request = read_repair(body)
        run = self._store.run(run_id)
        if run is None:
            raise errors.run_not_found(run_id)
        refused = refusal(run, request, one_time_runs=self._options.repair_one_time_runs)
        if refused is not None:
            raise refused
        repair = self._decide_repair(run, body)
        if self._options.repair_visible_after:
            run.pending_repair_id = repair.repair_id
            self._store.changed(run)
            self._runner.start_later(
                run, self._options.repair_visible_after, lambda: self._begin_repair(run, repair)
            )
        else:
            self._begin_repair(run, repair)
        return repair.repair_id

    def delete_job(self, job_id: int) -> None:
        """Remove a job; its active runs are ended (docs: "they will be terminated asynchronously")."""
        if self._jobs.delete(job_id):
            self.cancel_all(job_id, queued_only=False)

    def cancel_all(self, job_id: int, *, queued_only: bool) -> None:
        """Cancel the active runs of a job, or of all.

        Args:
            job_id: The job; 0 for all.
            queued_only: Whether to cancel only queued runs.
        """
        runs = self._store.of_job(job_id) if job_id else list(self._store.newest_first())
        # Queued ones first, so that none of them starts because another one ends.
        for run in sorted(runs, key=lambda run: run.state.life_cycle is not LifeCycle.QUEUED):
            if not queued_only or run.state.life_cycle is LifeCycle.QUEUED:
                self._runner.cancel_run(run)

    def begin_waiting(self, job: Job) -> None:
        """Start the queued runs of a job for which there is room."""
        room = job.spec.max_concurrent_runs - self._running(job.job_id)
        waiting = [run for run in self._store.of_job(job.job_id) if run.state.life_cycle is LifeCycle.QUEUED]
        for run in waiting[: max(room, 0)]:
            run.queued_until = self._store.now()
            run.state = run.rounds[-1].state = states.PENDING
            self._runner.start(run)

    def _decide_repair(self, run: Run, body: Json) -> _Repair:
        """Decide what a repair does, or refuse it.

        Its settings are those of the job as it is now (docs: repair).
        """
        spec, tasks, defaults = run.spec, run.spec.tasks, {}
        if spec.run_type is RunType.JOB_RUN:
            job = self._jobs.runnable(run.job_id)
            if self._options.limit_repairs and self._running(job.job_id) >= job.spec.max_concurrent_runs:
                raise errors.concurrency_reached(job.job_id, job.spec.max_concurrent_runs)
            tasks, defaults = job.spec.tasks, job.spec.parameters
            spec = replace(
                spec,
                job_clusters=job.spec.job_clusters,
                environments=job.spec.environments,
                git=job.spec.git,
                alerts=job.spec.alerts,
            )
        return _Repair(
            self._store.unused_id(),
            tasks_to_rerun(tasks, run.latest(), read_repair(body)),
            # Parameters of the run before are not taken over (airflow#64828).
            read_parameters(body, defaults),
            spec,
            # With the same git_source a repair keeps the commit: a run has one (docs: git_snapshot).
            keeps_commit=spec.git == run.spec.git,
        )

    def _begin_repair(self, run: Run, repair: _Repair) -> None:
        latest = run.latest()
        run.pending_repair_id = 0
        run.rounds[-1].end_time = run.end_time
        run.rounds.append(Round(repair.repair_id, self._store.now(), alerts=repair.spec.alerts))
        run.spec, run.parameters = repair.spec, repair.parameters
        if not repair.keeps_commit:
            run.used_commit = ""
        run.state, run.end_time = states.PENDING, 0
        tasks = [self._store.add_task(run, spec, before=latest[spec.key]) for spec in repair.tasks]
        self._store.changed(run)
        self._runner.start(run, tasks)

    def _start_nested(self, parent: Run, task: TaskRun, request: dict[str, Any]) -> Run:
        ancestors = (*parent.spec.ancestors, parent.job_id)
        if request["job_id"] in ancestors or len(ancestors) > MAX_NESTED_JOBS:
            raise invalid_parameter(
                f"Job {request['job_id']} cannot be run from here: jobs run each other in a circle, "
                f"or more than {MAX_NESTED_JOBS} levels deep."
            )
        return self._run(request, trigger="RUN_JOB_TASK", ancestors=ancestors, trigger_run_id=task.run_id)

    def _running(self, job_id: int) -> int:
        """How many runs of a job count against its limit."""
        return sum(
            run.active and run.state.life_cycle is not LifeCycle.QUEUED for run in self._store.of_job(job_id)
        )

    def _let_next_begin(self, ended: Run) -> None:
        if ended.spec.run_type is RunType.JOB_RUN and not self._jobs.is_deleted(ended.job_id):
            self.begin_waiting(self._jobs.get(ended.job_id))


def _run_spec(job: JobSpec, body: Json) -> RunSpec:
    only = body.get("only")
    if only is not None and not (isinstance(only, list) and all(isinstance(key, str) for key in only)):
        raise malformed_request("Could not parse request object: Expected a list of strings for field 'only'")
    tasks = selected_tasks(job, only) if only else job.tasks
    if not tasks:
        raise errors.no_tasks()
    return RunSpec(
        name=job.name,
        tasks=tasks,
        timeout_seconds=job.timeout_seconds,
        idempotency_token=read_token(body),
        run_type=RunType.JOB_RUN,
        parameters=read_parameters(body, job.parameters),
        job_clusters=job.job_clusters,
        environments=job.environments,
        git=job.git,
        alerts=job.alerts,
    )
