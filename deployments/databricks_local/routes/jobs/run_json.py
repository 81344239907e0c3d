"""Runs as the API shows them. Pure."""

from functools import partial

from databricks_local.api.bodies import Json
from databricks_local.api.links import Links
from databricks_local.api.paging import Arrays, Page, paged
from databricks_local.jobs.parameters import parameters_json
from databricks_local.jobs.specs import (
    DbtSpec,
    ForEachSpec,
    NotebookSpec,
    PythonFileSpec,
    PythonWheelSpec,
    RunType,
)
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.states import SUCCEEDED, LifeCycle, State

_V2_STATES = {
    LifeCycle.SKIPPED: "TERMINATED",
    LifeCycle.INTERNAL_ERROR: "TERMINATED",
    LifeCycle.WAITING_FOR_RETRY: "WAITING",
}

_CLUSTER_FIELDS = ("new_cluster", "job_cluster_key", "existing_cluster_id", "libraries")


def state_json(state: State) -> Json:
    """`state`; `result_state` is there only once there is one."""
    shown: Json = {"life_cycle_state": state.life_cycle.value}
    if state.result is not None:
        shown["result_state"] = state.result.value
    if state.queue_reason:
        shown["queue_reason"] = state.queue_reason
    return {
        **shown,
        "state_message": state.message,
        "user_cancelled_or_timedout": state.stopped_from_outside,
    }


def status_json(state: State) -> Json:
    """`status`, the V2 form of the state."""
    shown: Json = {"state": _V2_STATES.get(state.life_cycle, state.life_cycle.value)}
    if state.terminal:
        shown["termination_details"] = {"code": state.code, "type": state.kind, "message": state.message}
    if state.queue_reason:
        # The one reason to queue here (docs: QueueDetailsCodeCode).
        shown["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": state.queue_reason}
    return shown


def task_json(run: Run, task: TaskRun, links: Links, *, resolved: bool = False) -> Json:
    """One element of `tasks`.

    Args:
        run: The run.
        task: One attempt at a task.
        links: Where the workspace is.
        resolved: Whether `resolved_values` are asked for.
    """
    shown: Json = {
        **task.spec.raw,
        **_body_json(run, task),
        "task_key": task.spec.key,
        "run_id": task.run_id,
        "run_if": task.spec.run_if.value,
        "state": state_json(task.state),
        "status": status_json(task.state),
        "run_page_url": links.run_page(run.job_id, task.run_id),
        "start_time": task.start_time,
        "setup_duration": task.setup_duration,
        "execution_duration": task.execution_duration,
        "cleanup_duration": 0,
        "end_time": task.end_time,
        "attempt_number": task.attempt_number,
    }
    # Only later attempts name the first one.
    if task.attempt_number:
        shown["original_attempt_run_id"] = task.original_run_id
    if task.cluster_id:
        shown["cluster_instance"] = {"cluster_id": task.cluster_id}
    if resolved and task.resolved:
        shown["resolved_values"] = task.resolved
    return shown


def _body_json(run: Run, task: TaskRun) -> Json:
    """The task body, with the fields that only its run knows."""
    raw, body = task.spec.raw, task.spec.body
    if isinstance(body, NotebookSpec):
        return {"notebook_task": {"source": "WORKSPACE", **raw.get("notebook_task", {})}}
    if isinstance(body, PythonFileSpec):
        return {"spark_python_task": {"source": "WORKSPACE", **raw["spark_python_task"]}}
    if isinstance(body, ForEachSpec):
        stats = {"task_run_stats": _iteration_stats(run, task)}
        return {"for_each_task": {**raw["for_each_task"], "stats": stats}}
    if task.outcome:
        return {"condition_task": {**raw["condition_task"], "outcome": task.outcome}}
    return {}


def _iteration_stats(run: Run, task: TaskRun) -> Json:
    """Only the latest attempt at each iteration counts (docs: ForEachStats)."""
    latest = {iteration.original_run_id: iteration for iteration in run.iterations_of(task)}.values()
    ended = [iteration for iteration in latest if iteration.state.terminal]
    succeeded = sum(iteration.state.result in SUCCEEDED for iteration in ended)
    return {
        "total_iterations": task.total_iterations,
        "scheduled_iterations": len(latest),
        "active_iterations": len(latest) - len(ended),
        "completed_iterations": len(ended),
        "succeeded_iterations": succeeded,
        "failed_iterations": len(ended) - succeeded,
    }


