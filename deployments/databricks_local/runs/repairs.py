"""Decides which tasks a repair runs, or why it is refused. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databricks_local.api import errors
from databricks_local.api.bodies import Json, read_boolean, read_integer
from databricks_local.api.errors import ApiError, invalid_parameter, malformed_request
from databricks_local.jobs.graph import reachable
from databricks_local.jobs.specs import RunType, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.models import Run, TaskRun


@dataclass(frozen=True)
class RepairRequest:
    """The body of `runs/repair`, without its parameters."""

    tasks: tuple[str, ...] = ()
    all_failed: bool = False
    dependents: bool = False
    latest_repair_id: int = 0


def read_repair(body: Json) -> RepairRequest:
    """Read a request to repair."""
    names = body.get("rerun_tasks")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise malformed_request(
            "Could not parse request object: Expected a list of strings for field 'rerun_tasks'"
        )
    return RepairRequest(
        tuple(names or ()),
        read_boolean(body, "rerun_all_failed_tasks"),
        read_boolean(body, "rerun_dependent_tasks"),
        read_integer(body, "latest_repair_id"),
    )


def refusal(run: Run, request: RepairRequest, *, one_time_runs: bool) -> ApiError | None:
    """Why a run cannot be repaired with this request; None if it can.

    Args:
        run: The run.
        request: The request.
        one_time_runs: Whether runs made by `runs/submit` can be repaired.
    """
    if run.spec.run_type is RunType.WORKFLOW_RUN or not (
        one_time_runs or run.spec.run_type is RunType.JOB_RUN
    ):
        return errors.repair_of_submitted_run()
    if run.active:
        return errors.run_active(run.run_id, "repaired")
    # Not required for the first repair, required from the second on (docs: latest_repair_id).
    if request.latest_repair_id != run.latest_repair_id:
        return errors.latest_repair_id_missing()
    return _selection_refusal(request)


def _selection_refusal(request: RepairRequest) -> ApiError | None:
    if request.tasks and request.all_failed:
        # Docs: "Only one of rerun_tasks or rerun_all_failed_tasks can be used".
        return invalid_parameter("Only one of rerun_tasks or rerun_all_failed_tasks can be used.")
    if not request.tasks and not request.all_failed:
        return invalid_parameter("One of rerun_tasks or rerun_all_failed_tasks must be specified.")
    if len(set(request.tasks)) < len(request.tasks):
        return errors.repeated_rerun_tasks()
    return None


def tasks_to_rerun(
    specs: Sequence[TaskSpec], latest: Mapping[str, TaskRun], request: RepairRequest
) -> list[TaskSpec]:
    """Choose the tasks of a repair.

    Args:
        specs: The tasks as the job has them now (docs: repairs use the current settings).
        latest: The latest attempt at each task of the run, by key.
        request: The request.

    Returns:
        Their current specifications, in the order of the job.

    Raises:
        ApiError: If a named task is unknown, or there is nothing to repair.
    """
    current = {spec.key: spec for spec in specs}
    for key in request.tasks:
        if key not in latest or key not in current:
            raise invalid_parameter(f"Task '{key[:120]}' does not exist in the run.")
    chosen = set(request.tasks)
    if request.all_failed:
        # Tasks that were skipped because of a failed one count as failed, too.
        chosen = {key for key, task in latest.items() if task.state.result not in states.FINE}
    if request.dependents:
        # Even those that succeeded (docs: rerun_dependent_tasks).
        after: dict[str, list[str]] = {}
        for spec in specs:
            for name in spec.depends_on:
                after.setdefault(name, []).append(spec.key)
        chosen = reachable(sorted(chosen), after)
    tasks = [spec for spec in specs if spec.key in chosen and spec.key in latest]
    if not tasks:
        raise invalid_parameter("There are no failed tasks to repair.")
    return tasks
