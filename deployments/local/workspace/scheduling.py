"""Which tasks may start, which never will, and how a run ended. Pure: states in, states out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployments.local.workspace import states
from deployments.local.workspace.models import RunIf, TaskRun, TaskSpec
from deployments.local.workspace.states import LifeCycle, Result, State


@dataclass
class Step:
    """What to do next: tasks to start, and tasks that are decided without having run."""

    start: list[str] = field(default_factory=list)
    settle: dict[str, State] = field(default_factory=dict)


def gate(run_if: RunIf, upstream: Sequence[Result]) -> State | None:
    """Decide about a task all of whose dependencies ended (docs: "Run if" conditions).

    Args:
        run_if: The task's condition.
        upstream: The results of its direct dependencies.

    Returns:
        None if it starts, otherwise the state in which it stays.
    """
    if not upstream:
        return None
    if all(result is Result.EXCLUDED for result in upstream):
        return states.EXCLUDED
    good = sum(result in states.SUCCEEDED for result in upstream)
    bad = len(upstream) - good
    canceled = sum(result in states.CANCELED for result in upstream)
    # A canceled dependency is one that did not succeed: tasks made to handle failure still run.
    runs = {
        RunIf.ALL_SUCCESS: bad == 0,
        RunIf.NONE_FAILED: bad == 0,
        RunIf.AT_LEAST_ONE_SUCCESS: good > 0,
        RunIf.ALL_DONE: True,
        RunIf.AT_LEAST_ONE_FAILED: bad > 0,
        RunIf.ALL_FAILED: good == 0,
    }[run_if]
    if runs:
        return None
    if run_if in (RunIf.AT_LEAST_ONE_FAILED, RunIf.ALL_FAILED):
        return states.EXCLUDED
    return states.UPSTREAM_FAILED if bad > canceled else states.UPSTREAM_CANCELED


def next_step(tasks: Mapping[str, TaskRun], started: Iterable[str]) -> Step:
    """Decide what can be decided now.

    Args:
        tasks: The latest attempt at each task, by key.
        started: The keys of the tasks that were started already.

    Returns:
        The tasks to start and those that are settled without running, in the order of the specification.
    """
    step = Step()
    busy = set(started)
    for key, task in tasks.items():
        if key in busy or task.state.terminal:
            continue
        upstream = [(step.settle.get(name) or tasks[name].state).result for name in task.spec.depends_on]
        results = [result for result in upstream if result is not None]
        if len(results) < len(upstream):
            continue
        verdict = gate(task.spec.run_if, results)
        if verdict is None:
            step.start.append(key)
        else:
            step.settle[key] = verdict
    return step


def leaf_keys(tasks: Iterable[TaskSpec]) -> list[str]:
    """The tasks that no other task depends on."""
    specs = list(tasks)
    needed = {name for spec in specs for name in spec.depends_on}
    return [spec.key for spec in specs if spec.key not in needed]


def run_outcome(tasks: Mapping[str, TaskRun]) -> State:
    """Say how a run ended whose tasks all have: its leaves decide (docs: job run states).

    Args:
        tasks: The latest attempt at each task, by key.

    Returns:
        The state of the run.
    """
    results = {key: task.state.result for key, task in tasks.items()}
    leaves = [results[key] for key in leaf_keys(task.spec for task in tasks.values())]
    if any(result in states.FAILED for result in leaves):
        return _failure(tasks)
    if any(result in states.CANCELED for result in leaves):
        return states.USER_CANCELED
    if all(result in states.SUCCEEDED for result in results.values()):
        return states.SUCCESS
    return states.SUCCESS_WITH_FAILURES


def _failure(tasks: Mapping[str, TaskRun]) -> State:
    causes = [task for task in tasks.values() if task.state.result in (Result.FAILED, Result.TIMEDOUT)]
    failed = [task for task in causes if task.state.result is Result.FAILED]
    if not failed:
        return states.TIMED_OUT
    first = min(failed, key=lambda task: task.end_time)
    # The sentence ends with a full stop here, and has none in the task's own message (dagster#19715).
    message = f"Task {first.spec.key} failed with message: {first.state.message.rstrip('.')}."
    if any(_skipped_below(task, first.spec.key) for task in tasks.values()):
        message += " This caused all downstream tasks to get skipped."
    return states.run_failure(message)


def _skipped_below(task: TaskRun, key: str) -> bool:
    return key in task.spec.depends_on and task.state.result is Result.UPSTREAM_FAILED


def topological_order(specs: Sequence[TaskSpec]) -> list[TaskSpec] | None:
    """Order tasks so that each comes after those that it depends on; None if there is a cycle."""
    waiting = {spec.key: spec for spec in specs}
    ordered: list[TaskSpec] = []
    done: set[str] = set()
    while waiting:
        free = [spec for spec in waiting.values() if done.issuperset(spec.depends_on)]
        if not free:
            return None
        for spec in free:
            ordered.append(waiting.pop(spec.key))
            done.add(spec.key)
    return ordered


def is_active(state: State) -> bool:
    """Whether `active_only` lists a run in this state."""
    return state.life_cycle in (
        LifeCycle.PENDING,
        LifeCycle.RUNNING,
        LifeCycle.TERMINATING,
        LifeCycle.BLOCKED,
    )
