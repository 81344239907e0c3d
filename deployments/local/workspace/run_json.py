"""Runs as the API shows them. Pure."""

import re
from dataclasses import dataclass

from deployments.local.workspace.bodies import Json
from deployments.local.workspace.errors import invalid_parameter
from deployments.local.workspace.models import Run, TaskRun
from deployments.local.workspace.states import LifeCycle, State

PAGE_SIZE = 100
"""Elements of each array in one answer of `runs/get` (2.2)."""

_PAGE_TOKEN = re.compile(r"from-([0-9]{1,12})")
_V2_STATES = {LifeCycle.SKIPPED: "TERMINATED", LifeCycle.INTERNAL_ERROR: "TERMINATED"}


@dataclass(frozen=True)
class Links:
    """Where this workspace is, for the links in its answers."""

    origin: str
    workspace_id: int

    def run_page(self, job_id: int, run_id: int) -> str:
        """The page that a person opens."""
        return f"{self.origin}/jobs/{job_id}/runs/{run_id}?o={self.workspace_id}"


def state_json(state: State) -> Json:
    """`state`; `result_state` is there only once there is one."""
    shown: Json = {"life_cycle_state": state.life_cycle.value}
    if state.result is not None:
        shown["result_state"] = state.result.value
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
    return shown


def task_json(run: Run, task: TaskRun, links: Links) -> Json:
    """One element of `tasks`."""
    shown: Json = {
        **task.spec.raw,
        "task_key": task.spec.key,
        "run_id": task.run_id,
        "run_if": task.spec.run_if.value,
        "notebook_task": {"source": "WORKSPACE", **task.spec.raw.get("notebook_task", {})},
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
    if task.cluster_id:
        shown["cluster_instance"] = {"cluster_id": task.cluster_id}
    return shown


def base_run_json(run: Run, links: Links) -> Json:
    """A run without its tasks, as `runs/list` shows it."""
    # Of a run with several tasks the phases are 0, and run_duration is the whole (docs: execution_duration).
    only = run.tasks[0] if len(run.tasks) == 1 else None
    shown: Json = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        "creator_user_name": run.creator,
        "run_name": run.spec.name,
        "run_type": "SUBMIT_RUN",
        "format": "MULTI_TASK",
        "trigger": "ONE_TIME",
        "state": state_json(run.state),
        "status": status_json(run.state),
        "run_page_url": links.run_page(run.job_id, run.run_id),
        "start_time": run.start_time,
        "setup_duration": only.setup_duration if only else 0,
        "execution_duration": only.execution_duration if only else 0,
        "cleanup_duration": 0,
        "end_time": run.end_time,
        "run_duration": max(run.end_time - run.start_time, 0) if run.end_time else 0,
        "attempt_number": 0,
    }
    if run.spec.timeout_seconds:
        shown["timeout_seconds"] = run.spec.timeout_seconds
    return shown


def history_json(run: Run) -> list[Json]:
    """`repair_history`: never empty, and its first item, the original, has no id (cosmos#163)."""
    original = {
        "type": "ORIGINAL",
        "start_time": run.start_time,
        "end_time": run.end_time,
        "state": state_json(run.state),
        "status": status_json(run.state),
        "task_run_ids": [task.run_id for task in run.tasks],
    }
    return [original]


def run_json(run: Run, links: Links, *, history: bool, offset: int, limit: int | None) -> Json:
    """A run as `runs/get` shows it.

    Args:
        run: The run.
        links: Where the workspace is.
        history: Whether `repair_history` is asked for.
        offset: The first element of each array.
        limit: How many elements of each array there are on a page; None for all, as before 2.2.

    Returns:
        The run; with `next_page_token` if there is more.
    """
    shown = base_run_json(run, links)
    arrays: dict[str, list[Json]] = {"tasks": [task_json(run, task, links) for task in run.tasks]}
    if history:
        arrays["repair_history"] = history_json(run)
    end = offset + (limit if limit is not None else max(len(array) for array in arrays.values()))
    # Other fields repeat on each page; an array that is exhausted comes back empty.
    shown.update({name: array[offset:end] for name, array in arrays.items()})
    if any(len(array) > end for array in arrays.values()):
        shown["next_page_token"] = page_token(end)
    return shown


def task_run_json(run: Run, task: TaskRun, links: Links) -> Json:
    """A task run by itself, as `runs/get` with its id and the `metadata` of its output show it."""
    shown = task_json(run, task, links)
    return {
        **base_run_json(run, links),
        **{
            name: shown[name]
            for name in shown
            if name not in ("depends_on", "run_if", "notebook_task", "new_cluster")
        },
        "number_in_job": task.run_id,
        "original_attempt_run_id": task.run_id,
        "run_name": task.spec.key if not run.spec.legacy else run.spec.name,
        "job_run_id": run.run_id,
        "format": "SINGLE_TASK",
        "task": {"notebook_task": shown["notebook_task"]},
        "cluster_spec": {"new_cluster": task.spec.raw.get("new_cluster", {})},
        "run_duration": max(task.end_time - task.start_time, 0) if task.end_time else 0,
    }


def output_json(run: Run, task: TaskRun, links: Links) -> Json:
    """The answer of `runs/get-output`."""
    shown: Json = {"metadata": task_run_json(run, task, links), "notebook_output": {}}
    if task.exit_value is not None:
        shown["notebook_output"] = {"result": task.exit_value, "truncated": task.exit_truncated}
    if task.error:
        shown["error"] = task.error
    if task.error_trace:
        shown["error_trace"] = task.error_trace
    return shown


def page_token(offset: int) -> str:
    """The token for the page that starts at an element."""
    return f"from-{offset}"


def read_page_token(token: str) -> int:
    """The element at which the page of a token starts; no token is the first page."""
    if not token:
        return 0
    match = _PAGE_TOKEN.fullmatch(token)
    if match is None:
        raise invalid_parameter(f"Invalid page token: {token[:100]}")
    return int(match[1])
