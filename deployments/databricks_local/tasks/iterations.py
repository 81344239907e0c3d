"""Which iterations of a for-each task run again after an attempt that failed. Pure."""

from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.states import FINE


def iterations_before(run: Run, task: TaskRun) -> dict[int, TaskRun]:
    """The last iteration at each input, of the attempt before this one at the same inputs.

    Args:
        run: The run.
        task: An attempt at a for-each task whose inputs are resolved.

    Returns:
        The iterations by the index of their input; empty if there were none, or the inputs are others now.
    """
    before = _attempt_before(run, task)
    if before is None or before.resolved != task.resolved:
        return {}
    # A later attempt at an iteration comes after the earlier one.
    return {each.input_index: each for each in run.iterations_of(before)}


def kept_iterations(run: Run, task: TaskRun) -> list[int]:
    """The ids of the iterations that succeeded before, and do not run again.

    A repair runs only those that did not succeed. That is known of Databricks by hearsay: no page of its
    documentation was found that says so. Where nothing of the sort is known, everything runs again, since a
    task that is repaired has to bear it, while a result of old data would go unnoticed: after an attempt that
    succeeded, with other inputs, and where a task before this one ran anew.

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
