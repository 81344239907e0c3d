"""Decides which iterations of a for-each task run again in a repair. Pure."""

from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.states import FINE


def iterations_before(run: Run, task: TaskRun) -> dict[int, TaskRun]:
    """The last iteration for each input, if the attempt before had the same inputs.

    Args:
        run: The run.
        task: An attempt at a for-each task whose inputs are resolved.

    Returns:
        The iterations by the index of their input; empty if there were none or the inputs changed.
    """
    before = _attempt_before(run, task)
    if before is None or before.resolved != task.resolved:
        return {}
    # A later attempt at an iteration comes after the earlier one.
    return {each.input_index: each for each in run.iterations_of(before)}


def kept_iterations(run: Run, task: TaskRun) -> list[int]:
    """The ids of the iterations that succeeded before and do not run again.

    A repair runs only the iterations that did not succeed. Users report this of Databricks; its documentation
    does not say it. In all other cases everything runs again, since nobody would notice a result of old data:
    if the attempt before succeeded, if the inputs changed, and if a task before this one ran again.

    Args:
        run: The run.
        task: An attempt at a for-each task whose inputs are resolved.
    """
    before = _attempt_before(run, task)
    if before is None or before.state.result in FINE:
        return []
    latest = run.latest()
    if any(latest[name].round > before.round for name in task.spec.depends_on if name in latest):
        return []
    iterations = iterations_before(run, task).values()
    return [each.run_id for each in iterations if each.state.result in FINE]


def _attempt_before(run: Run, task: TaskRun) -> TaskRun | None:
    earlier = (each for each in run.tasks if each.spec.key == task.spec.key and each is not task)
    return max(
        (each for each in earlier if each.attempt_number < task.attempt_number),
        key=lambda each: each.attempt_number,
        default=None,
    )