def base_run_json(run: Run, links: Links) -> Json:
    """A run without its tasks, as `runs/list` shows it."""
    # Of a run with several tasks the phases are 0, and run_duration is the whole (docs: execution_duration).
    only = run.tasks[0] if len(run.tasks) == 1 else None
    shown: Json = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        "job_run_id": run.run_id,
        "creator_user_name": run.creator,
        "run_name": run.spec.name,
        "run_type": run.spec.run_type.value,
        "format": "MULTI_TASK",
        "trigger": run.spec.trigger,
        "state": state_json(run.state),
        "status": status_json(run.state),
        "run_page_url": links.run_page(run.job_id, run.run_id),
        "start_time": run.start_time,
        "setup_duration": only.setup_duration if only else 0,
        "execution_duration": only.execution_duration if only else 0,
        "cleanup_duration": 0,
        "end_time": run.end_time,
        "run_duration": _run_duration(run) if run.end_time else 0,
        "attempt_number": 0,
    }
    if run.spec.trigger_run_id:
        # The task run, not the run that it is part of (docs: TriggerInfo).
        shown["trigger_info"] = {"run_id": run.spec.trigger_run_id}
    if run.spec.schedule:
        # Docs: schedule, "the cron schedule that triggered this run".
        shown["schedule"] = run.spec.schedule
    if run.spec.git is not None:
        shown["git_source"] = dict(run.spec.git.raw)
        if run.used_commit:
            # Docs: git_snapshot, the state of the repository at the time the run was run.
            shown["git_source"]["git_snapshot"] = {"used_commit": run.used_commit}
    if run.queued_until:
        shown["queue_duration"] = run.queued_until - run.start_time
    if run.parameters.overriding:
        shown["overriding_parameters"] = run.parameters.overriding
    if run.spec.timeout_seconds:
        shown["timeout_seconds"] = run.spec.timeout_seconds
    return shown


def _run_duration(run: Run) -> int:
    """What the run and its repairs took (docs: run_duration).

    Whether the time between them counts is not said; a run that is repaired later did not run all the time.
    """
    return sum(max((item.end_time or run.end_time) - item.start_time, 0) for item in run.rounds)


def _round_json(run: Run, item: Round) -> Json:
    """One item of `repair_history`."""
    index = run.rounds.index(item)
    shown: Json = {
        "type": "REPAIR" if item.repair_id else "ORIGINAL",
        "start_time": item.start_time,
        "end_time": item.end_time,
        "state": state_json(item.state),
        "status": status_json(item.state),
        "task_run_ids": [task.run_id for task in run.tasks if task.round == index],
    }
    # The first item, the original, has no id (cosmos#163).
    return {**shown, "id": item.repair_id} if item.repair_id else shown


def run_json(run: Run, links: Links, page: Page, *, history: bool = False, resolved: bool = False) -> Json:
    """A run as `runs/get` shows it.

    Args:
        run: The run.
        links: Where the workspace is.
        page: The wanted part of its arrays.
        history: Whether `repair_history` is asked for; it is never empty then.
        resolved: Whether `resolved_values` are asked for.

    Returns:
        The run; with `next_page_token` if there is more.
    """
    arrays: Arrays = {"tasks": (run.tasks, partial(task_json, run, links=links, resolved=resolved))}
    if run.spec.run_type is RunType.JOB_RUN:
        arrays["job_clusters"] = run.spec.job_clusters, _as_it_is
        arrays["job_parameters"] = parameters_json(run.parameters), _as_it_is
    if history:
        arrays["repair_history"] = run.rounds, partial(_round_json, run)
    return {**base_run_json(run, links), **paged(arrays, page)}


def task_run_json(
    run: Run, task: TaskRun, links: Links, page: Page | None = None, *, resolved: bool = False
) -> Json:
    """A task run by itself, as `runs/get` with its id and the `metadata` of its output show it."""
    shown = task_json(run, task, links, resolved=resolved)
    of_run = {"depends_on", "run_if", *_CLUSTER_FIELDS, *_bodies(shown)}
    single: Json = {
        **base_run_json(run, links),
        **{name: shown[name] for name in shown if name not in of_run},
        "number_in_job": task.run_id,
        "original_attempt_run_id": task.original_run_id,
        "run_name": task.spec.key if not run.spec.legacy else run.spec.name,
        "format": "SINGLE_TASK",
        "task": {name: shown[name] for name in _bodies(shown)},
        "cluster_spec": {name: task.spec.raw[name] for name in _CLUSTER_FIELDS if name in task.spec.raw},
        "run_duration": max(task.end_time - task.start_time, 0) if task.end_time else 0,
    }
    if isinstance(task.spec.body, ForEachSpec) and page is not None:
        # Its pages are those of its iterations; the task itself is on each (SDK: get_run).
        single["tasks"] = [shown]
        shown_as = partial(task_json, run, links=links, resolved=resolved)
        single.update(paged({"iterations": (run.iterations_of(task), shown_as)}, page))
    return single


def output_json(run: Run, task: TaskRun, links: Links) -> Json:
    """The answer of `runs/get-output`."""
    shown: Json = {"metadata": task_run_json(run, task, links)}
    if isinstance(task.spec.body, NotebookSpec):
        shown["notebook_output"] = {}
    if task.exit_value is not None:
        shown["notebook_output"] = {"result": task.exit_value, "truncated": task.exit_truncated}
    if task.sql_output:
        shown["sql_output"] = task.sql_output
    if task.child_run_id:
        shown["run_job_output"] = {"run_id": task.child_run_id}
    if isinstance(task.spec.body, PythonFileSpec | PythonWheelSpec | DbtSpec):
        shown |= {"logs": task.logs, "logs_truncated": task.logs_truncated}
    if task.error:
        shown["error"] = task.error
    if task.error_trace:
        shown["error_trace"] = task.error_trace
    return shown


def _bodies(shown: Json) -> list[str]:
    return [name for name in shown if name.endswith("_task")]


def _as_it_is(item: Json) -> Json:
    return item
